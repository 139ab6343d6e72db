#!/bin/sh
# GNU tar 1.34: as root of a user namespace with one id it cannot extract a file of any other owner, and fails.
#
# To root tar gives each file the owner that the archive names; to an id that the namespace does not have that is EINVAL
# for chown. `kubectl cp FILE POD:` sends the owner of FILE, so it ends with exit code 2, though the file has arrived.
# TAR_OPTIONS=--no-same-owner mends it without a word on the command line.
#
# Seen:
#   plain: exit 2, tar: file: Cannot change ownership to uid 1000, gid 1000: Invalid argument
#   TAR_OPTIONS: exit 0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
touch file
tar --owner=1000 --group=1000 --numeric-owner -cf archive.tar file
mkdir out
status=0
said=$(unshare -Ur tar -xf archive.tar -C out 2>&1) || status=$?
echo "plain: exit $status, $(echo "$said" | head -n 1)"
[ "$status" = 2 ] && [ -e out/file ]
TAR_OPTIONS=--no-same-owner unshare -Ur tar -xf archive.tar -C out
echo "TAR_OPTIONS: exit 0"

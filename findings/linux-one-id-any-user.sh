#!/bin/sh
# Linux 6.18: in a user namespace with one id, a process can still be any user, in a user namespace within.
#
# An ordinary user may map one id, usually as root. Then setresuid(1000) is EINVAL, and newuidmap with /etc/subuid is
# what everybody asks for. But the process may make a user namespace of its own and map its one id there as 1000:
# programs that refuse to be root run, own their files, and have no capabilities outside, as another user has none.
#
# Seen (util-linux 2.38.1):
#   one id: setpriv: setresuid failed: Invalid argument
#   within: uid 1000 gid 3000, file of 1000:3000
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
said=$(unshare -Ur setpriv --reuid 1000 id 2>&1 || true)
echo "one id: $said"
within=$(unshare -Ur unshare -U --map-user=1000 --map-group=3000 sh -c \
    'touch file && echo "uid $(id -u) gid $(id -g), file of $(stat -c %u:%g file)"')
echo "within: $within"
[ "$said" = "setpriv: setresuid failed: Invalid argument" ]
[ "$within" = "uid 1000 gid 3000, file of 1000:3000" ]

#!/bin/sh
# nftables 1.0.6 on Linux 6.18: what `nft -f` loads as root, it does not load as root of a user namespace.
#
# A transaction is one message to the kernel, so the socket's send buffer bounds it. nft raises the buffer with
# SO_SNDBUFFORCE alone, which needs CAP_NET_ADMIN of the machine itself; in a user namespace 212,992 bytes are left, and a
# table for a thousand Services or so is "Message too long". Plain SO_SNDBUF may go up to net.core.wmem_max, whose usual
# value is those same 212,992 bytes, which count twice. So a proxy without root has to load its rules in pieces.
#
# Seen (root; another user is in a user namespace in either case):
#   as root:             2000 chains are loaded
#   in a user namespace: Message too long
set -eu
PATH=$PATH:/usr/sbin
case "${1:-}" in
root | user) ;;
*)
    [ "$(id -u)" != 0 ] || unshare -n "$0" root
    exec unshare -Urn "$0" user
    ;;
esac
rules=$(mktemp)
trap 'rm -f "$rules"' EXIT
{
    echo 'table ip services {'
    for each in $(seq 2000); do echo "chain service-$each { meta l4proto tcp dnat to 10.244.1.9:80; }"; done
    echo '}'
} >"$rules"
said=$(nft -f "$rules" 2>&1) || true
if [ "$1" = root ]; then
    echo "as root:             $(nft list chains | grep -c chain) chains are loaded"
    [ -z "$said" ]
else
    echo "in a user namespace: ${said##*: }" | head -1
    case "$said" in *"Message too long"*) ;; *) exit 1 ;; esac
fi

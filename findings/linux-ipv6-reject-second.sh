#!/bin/sh
# Linux 6.18 (nftables 1.0.6): a TCP client of IPv6 learns of nftables' `reject` a second late, one of IPv4 at once.
#
# `reject` answers TCP with an ICMP error "port unreachable", which an IPv6 client heeds only when its SYN is sent again,
# a second later; why IPv4 differs was not looked into. A reset (`reject with tcp reset`) is heeded at once.
#
# kube-proxy's rules for Services without endpoints are such rejects.
#
# Seen (any user):
#   127.0.0.1 reject: at once   reset: at once
#   ::1       reject: late      reset: at once
set -eu
[ "${1:-}" = inside ] || exec unshare -Urn "$0" inside
PATH=$PATH:/usr/sbin
ip link set lo up
nft 'add table inet t
    add chain inet t input { type filter hook input priority 0; }
    add rule inet t input tcp dport 9 reject
    add rule inet t input tcp dport 10 reject with tcp reset'
exec python3 -c '
import socket, time

def said(host, port):
    begun = time.monotonic()
    try:
        socket.create_connection((host, port), 5)
    except ConnectionRefusedError:
        return "at once" if time.monotonic() - begun < 0.5 else "late"

seen = {host: (said(host, 9), said(host, 10)) for host in ("127.0.0.1", "::1")}
for host, (reject, reset) in seen.items():
    print(f"{host:9} reject: {reject:10}reset: {reset}")
assert seen == {"127.0.0.1": ("at once", "at once"), "::1": ("late", "at once")}
'

#!/bin/sh
# Linux (seen with 6.18; CPython 3.11): a bound UDP socket of IPv6 that is connected and disconnected again stays deaf.
#
# connect(2) with AF_UNSPEC dissolves the association, and getpeername() says so. An IPv4 socket then hears everybody as
# before. An IPv6 socket keeps the peer's address (sk_v6_daddr; __udp_disconnect() of net/ipv4/udp.c clears only IPv4's),
# and datagrams from other addresses are refused by ICMP for good. Only a further connect() or a new socket helps.
#
# Seen:
#   IPv4: after the disconnect a stranger is heard
#   IPv6: after the disconnect a stranger is refused
set -eu
exec unshare --user --map-root-user --net sh -c '
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
ip -6 address add fd00::1/128 dev lo nodad
exec python3 -
' <<'PYTHON'
import ctypes
import socket

libc = ctypes.CDLL(None, use_errno=True)


def heard(family, address, peer, stranger):
    listener = socket.socket(family, socket.SOCK_DGRAM)
    listener.bind((address, 9000))
    listener.setblocking(False)
    listener.connect((peer, 9001))
    unspecified = bytes(28)
    assert libc.connect(listener.fileno(), unspecified, len(unspecified)) == 0
    try:
        listener.getpeername()
        raise SystemExit("it is still connected")
    except OSError:
        pass
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(1)
    client.bind((stranger, 0))
    client.connect((address, 9000))
    client.send(b"?")
    try:
        return listener.recv(1) == b"?" and "heard"
    except BlockingIOError:
        try:
            client.recv(1)
        except ConnectionRefusedError:
            return "refused"
    return "dropped"


four = heard(socket.AF_INET, "127.0.0.1", "127.0.0.9", "127.0.0.2")
six = heard(socket.AF_INET6, "fd00::1", "::1", "fd00::1")
print(f"IPv4: after the disconnect a stranger is {four}")
print(f"IPv6: after the disconnect a stranger is {six}")
assert (four, six) == ("heard", "refused"), "the kernel has changed"
PYTHON

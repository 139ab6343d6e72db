#!/bin/sh
# Linux 6.18 (CPython 3.11): of two sockets with one address and port, one of them bound to the device (SO_BINDTODEVICE),
# the device counts for nothing if both have SO_REUSEPORT. All goes to the socket that was bound last with IPv4, and to the
# one that was bound first with IPv6, TCP and UDP alike.
#
# The kernel gives points to each socket that fits, more to one that is bound to the device, and the best one gets the
# packet: so it is with SO_REUSEADDR (UDP). But a socket with SO_REUSEPORT ends the search at once, in favour of its group
# (inet_lhash2_lookup, udp4_lib_lookup2), and a group has sockets of one device only. The search meets the newest socket
# first, but for IPv6 with SO_REUSEPORT, which is added at the end of the list.
#
# TCP listeners can share an address and port by SO_REUSEPORT alone, so a server for one device (a VRF, a link of a node)
# beside one for all of them works with one family at most, depending on which was started first.
#
# Seen (any user):
#   TCP 0.0.0.0 reuseport: device first: the one without; device last: the one of the device
#   TCP ::      reuseport: device first: the one of the device; device last: the one without
#   UDP 0.0.0.0 reuseport: device first: the one without; device last: the one of the device
#   UDP ::      reuseport: device first: the one of the device; device last: the one without
#   UDP 0.0.0.0 reuseaddr: device first: the one of the device; device last: the one of the device
#   UDP ::      reuseaddr: device first: the one of the device; device last: the one of the device
set -eu
[ "${1:-}" = inside ] || exec unshare -Urn "$0" inside
PATH=$PATH:/usr/sbin
ip link set lo up
exec python3 - <<'PYTHON'
import socket
from socket import SO_REUSEADDR, SO_REUSEPORT, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET

SO_BINDTODEVICE = 25
OF_DEVICE, WITHOUT = "the one of the device", "the one without"
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def bound(address, kind, option, of_device):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    sock.setsockopt(SOL_SOCKET, option, 1)
    if of_device:
        sock.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"lo")
    sock.bind((address, 9000))
    if kind == SOCK_STREAM:
        sock.listen()
    sock.setblocking(False)
    return sock


def got(sock):
    try:
        if sock.type == SOCK_STREAM:
            sock.accept()[0].close()
        else:
            sock.recv(1)
    except BlockingIOError:
        return False
    return True


def who_gets(address, kind, option, order):
    sockets = {name: bound(address, kind, option, name == OF_DEVICE) for name in order}
    seen = set()
    for _ in range(20):
        with socket.socket(sockets[WITHOUT].family, kind) as client:
            client.connect((LOOPBACK[address], 9000))
            client.send(b"?")
            seen |= {name for name, sock in sockets.items() if got(sock)}
    for sock in sockets.values():
        sock.close()
    return " and ".join(seen)


for kind, address, option, expected in (
    (SOCK_STREAM, "0.0.0.0", SO_REUSEPORT, (WITHOUT, OF_DEVICE)),
    (SOCK_STREAM, "::", SO_REUSEPORT, (OF_DEVICE, WITHOUT)),
    (SOCK_DGRAM, "0.0.0.0", SO_REUSEPORT, (WITHOUT, OF_DEVICE)),
    (SOCK_DGRAM, "::", SO_REUSEPORT, (OF_DEVICE, WITHOUT)),
    (SOCK_DGRAM, "0.0.0.0", SO_REUSEADDR, (OF_DEVICE, OF_DEVICE)),
    (SOCK_DGRAM, "::", SO_REUSEADDR, (OF_DEVICE, OF_DEVICE)),
):
    seen = tuple(who_gets(address, kind, option, order) for order in ((OF_DEVICE, WITHOUT), (WITHOUT, OF_DEVICE)))
    name = f"{'TCP' if kind == SOCK_STREAM else 'UDP'} {address:7} {'reuseport' if option == SO_REUSEPORT else 'reuseaddr'}"
    print(f"{name}: device first: {seen[0]}; device last: {seen[1]}")
    assert seen == expected, "the kernel has changed"
PYTHON

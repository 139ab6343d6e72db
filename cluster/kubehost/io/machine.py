"""What this network namespace says of itself: its addresses and networks, what is local to it, and its routes.

See rtnetlink(7); everybody may ask. Changes are ``rtnetlink``'s messages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_ntop

from kubehost.io.netlink import NetlinkError, NetlinkSocket
from kubehost.io.rtnetlink import LOCAL, LOOPBACK_INDEX, SCOPE_LINK, family_of, packed
from kubehost.netlink import ACK, MATCH, ROOT, Message, Reply, attribute, read_attributes

_GETADDR, _GETROUTE = 22, 26
_ADDRESS_HEADER, _ROUTE_HEADER = 8, 12
_IFA_ADDRESS, _IFA_LOCAL, _RTA_DST, _RTA_GATEWAY = 1, 2, 1, 5


def own_addresses() -> list[str]:
    """Return the addresses of all interfaces but for link-local ones, the loopback ones too; OSError."""
    found: list[str] = []
    for reply in _addresses():
        family, _, _, scope = struct.unpack_from("=BBBB", reply.body)
        values = dict(read_attributes(reply.body, _ADDRESS_HEADER))
        value = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS)
        if value and family in (AF_INET, AF_INET6) and scope != SCOPE_LINK:
            found.append(inet_ntop(family, value))
    return list(dict.fromkeys(found))


def connected_networks() -> list[str]:
    """Return the CIDRs to which interfaces other than lo are directly connected, without link-local ones; OSError."""
    found: list[str] = []
    for reply in _addresses():
        family, length, _, scope, index = struct.unpack_from("=BBBBI", reply.body)
        value = dict(read_attributes(reply.body, _ADDRESS_HEADER)).get(_IFA_ADDRESS)
        if value and family in (AF_INET, AF_INET6) and scope != SCOPE_LINK and index != LOOPBACK_INDEX:
            found.append(str(ip_network(f"{inet_ntop(family, value)}/{length}", strict=False)))
    return list(dict.fromkeys(found))


def _addresses() -> list[Reply]:
    with NetlinkSocket() as sock:
        return sock.dump(Message(_GETADDR, ROOT | MATCH, bytes(_ADDRESS_HEADER), "addresses"))


def not_local(addresses: Iterable[str]) -> list[str]:
    """Return those addresses to which packets are not for this network namespace itself; OSError."""
    with NetlinkSocket() as sock:
        return [each for each in addresses if not _is_local(sock, each)]


def _is_local(sock: NetlinkSocket, address: str) -> bool:
    value = packed(address)
    header = struct.pack("=BBBBBBBBI", family_of(address), len(value) * 8, 0, 0, 0, 0, 0, 0, 0)
    try:
        replies = sock.dump(Message(_GETROUTE, ACK, header + attribute(_RTA_DST, value), f"route to {address}"))
    except NetlinkError:  # there is no route, or one that refuses
        return False
    return any(each.body[7] == LOCAL for each in replies)


def local_routes_of(protocol: int) -> Iterator[str]:
    """Yield the CIDRs that were made local by routes with a protocol number; OSError."""
    for family, reply in _routes():
        length, maker, kind = reply.body[1], reply.body[5], reply.body[7]
        value = dict(read_attributes(reply.body, _ROUTE_HEADER)).get(_RTA_DST)
        if maker == protocol and kind == LOCAL and value:
            yield f"{inet_ntop(family, value)}/{length}"


def gateways() -> list[str]:
    """Return the gateways of all routes that have one each; OSError."""
    found: list[str] = []
    for family, reply in _routes():
        if value := dict(read_attributes(reply.body, _ROUTE_HEADER)).get(_RTA_GATEWAY):
            found.append(inet_ntop(family, value))
    return list(dict.fromkeys(found))


def _routes() -> Iterator[tuple[int, Reply]]:
    with NetlinkSocket() as sock:
        for family in (AF_INET, AF_INET6):
            header = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)
            for reply in sock.dump(Message(_GETROUTE, ROOT | MATCH, header, "routes")):
                yield family, reply

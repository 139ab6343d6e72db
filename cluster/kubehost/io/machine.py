"""What this network namespace says of itself: its addresses, what is local to it, and routes of one maker.

See rtnetlink(7); everybody may ask. Changes are ``rtnetlink``'s messages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from socket import AF_INET, AF_INET6, inet_ntop

from kubehost.io.netlink import NetlinkError, NetlinkSocket
from kubehost.io.rtnetlink import LOCAL, SCOPE_LINK, family_of, packed
from kubehost.netlink import ACK, MATCH, ROOT, Message, attribute, read_attributes

_GETADDR, _GETROUTE = 22, 26
_ADDRESS_HEADER, _ROUTE_HEADER = 8, 12
_IFA_ADDRESS, _IFA_LOCAL, _RTA_DST = 1, 2, 1


def own_addresses() -> list[str]:
    """Return the addresses of all interfaces but for link-local ones, the loopback ones too; OSError."""
    with NetlinkSocket() as sock:
        replies = sock.dump(Message(_GETADDR, ROOT | MATCH, bytes(_ADDRESS_HEADER), "addresses"))
    found: list[str] = []
    for reply in replies:
        family, _, _, scope = struct.unpack_from("=BBBB", reply.body)
        values = dict(read_attributes(reply.body, _ADDRESS_HEADER))
        value = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS)
        if value and family in (AF_INET, AF_INET6) and scope != SCOPE_LINK:
            found.append(inet_ntop(family, value))
    return list(dict.fromkeys(found))


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
    with NetlinkSocket() as sock:
        for family in (AF_INET, AF_INET6):
            header = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)
            for reply in sock.dump(Message(_GETROUTE, ROOT | MATCH, header, "routes")):
                length, maker, kind = reply.body[1], reply.body[5], reply.body[7]
                value = dict(read_attributes(reply.body, _ROUTE_HEADER)).get(_RTA_DST)
                if maker == protocol and kind == LOCAL and value:
                    yield f"{inet_ntop(family, value)}/{length}"

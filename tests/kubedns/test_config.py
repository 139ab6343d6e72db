"""The configuration, and the name servers of a resolv.conf."""

from __future__ import annotations

from typing import Any

import pytest

from kubedns.config import DNSConfig, Forward, read_resolv_conf


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", (("192.0.2.1", 53), ("2001:db8::1", 53))),
        ("# nameserver 192.0.2.9\n; nameserver 192.0.2.8\nsearch a b\noptions ndots:5\n", ()),
        ("nameserver\t192.0.2.1 # comment\r\n  nameserver 192.0.2.1\n", (("192.0.2.1", 53),)),
        ("nameserver fe80::1%lo\n", (("fe80::1%lo", 53),)),
        ("nameserver\nnameserver example.com\nNAMESERVER 192.0.2.1\n", ()),
        ("", ()),
    ],
    ids=["both families", "comments and other lines", "spaces and doubles", "scoped", "broken", "empty"],
)
def test_resolv_conf_names_the_upstreams(text: str, servers: tuple[tuple[str, int], ...]) -> None:
    assert read_resolv_conf(text) == servers


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ttl": 3601}, "ttl must be between 0 and 3600 seconds, not 3601"),
        ({"ttl": -1}, "ttl must be between"),
        ({"pods": "maybe"}, "pods must be disabled, insecure or verified, not 'maybe'"),
        ({"hosts": {"a.example": ("1.2.3",)}}, "hosts: a.example: '1.2.3' is no IP address"),
        ({"hosts": {"a..b": ()}}, "a label has 1 to 63 bytes"),
        ({"ignores_empty_services": True, "has_endpoints": False}, "ignores_empty_services needs has_endpoints"),
        ({"forwards": {"a..b": Forward()}}, "a label has 1 to 63 bytes"),
        ({"reverse_zones": ("a..b",)}, "a label has 1 to 63 bytes"),
        ({"zone": "a..b"}, "a label has 1 to 63 bytes"),
    ],
)
def test_what_cannot_be_configured_is_said(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DNSConfig(**wrong)

from __future__ import annotations

from kubehost.hostport import bracketed, join_host_port


def test_an_ipv6_address_is_in_brackets_where_a_port_follows() -> None:
    assert join_host_port("127.0.0.1", 80) == "127.0.0.1:80"
    assert join_host_port("::1", 80) == "[::1]:80"
    assert (bracketed("localhost"), bracketed("::1")) == ("localhost", "[::1]")

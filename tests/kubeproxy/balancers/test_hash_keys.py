"""Which text of a connection or request the algorithms that hash see."""

from __future__ import annotations

import pytest

from kubeapi.balancing import hash_on, http_part, read_options
from kubeproxy.balancers import Asking
from kubeproxy.balancers.hashing import hashed_text
from kubeproxy.types import Destination

VIP, VIP6 = Destination("127.96.0.20", 80, "TCP"), Destination("fd00::20", 80, "TCP")


@pytest.mark.parametrize(
    ("written", "ask", "expected"),
    [
        ("", Asking("10.0.0.1", VIP, 4000), "10.0.0.1"),
        ('{"hash_on": "source"}', Asking("10.0.0.1", VIP, 4000), "10.0.0.1"),
        ('{"hash_on": "source_port"}', Asking("10.0.0.1", VIP, 4000), "10.0.0.1:4000"),
        ('{"hash_on": "source_port"}', Asking("fd00::1", VIP6, 4000), "[fd00::1]:4000"),
        ('{"hash_on": "destination"}', Asking("10.0.0.1", VIP, 4000), "127.96.0.20"),
        ('{"hash_on": "header:X-User"}', Asking("10.0.0.1", VIP, 4000, "ada"), "ada"),
        ('{"hash_on": "path"}', Asking("10.0.0.1", VIP, 4000, "/a"), "/a"),
        ('{"hash_on": "cookie:id"}', Asking("10.0.0.1", VIP, 4000), "10.0.0.1"),
    ],
)
def test_what_is_hashed_is_named_by_an_option_and_a_missing_part_of_a_request_is_replaced_by_the_source(
    written: str, ask: Asking, expected: str
) -> None:
    assert hashed_text(read_options(written, (hash_on(),)))(ask) == expected


def test_an_algorithm_has_its_own_default() -> None:
    assert hashed_text(read_options("", (hash_on("destination"),)))(Asking("10.0.0.1", VIP)) == "127.96.0.20"


@pytest.mark.parametrize(
    ("hashed", "expected"),
    [("source_port", "None"), ("header:X-User", "header X-User"), ("cookie:id", "cookie id"), ("path", "path")],
)
def test_parts_of_requests_are_told_from_addresses(hashed: str, expected: str) -> None:
    assert str(http_part(hashed)) == expected

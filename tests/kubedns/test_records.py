"""The index: one change touches its own entries, and says which answers are stale."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.helpers.kubedns.objects import (
    cluster,
    endpoint,
    endpoint_slice,
    external,
    namespace,
    pod,
    service,
)
from tests.helpers.kubedns.zone import tell, untell, zone_of

from kubeapi.meta import JSON
from kubedns.types import SERIAL, Owner
from kubedns.zone import Zone

CART = service("cart", "10.0.0.1")
SLICE = endpoint_slice("cart-1", "cart", endpoint("10.1.0.1"), endpoint("10.1.0.2"))
CART_OWNER: Owner = ("service", b"shop", b"cart")
CART_ENDPOINTS: Owner = ("endpoints", b"shop", b"cart")


def address(*octets: int) -> Owner:
    return "address", bytes(octets), b""


def with_status(obj: JSON) -> JSON:
    return {**obj, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}


@pytest.mark.parametrize(
    ("before", "change", "stale"),
    [
        ([], namespace("shop"), {("namespace", b"shop", b"")}),
        ([namespace("shop")], {**namespace("shop"), "status": {"phase": "Active"}}, set()),
        ([], CART, {CART_OWNER, address(10, 0, 0, 1)}),
        ([CART], service("cart", "10.0.0.2"), {CART_OWNER, address(10, 0, 0, 1), address(10, 0, 0, 2)}),
        ([CART], with_status(CART), set()),
        ([CART], external("cart", "example.com"), {CART_OWNER, address(10, 0, 0, 1)}),
        ([], SLICE, {CART_ENDPOINTS, address(10, 1, 0, 1), address(10, 1, 0, 2)}),
        (
            [SLICE],
            endpoint_slice("cart-1", "cart", endpoint("10.1.0.1"), endpoint("10.1.0.3")),
            {CART_ENDPOINTS, address(10, 1, 0, 2), address(10, 1, 0, 3)},
        ),
        (
            [SLICE],
            endpoint_slice("cart-1", "cart", endpoint("10.1.0.1"), endpoint("10.1.0.2", ready=False)),
            {CART_ENDPOINTS, address(10, 1, 0, 2)},
        ),
        (
            [SLICE],
            endpoint_slice("cart-1", "cart", endpoint("10.1.0.1", terminating=True), endpoint("10.1.0.2")),
            set(),
        ),
        (
            [SLICE],
            endpoint_slice("cart-1", "till", endpoint("10.1.0.1"), endpoint("10.1.0.2")),
            {CART_ENDPOINTS, ("endpoints", b"shop", b"till"), address(10, 1, 0, 1), address(10, 1, 0, 2)},
        ),
        ([], pod("a", "10.1.0.1"), {("pod", b"shop", b"10.1.0.1")}),
        ([pod("a", "10.1.0.1")], pod("a", "10.1.0.1", deleting=True), set()),
        ([pod("a", "10.1.0.1")], pod("a", "10.1.0.1", phase="Failed"), {("pod", b"shop", b"10.1.0.1")}),
        ([], pod("a", ""), set()),
    ],
    ids=[
        "a new namespace",
        "a namespace's status",
        "a new service",
        "another cluster IP",
        "a service's status",
        "another type",
        "a new slice",
        "an endpoint replaced",
        "an endpoint no longer ready",
        "an endpoint that terminates",
        "a slice that changes its service",
        "a new pod",
        "a known pod that terminates",
        "a pod that is over",
        "a pod without an address",
    ],
)
def test_a_change_makes_only_its_own_answers_stale(before: list[JSON], change: JSON, stale: set[Owner]) -> None:
    zone = zone_of(before)
    assert tell(zone, change) == stale


def test_what_all_objects_brought_goes_with_them() -> None:
    zone, empty = zone_of(cluster()), zone_of([])
    for each in cluster():
        untell(zone, each)
    assert vars(zone.records) == vars(empty.records)


def test_slices_without_a_service_and_addresses_that_are_names_are_passed_over() -> None:
    unlabelled = endpoint_slice("x", "cart", endpoint("10.1.0.1"))
    unlabelled["metadata"]["labels"] = {}
    fqdn = endpoint_slice("y", "cart", endpoint("web.example.com"))
    zone = zone_of([unlabelled, fqdn])
    assert [each.endpoints for each in zone.records.slices_of((b"shop", b"cart"))] == [()]


def test_a_hostname_that_is_no_label_gives_way_to_the_address() -> None:
    zone = zone_of([endpoint_slice("x", "cart", endpoint("10.1.0.1", hostname="h" * 64))])
    assert zone.records.slices_of((b"shop", b"cart"))[0].endpoints[0].label == b"10-1-0-1"


@pytest.mark.parametrize(
    ("act", "serial"),
    [
        (lambda zone: tell(zone, service("cart", "10.0.0.2")), 200),
        (lambda zone: tell(zone, with_status(CART)), 100),
        (lambda zone: untell(zone, CART), 200),
    ],
    ids=["a change that shows", "a change that does not", "a removal"],
)
def test_the_serial_is_the_second_of_the_last_change_that_shows(act: Callable[[Zone], object], serial: int) -> None:
    now = 100.9
    zone = Zone(lambda: now)
    tell(zone, CART)
    now = 200.1
    act(zone)
    assert zone.serial == serial


def test_a_new_serial_makes_stale_what_shows_it() -> None:
    now = 100.0
    zone = Zone(lambda: now)
    assert SERIAL not in tell(zone, CART)
    now = 101.0
    assert SERIAL in tell(zone, SLICE)

"""Which endpoints of a Service are left to a client by NetworkPolicies."""

from __future__ import annotations

import pytest
from tests.helpers.kubeproxy.policyworld import GATEWAY, PolicyWorld

from kubeapi.meta import JSON
from kubeproxy.balancers import Asking
from kubeproxy.types import Destination, Route, ServicePortName
from kubeproxy.userspace.closed import ClosedEndpoints

WEB, CART, CLIENT, OUTSIDE = "127.244.1.10", "127.244.1.11", "127.244.2.20", "203.0.113.7"
VIP, INGRESS = "127.96.0.20", "127.0.113.9"
ROUTE = Route(ServicePortName("default", "web", "", "TCP"), "", is_local=False)
ONLY_WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
ALL: JSON = {"podSelector": {}}


@pytest.mark.parametrize(
    ("spec", "client", "address", "expected"),
    [
        (ONLY_WEB, CLIENT, VIP, (f"{WEB}:8080",)),
        (ONLY_WEB, OUTSIDE, VIP, (f"{WEB}:8080",)),
        (ONLY_WEB, GATEWAY, VIP, ()),
        (ONLY_WEB, OUTSIDE, INGRESS, ()),
        (ALL, CLIENT, VIP, ()),
    ],
    ids=["a pod", "a client outside", "a node", "by way of an Ingress", "all are closed: the connection is older"],
)
def test_closed_endpoints_are_left_out(spec: JSON, client: str, address: str, expected: tuple[str, ...]) -> None:
    world = PolicyWorld()
    for name, ip in (("web", WEB), ("cart", CART)):
        world.add_pod(f"shop/{name}", ip, {"app": name})
    world.add_pod("bank/app", CLIENT, {"app": "bank"})
    world.serve("web", VIP, WEB, CART)
    world.set_policy("shop/p", spec)
    world.sync()
    closed = ClosedEndpoints(world.proxier.rules)
    asking = Asking(client, Destination(address, 80, "TCP"))
    assert closed.find(ROUTE, asking) == closed.find(ROUTE, asking) == expected

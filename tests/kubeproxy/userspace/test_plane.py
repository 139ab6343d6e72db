"""The order in which the engine obeys a change.

IP plan: Services 127.97.40.1 and .2, endpoint 127.245.40.1, port 20080.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from socket import SocketType

import pytest
from tests.helpers.kubeproxy.cluster import ask, cluster, naming_endpoints, service, slice_of

from kubeproxy.rules import Listener, Rules
from kubeproxy.types import ServicePortName
from kubeproxy.userspace.carrier import Spot
from kubeproxy.userspace.dataplane import DataPlane

VIP, OTHER, A = "127.97.40.1", "127.97.40.2", "127.245.40.1"


async def test_sockets_are_closed_by_the_old_rules_and_opened_by_the_new(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []

    class Logged(DataPlane):
        def apply(self, rules: Rules, ports: Sequence[ServicePortName]) -> None:
            log.append("apply")
            super().apply(rules, ports)

        def listen(self, listener: Listener, place: str, sockets: Sequence[SocketType]) -> None:
            log.append(f"listen {listener.destination.address}")
            super().listen(listener, place, sockets)

        def close(self, spot: Spot, closed: Callable[[], None]) -> None:
            log.append(f"close {spot.destination.address}")
            super().close(spot, closed)

    monkeypatch.setattr("kubeproxy.userspace.plane.DataPlane", Logged)
    async with naming_endpoints(A), cluster(service(cluster_ip=VIP), slice_of("web", [A])) as c:
        assert log == ["apply", f"listen {VIP}"]
        log.clear()
        c.put(service(cluster_ip=OTHER))
        await c.settle()
        assert log == [f"close {VIP}", "apply", f"listen {OTHER}"]
        assert await ask(OTHER) == A

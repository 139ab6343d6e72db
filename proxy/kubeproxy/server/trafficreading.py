"""Tells how much the Services' endpoints get, to what scales by it; reads the engine's counters when asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from kubeapi.meta import ObjectKey
from kubeapi.metrics.traffic import EndpointTraffic, PortTraffic, Traffic
from kubeproxy.plane import Plane
from kubeproxy.proxier import Proxier
from kubeproxy.rules import PortRule
from kubeproxy.telemetry.rates import Look, Rates, now_at, rate
from kubeproxy.types import ServicePortName


class TrafficReading:
    """Calling it returns the present traffic; ``run`` must run where workers have the counters.

    ``clock`` gives monotonic seconds.
    """

    def __init__(self, plane: Plane, proxier: Proxier, clock: Callable[[], float]) -> None:
        self._plane, self._proxier, self._clock = plane, proxier, clock
        self._rates = Rates(clock())
        self._asked = asyncio.Event()

    def __call__(self) -> Traffic | None:
        """Return the traffic; None if there is no rate yet, but will be in a second."""
        now, counters = self._clock(), self._plane.traffic.counters
        if self._rates.is_due(now):
            if counters is None:
                self._asked.set()
            else:
                self._rates.note(now, counters)
        looks = self._rates.between(now)
        if looks is None:
            return None
        first, last = looks
        return Traffic(time.time() - (now - last.time), last.time - first.time, lambda key: self._ports(key, looks))

    async def run(self) -> None:
        """Ask the workers whenever somebody has asked here; runs until it is cancelled."""
        while True:
            await self._asked.wait()
            counters = await self._plane.traffic.count()
            self._rates.note(self._clock(), counters)
            self._asked.clear()

    def _ports(self, service: ObjectKey, looks: tuple[Look, Look]) -> list[PortTraffic]:
        rules, is_backend = self._proxier.rules, self._proxier.ingresses.has_backend(service)
        found: list[PortTraffic] = []
        for name in rules.by_service.get(service, ()):
            rule = rules.ports[name]
            from_ingresses = is_backend and name.protocol == "TCP"
            if from_ingresses or self._plane.counts(name):
                is_http = rule.service_port.is_http or from_ingresses
                found.append(PortTraffic(name.port, is_http, _endpoints(name, rule, looks)))
        return found


def _endpoints(name: ServicePortName, rule: PortRule, looks: tuple[Look, Look]) -> tuple[EndpointTraffic, ...]:
    found = [
        EndpointTraffic(each.target, rate(looks, name, each.address), now_at(looks[1], name, each.address))
        for each in rule.endpoints
    ]
    refused = rate(looks, name, "")
    return (*found, EndpointTraffic("", refused, 0)) if refused else tuple(found)

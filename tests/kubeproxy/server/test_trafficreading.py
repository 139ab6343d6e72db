"""How much endpoints get each second: differences of the counters, read when somebody asks."""

from __future__ import annotations

import asyncio

import pytest
from tests.helpers.kubeapi.objects import FakeClock
from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.objects import build, build_endpoint

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.metrics.traffic import EndpointTraffic, Traffic
from kubeproxy.proxier import Proxier
from kubeproxy.server.trafficreading import TrafficReading
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.rates import LONGEST, WINDOW
from kubeproxy.types import ServicePortName

WEB = ServicePortName("default", "web", "", "TCP")
API = ServicePortName("default", "api", "", "TCP")
A, B = "127.245.2.1", "127.245.2.2"


class FakePlane:
    """Has counters, or ``is_elsewhere`` in workers; ``by_kernel`` are the Service ports that it does not count."""

    def __init__(self) -> None:
        self.own = ProxyCounters()
        self.is_elsewhere = False
        self.by_kernel: set[ServicePortName] = set()
        self.traffic = self

    @property
    def counters(self) -> ProxyCounters | None:
        return None if self.is_elsewhere else self.own

    async def count(self) -> ProxyCounters:
        return self.own

    def counts(self, port_name: ServicePortName) -> bool:
        return port_name not in self.by_kernel

    def begin(self, count: int, address: str = f"{A}:8080", name: ServicePortName = WEB, *, ended: int = 0) -> None:
        """Count new connections, of which some have ended."""
        endpoint = self.own.endpoint(name, address)
        for at in range(count):
            self.own.opened(endpoint)
            if at < ended:
                self.own.closed(endpoint)


class World:
    """A proxy's reading at a clock of its own."""

    def __init__(self) -> None:
        self.plane, self.clock, self.proxier = FakePlane(), FakeClock(), Proxier()
        web = service("web", "127.97.2.1", ports=[{"port": 80, "appProtocol": "http"}])
        self.tell(web, service("api", "127.97.2.2"), slice_of("api", [B], port=8080))
        pod = {"kind": "Pod", "name": "web-a"}
        self.tell(slice_of("web", [build_endpoint(A, targetRef=pod), build_endpoint(B)], port=8080))
        self.read = TrafficReading(self.plane, self.proxier, self.clock)  # type: ignore[arg-type]

    def tell(self, *objects: JSON) -> None:
        """Hand objects over, as informers do."""
        updates = {"Service": self.proxier.services.update, "EndpointSlice": self.proxier.endpoints.update}
        for each in objects:
            updates[each["kind"]](key_of(each), each)
        self.proxier.sync()
        for name, rule in self.proxier.rules.ports.items():
            self.plane.own.update(name, [each.address for each in rule.endpoints])

    def after(self, seconds: float) -> Traffic:
        """Read after some seconds."""
        self.clock.advance(seconds)
        found = self.read()
        assert found is not None
        return found


@pytest.fixture
def world() -> World:
    return World()


def rates(traffic: Traffic, name: str = "web") -> list[float]:
    return [each.rate for port in traffic.ports_of(ObjectKey("default", name)) for each in port.endpoints]


def test_an_endpoint_has_what_it_was_given_since_the_start(world: World) -> None:
    world.plane.begin(40, ended=30)
    (port,) = world.after(4).ports_of(ObjectKey("default", "web"))
    assert port == ("", True, (EndpointTraffic("web-a", 10.0, 10), EndpointTraffic("", 0.0, 0)))
    assert world.read() is not None
    assert world.after(0).window == 4


def test_a_rate_is_that_since_a_look_of_some_age(world: World) -> None:
    for _ in range(20):
        world.plane.begin(5)
        found = world.after(1)
    assert (found.window, rates(found)[0]) == (WINDOW, 5.0)
    world.plane.begin(60)
    found = world.after(15)
    assert (found.window, rates(found)[0]) == (15, 4.0)


def test_nothing_is_told_before_a_second_and_after_a_silence(world: World) -> None:
    assert world.read() is None
    world.after(1)
    world.clock.advance(LONGEST + 1)
    assert world.read() is None
    world.plane.begin(3)
    assert rates(world.after(1))[0] == 3.0


def test_an_endpoint_that_has_come_back_is_counted_anew(world: World) -> None:
    world.plane.begin(100, ended=100)
    world.after(2)
    world.tell(slice_of("web", [B], port=8080))
    world.tell(slice_of("web", [A], port=8080))
    world.plane.begin(20)
    assert rates(world.after(10)) == [2.0]


def test_a_port_whose_connections_the_kernel_carries_has_no_figures(world: World) -> None:
    world.plane.begin(4, f"{B}:8080", API)
    assert rates(world.after(2), "api") == [2.0]
    world.plane.by_kernel = {API}
    assert world.after(2).ports_of(ObjectKey("default", "api")) == []


def test_requests_that_had_no_endpoint_count_for_the_service(world: World) -> None:
    world.tell(slice_of("web", [], port=8080))
    assert rates(world.after(2)) == []
    world.plane.own.refused[WEB] += 30
    assert rates(world.after(8)) == [3.0]
    (port,) = world.after(0).ports_of(ObjectKey("default", "web"))
    assert [each.pod for each in port.endpoints] == [""]


def test_a_backend_of_an_ingress_gets_requests(world: World) -> None:
    backend = {"service": {"name": "api", "port": {"number": 80}}}
    world.proxier.ingresses.update(
        ObjectKey("default", "site"), build("Ingress", "site", "default", spec={"defaultBackend": backend})
    )
    world.plane.by_kernel = {API}
    assert [each.is_http for each in world.after(2).ports_of(ObjectKey("default", "api"))] == [True]


def test_a_service_that_is_not_there_has_no_ports(world: World) -> None:
    assert world.after(2).ports_of(ObjectKey("default", "none")) == []


@pytest.mark.looptime
async def test_workers_are_asked_in_the_background(world: World) -> None:
    world.plane.is_elsewhere = True
    running = asyncio.create_task(world.read.run())
    world.plane.begin(6)
    world.clock.advance(2)
    assert world.read() is None
    await asyncio.sleep(0.1)
    found = world.read()
    assert found is not None
    assert rates(found)[0] == 3.0
    world.clock.advance(15)
    assert world.read() is None  # what was counted so long ago is not told again
    await asyncio.sleep(0.1)
    found = world.read()
    assert found is not None
    assert found.window == 15
    running.cancel()

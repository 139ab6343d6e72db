"""Every algorithm where two processes carry the traffic: each alone or all as one, clients are served by all of them.

IP plan: Services 127.82.41.x, endpoints 127.82.42.x, port 20080.
"""

from __future__ import annotations

from collections import Counter

from tests.helpers.kubeproxy.cluster import ask, cluster, naming_endpoints, service, slice_of

from kubeproxy.balancers import BALANCERS, NAMES
from kubeproxy.config import ProxyConfig
from kubeproxy.userspace.workers.io.workers import Workers
from kubesvc.network.loopback import LoopbackNetwork, LowPorts

A, B = "127.82.42.1", "127.82.42.2"
ASKED = 6


async def test_every_algorithm_serves_clients_of_all_workers() -> None:
    vips = {name: f"127.82.41.{number}" for number, name in enumerate(NAMES, 1)}
    services = [
        service(name.replace("_", "-"), vip, annotations={"kubesvc.dev/balancer": name}) for name, vip in vips.items()
    ]
    slices = [slice_of(name.replace("_", "-"), (A, B)) for name in vips]
    config = ProxyConfig(healthz_address=None, metrics_address=None, workers=2)
    network = LoopbackNetwork("127.82.0.0/16", (), LowPorts(0, has_capability=True))
    async with naming_endpoints(A, B), cluster(*services, *slices, network=network, config=config) as c:
        answers = {name: Counter([await ask(vip) for _ in range(ASKED)]) for name, vip in vips.items()}
        assert all(each.keys() <= {A, B} for each in answers.values())
        assert answers["round_robin"] == {A: ASKED / 2, B: ASKED / 2}
        assert answers["least_connections"].keys() == {A, B}
        assert isinstance(c.engine.traffic, Workers)
        counted = await c.engine.traffic.count()
        assert not c.proxy.problems()
        assert not counted.errors
        carried = [each.counted for each in c.engine.traffic._workers]
        assert all(each is not None and sum(one.connections for one in each.endpoints) for each in carried)
    assert {each.name for each in BALANCERS.values()} == answers.keys()

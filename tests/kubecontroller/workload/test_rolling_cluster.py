"""Rolling updates over a real Store: pods become ready in any order, and every write keeps the limits."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, deployment

from kubeapi.meta import JSON
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import DEPLOYMENTS, PODS
from kubeapi.watching import WatchEvent
from kubecontroller.workload.deployment.rollout import Limits, limits_of

pytestmark = pytest.mark.looptime


class Witness:
    """Looks at every write of a pod and remembers what broke the limits."""

    def __init__(self, cluster: FakeCluster, limits: Limits) -> None:
        self.cluster = cluster
        self.limits = limits
        self.faults: list[str] = []
        cluster.store.watch(PODS, cluster.store.resource_version, self.note)

    def note(self, event: WatchEvent) -> None:
        active = [pod for each in self.cluster.pods() if (pod := read_pod(each)).is_active]
        available = sum(pod.is_ready for pod in active)
        if len(active) > self.limits.replicas + self.limits.max_surge:
            self.faults.append(f"{len(active)} pods after {event.type}")
        if available < self.limits.replicas - self.limits.max_unavailable:
            self.faults.append(f"{available} available after {event.type}")


async def make_ready_at_random(cluster: FakeCluster, rng: random.Random, count: int = 100) -> None:
    """Make started pods ready, one by one in any order, with more or fewer loop turns in between."""
    for _ in range(count):
        pods = [read_pod(each) for each in cluster.pods()]
        waiting = [pod for pod in pods if pod.is_active and pod.ips and not pod.is_ready]
        if waiting:
            cluster.kubelet.set_ready(rng.choice(waiting).key, True)
        for _ in range(rng.choice([0, 1, 3, 12])):
            await asyncio.sleep(0)


def strategy(surge: int | str, unavailable: int | str) -> JSON:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable"),
    [
        pytest.param(4, 1, 0, id="one more, none fewer"),
        pytest.param(4, 0, 1, id="none more, one fewer"),
        pytest.param(7, "25%", "25%", id="defaults"),
        pytest.param(5, "100%", 0, id="all at once"),
    ],
)
async def test_no_write_of_a_rollout_breaks_its_limits(
    replicas: int, surge: int | str, unavailable: int | str, seed: int
) -> None:
    rng = random.Random(seed)
    wanted: dict[str, Any] = {"replicas": replicas, "strategy": strategy(surge, unavailable)}
    async with FakeCluster(is_automatic=False).running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(**wanted))
        await cluster.settle()
        await make_ready_at_random(cluster, rng)
        witness = Witness(cluster, limits_of(cluster.one(DEPLOYMENTS, "nginx")))
        cluster.apply(DEPLOYMENTS, deployment(**wanted, image="nginx:2"))
        await make_ready_at_random(cluster, rng, count=10)
        cluster.apply(DEPLOYMENTS, deployment(**wanted, image="nginx:3"))
        await make_ready_at_random(cluster, rng)
        await cluster.settle()
        assert witness.faults == []
        assert {pod["spec"]["containers"][0]["image"] for pod in cluster.pods()} == {"nginx:3"}
        assert cluster.one(DEPLOYMENTS, "nginx")["status"]["availableReplicas"] == replicas

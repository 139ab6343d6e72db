"""The queue and the manager: one key at a time, failures delay no others, own writes are seen at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, deployment, service

from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry import Registry, RegistryConfig
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTS, EVENTS, NAMESPACES, PODS, REPLICASETS, SERVICES, Resource
from kubeapi.status import Conflict, Forbidden
from kubecontroller.io.workqueue import LAST_RETRY_SECONDS, Item, WorkQueue

pytestmark = pytest.mark.looptime
FIRST, SECOND = Item("c", ObjectKey("default", "a")), Item("c", ObjectKey("default", "b"))


async def test_a_key_is_in_the_queue_once_and_in_its_place() -> None:
    queue = WorkQueue()
    for item in (FIRST, SECOND, FIRST):
        queue.add(item)
    assert [await queue.get(), await queue.get()] == [FIRST, SECOND]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 60)


async def test_retries_wait_twice_as_long_each_time_up_to_a_bound() -> None:
    queue, loop = WorkQueue(), asyncio.get_running_loop()
    pauses = []
    for _ in range(14):
        before = loop.time()
        queue.retry(FIRST)
        await queue.get()
        pauses.append(round(loop.time() - before, 3))
    assert pauses[:4] == [0.005, 0.01, 0.02, 0.04]
    assert pauses[-1] == LAST_RETRY_SECONDS
    queue.forget(FIRST)
    before = loop.time()
    queue.retry(FIRST)
    await queue.get()
    assert round(loop.time() - before, 3) == 0.005


async def test_the_earlier_of_two_times_counts_and_closing_forgets_both() -> None:
    queue, loop = WorkQueue(), asyncio.get_running_loop()
    start = loop.time()
    queue.add_after(FIRST, 10)
    queue.add_after(FIRST, 5)
    queue.add_after(FIRST, 20)
    await queue.get()
    assert round(loop.time() - start) == 5
    queue.add_after(FIRST, 1)
    queue.close()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 60)


class MoodyRegistry(Registry):
    """Refuses writes when ``refuses`` says so."""

    refuses: Callable[[Resource, JSON], Exception | None] = staticmethod(lambda _resource, _obj: None)

    def create(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        refusal = self.refuses(resource, obj)
        if refusal is not None:
            raise refusal
        return super().create(resource, obj, dry_run=dry_run)

    refuses_update: Callable[[Resource, JSON], Exception | None] = staticmethod(lambda _resource, _obj: None)

    def update(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        refusal = self.refuses_update(resource, obj)
        if refusal is not None:
            raise refusal
        return super().update(resource, obj, dry_run=dry_run)


def moody(cluster: FakeCluster) -> MoodyRegistry:
    registry = MoodyRegistry(cluster.store, RegistryConfig(), clock=cluster.clock, rng=random.Random(5))
    cluster.registry = cluster.kubelet.registry = registry
    return registry


async def test_a_refused_write_is_tried_again_and_delays_no_other_key() -> None:
    cluster = FakeCluster()
    registry = moody(cluster)
    refused: list[str] = []

    def refuses(resource: Resource, obj: JSON) -> Exception | None:
        if resource is PODS and obj["metadata"]["generateName"].startswith("bad-") and len(refused) < 3:
            refused.append(obj["metadata"]["generateName"])
            return Conflict(PODS, "bad")
        return None

    registry.refuses = refuses
    async with cluster.running():
        cluster.apply(DEPLOYMENTS, deployment("bad", replicas=2))
        cluster.apply(DEPLOYMENTS, deployment("good", replicas=2))
        await cluster.settle()
        assert [pod["metadata"]["labels"]["app"] for pod in cluster.pods()] == ["good", "good"]
        await asyncio.sleep(1)
        assert sorted(pod["metadata"]["labels"]["app"] for pod in cluster.pods()) == ["bad", "bad", "good", "good"]
        assert cluster.events("FailedCreate")[0].startswith("Error creating: Operation cannot be fulfilled")


@pytest.mark.parametrize(
    ("verb", "reason", "message"),
    [
        ("refuses", "FailedToCreateEndpoint", "Failed to create endpoint for service default/web: Operation cannot"),
        ("refuses_update", "FailedToUpdateEndpoint", "Failed to update endpoint default/web: Operation cannot"),
    ],
)
async def test_refused_endpoints_are_an_event_and_written_in_the_end(verb: str, reason: str, message: str) -> None:
    cluster = FakeCluster()
    registry = moody(cluster)
    refused: list[str] = []

    def refuses(resource: Resource, obj: JSON) -> Exception | None:
        if resource is ENDPOINTS and not refused:
            refused.append(obj["metadata"]["name"])
            return Conflict(ENDPOINTS, "web")
        return None

    setattr(registry, verb, refuses)
    async with cluster.running():
        cluster.apply(SERVICES, service("web", "web"))
        await cluster.settle()
        cluster.apply(DEPLOYMENTS, deployment("web", replicas=2))
        await cluster.settle()
        await asyncio.sleep(1)
        (told,) = cluster.events(reason)
        assert told.startswith(message)
        (subset,) = cluster.store.get(ENDPOINTS, "default", "web")["subsets"]
        assert len(subset["addresses"]) == 2


async def test_a_refused_event_does_not_undo_the_write_that_it_reports() -> None:
    cluster = FakeCluster()
    registry = moody(cluster)
    registry.refuses = lambda resource, _obj: Forbidden(EVENTS, "x", "no events") if resource is EVENTS else None
    async with cluster.running():
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        assert len(cluster.pods()) == 2
        assert all(pod["spec"]["nodeName"] for pod in cluster.pods())


async def test_no_pod_is_created_twice_however_the_scale_changes() -> None:
    rng = random.Random(4)
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=1))
        await cluster.settle()
        most = 0
        for _ in range(60):
            wanted = rng.randrange(8)
            most = max(most, wanted)
            cluster.apply(DEPLOYMENTS, deployment(replicas=wanted))
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            [owner] = cluster.store.list(REPLICASETS)
            active = [pod for pod in cluster.pods() if "deletionTimestamp" not in pod["metadata"]]
            assert len(active) <= max(most, owner["spec"]["replicas"])
        await cluster.settle()
        assert len(cluster.pods()) == wanted


async def test_cancelling_leaves_no_task_behind() -> None:
    cluster = FakeCluster()
    async with cluster.running():
        cluster.apply(DEPLOYMENTS, deployment(replicas=2, minReadySeconds=60))
        await cluster.settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_namespace_that_is_deleted_through_the_registry_goes_with_its_contents() -> None:
    async with FakeCluster().running() as cluster:
        cluster.registry.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        inside = deployment(replicas=3)
        inside["metadata"]["namespace"] = "shop"
        cluster.apply(DEPLOYMENTS, inside)
        await cluster.settle()
        assert len(cluster.pods("shop")) == 3
        cluster.registry.delete(NAMESPACES, "", "shop")
        await cluster.settle()
        await asyncio.sleep(10)
        assert cluster.pods("shop") == []
        assert cluster.store.find(NAMESPACES, ObjectKey("", "shop")) is None
        assert cluster.store.list(EVENTS, "shop") == []

"""Pods of a node that was deleted or never existed."""

import asyncio

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, deployment, node

from kubeapi.scheme import DEPLOYMENTS, NODES, PODS
from kubecontroller.cleanup.podgc import QUARANTINE_SECONDS


def nodes_of(cluster: FakeCluster) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in cluster.pods())


@pytest.mark.looptime
async def test_the_pods_of_a_deleted_node_are_deleted_at_once_and_replaced_elsewhere() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=4))
        await cluster.settle()
        stayed = {pod["metadata"]["name"] for pod in cluster.pods() if pod["spec"]["nodeName"] == "node-1"}
        cluster.registry.delete(NODES, "", "node-2")
        await cluster.settle()
        assert nodes_of(cluster) == ["node-1"] * 4
        assert stayed < {pod["metadata"]["name"] for pod in cluster.pods()}


@pytest.mark.looptime
async def test_a_pod_of_a_node_that_was_never_seen_waits_for_it_for_a_while() -> None:
    async with FakeCluster().running() as cluster:
        for name in ("lost", "found"):
            metadata = {"namespace": "default", "name": name}
            spec = {"nodeName": f"node-{name}", "containers": [{"name": "c", "image": "nginx"}]}
            cluster.registry.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        await cluster.settle()
        await asyncio.sleep(QUARANTINE_SECONDS / 2)
        cluster.registry.create(NODES, node("node-found"))
        await cluster.settle()
        assert nodes_of(cluster) == ["node-found", "node-lost"]
        await asyncio.sleep(QUARANTINE_SECONDS / 2 + 1)
        await cluster.settle()
        assert nodes_of(cluster) == ["node-found"]

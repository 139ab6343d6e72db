"""From a Deployment and a Service to endpoints: all controllers, the scheduler and a kubelet that only pretends."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from tests.helpers.kubecontroller_fakes import FakeCluster, deployment, service

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTSLICES, PODS, REPLICASETS, SERVICES

pytestmark = pytest.mark.looptime


def addresses(cluster: FakeCluster) -> list[str]:
    slices = cluster.store.list(ENDPOINTSLICES)
    return sorted(each["addresses"][0] for one in slices for each in one["endpoints"] if each["conditions"]["ready"])


async def test_a_deployment_and_a_service_become_ready_endpoints() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(SERVICES, service())
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        assert addresses(cluster) == sorted(pod["status"]["podIP"] for pod in cluster.pods())
        assert len(cluster.pods()) == 2
        assert re.fullmatch(r"nginx-[a-z0-9]+-[a-z0-9]{5}", cluster.pods()[0]["metadata"]["name"])
        status = cluster.one(DEPLOYMENTS, "nginx")["status"]
        assert status["readyReplicas"] == status["availableReplicas"] == status["updatedReplicas"] == 2
        assert [(each["type"], each["reason"]) for each in status["conditions"]] == [
            ("Available", "MinimumReplicasAvailable"),
            ("Progressing", "NewReplicaSetAvailable"),
        ]


async def test_fifty_pods_are_there_within_a_few_turns_and_spread_evenly() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=50))
        turns = await cluster.settle()
        assert turns < 100
        assert Counter(pod["spec"]["nodeName"] for pod in cluster.pods()) == {"node-1": 25, "node-2": 25}


async def test_scaling_keeps_the_pods_that_stay() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        before = {pod["metadata"]["name"] for pod in cluster.pods()}
        cluster.apply(DEPLOYMENTS, deployment(replicas=5))
        await cluster.settle()
        after = {pod["metadata"]["name"] for pod in cluster.pods()}
        assert before < after
        assert len(after) == 5
        assert len(cluster.store.list(REPLICASETS)) == 1
        name = cluster.store.list(REPLICASETS)[0]["metadata"]["name"]
        assert cluster.events("ScalingReplicaSet") == [
            f"Scaled up replica set {name} from 0 to 2",
            f"Scaled up replica set {name} from 2 to 5",
        ]


async def test_a_new_template_replaces_every_pod_and_keeps_the_old_revision() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=4))
        await cluster.settle()
        before = {pod["metadata"]["name"] for pod in cluster.pods()}
        cluster.apply(DEPLOYMENTS, deployment(replicas=4, image="nginx:2"))
        await cluster.settle()
        assert not before & {pod["metadata"]["name"] for pod in cluster.pods()}
        assert len(cluster.pods()) == 4
        sizes = {revision(each): each["spec"]["replicas"] for each in cluster.store.list(REPLICASETS)}
        assert sizes == {"1": 0, "2": 4}
        assert revision(cluster.one(DEPLOYMENTS, "nginx")) == "2"


def revision(obj: JSON) -> str:
    return str(obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


async def test_a_pod_that_is_deleted_or_has_ended_is_replaced() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        first, second = cluster.pods()
        cluster.registry.delete(PODS, *key_of(first))
        cluster.kubelet.end(key_of(second))
        await cluster.settle()
        phases = Counter(pod["status"]["phase"] for pod in cluster.pods())
        assert phases == {"Running": 2, "Failed": 1}


async def test_a_deleted_slice_comes_back() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(SERVICES, service())
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        before = addresses(cluster)
        for each in cluster.store.list(ENDPOINTSLICES):
            cluster.registry.delete(ENDPOINTSLICES, *key_of(each))
        await cluster.settle()
        assert addresses(cluster) == before


async def test_a_pod_that_is_not_ready_leaves_the_ready_endpoints() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(SERVICES, service())
        cluster.apply(DEPLOYMENTS, deployment(replicas=3))
        await cluster.settle()
        pod = cluster.pods()[0]
        cluster.kubelet.set_ready(ObjectKey("default", pod["metadata"]["name"]), False)
        await cluster.settle()
        assert len(addresses(cluster)) == 2
        assert pod["status"]["podIP"] not in addresses(cluster)

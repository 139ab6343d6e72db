"""From a Deployment and a Service to endpoints: all controllers, the scheduler and a fake kubelet."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, deployment, node, service

from kubeapi.kinds import RESOURCES
from kubeapi.meta import JSON, ObjectKey, copy_object, key_of
from kubeapi.objects.service import load_balancer_addresses
from kubeapi.registry import bootstrap
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTS, ENDPOINTSLICES, NAMESPACES, NODES, PODS, REPLICASETS, SERVICES
from kubeapi.watching import WatchEvent
from kubecontroller.controllers import ControllerConfig
from kubecontroller.service import kubernetesservice
from kubecontroller.workload.hashing import template_hash

pytestmark = pytest.mark.looptime


def addresses(cluster: FakeCluster) -> list[str]:
    slices = cluster.store.list(ENDPOINTSLICES)
    return sorted(
        each["addresses"][0] for one in slices for each in one["endpoints"] or () if each["conditions"]["ready"]
    )


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


async def test_fifty_pods_are_created_within_a_few_turns_and_spread_evenly() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=50))
        turns = 0
        while len(cluster.pods()) < 50:
            await asyncio.sleep(0)
            turns += 1
        assert turns < 20
        await cluster.settle()
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
        assert cluster.one(DEPLOYMENTS, "nginx")["metadata"]["generation"] == 2


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


async def test_a_deleted_slice_is_created_again() -> None:
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


async def test_the_replica_sets_and_pods_of_a_deleted_deployment_are_deleted() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=3))
        await cluster.settle()
        cluster.registry.delete(DEPLOYMENTS, "default", "nginx")
        await cluster.settle()
        assert cluster.store.list(REPLICASETS) == []
        assert cluster.pods() == []


async def test_the_slices_and_endpoints_of_a_deleted_service_are_deleted() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(SERVICES, service())
        await cluster.settle()
        [empty] = cluster.store.list(ENDPOINTSLICES)
        assert (empty["ports"], empty["endpoints"]) == (None, None)
        assert "subsets" not in cluster.one(ENDPOINTS, "nginx-svc")
        cluster.registry.delete(SERVICES, "default", "nginx-svc")
        await cluster.settle()
        assert cluster.store.list(ENDPOINTSLICES) == []
        assert cluster.store.list(ENDPOINTS) == []


async def test_a_namespace_is_deleted_after_its_contents() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(SERVICES, service())
        cluster.apply(DEPLOYMENTS, deployment(replicas=3))
        await cluster.settle()
        going = copy_object(cluster.one(NAMESPACES, "default"))
        going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        cluster.store.update(NAMESPACES, going)
        await cluster.settle()
        left = [
            each for resource in RESOURCES if resource.namespaced for each in cluster.store.list(resource, "default")
        ]
        assert left == []
        assert [each["metadata"]["name"] for each in cluster.store.list(NAMESPACES)] == ["kube-system"]


async def test_hand_made_endpoints_are_mirrored_through_create_update_and_delete() -> None:
    async with FakeCluster().running() as cluster:
        subsets = [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 9376, "protocol": "TCP"}]}]
        made = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "db", "namespace": "default"}}
        cluster.registry.create(ENDPOINTS, made | {"subsets": subsets})
        await cluster.settle()
        assert addresses(cluster) == []
        cluster.apply(SERVICES, service("db", app=None))
        await cluster.settle()
        assert addresses(cluster) == ["10.1.2.3"]
        moved = copy_object(cluster.one(ENDPOINTS, "db"))
        moved["subsets"][0]["addresses"][0]["ip"] = "10.1.2.4"
        cluster.registry.update(ENDPOINTS, moved)
        await cluster.settle()
        assert addresses(cluster) == ["10.1.2.4"]
        cluster.registry.delete(ENDPOINTS, "default", "db")
        await cluster.settle()
        assert addresses(cluster) == []


async def test_load_balancers_get_addresses_until_the_pool_is_used_up() -> None:
    async with FakeCluster(config=ControllerConfig(load_balancer_pool="127.0.113.0/30")).running() as cluster:
        for number in range(3):
            cluster.apply(SERVICES, service(f"lb-{number}", type="LoadBalancer"))
        await cluster.settle()
        assert [ingress(cluster, f"lb-{number}") for number in range(3)] == ["127.0.113.1", "127.0.113.2", None]
        assert cluster.events("SyncLoadBalancerFailed") == [
            "Error syncing load balancer: failed to ensure load balancer: no address is left in the pool 127.0.113.0/30"
        ]
        cluster.apply(SERVICES, service("lb-0", type="ClusterIP"))
        await cluster.settle()
        assert [ingress(cluster, f"lb-{number}") for number in range(3)] == [None, "127.0.113.2", "127.0.113.1"]


def ingress(cluster: FakeCluster, name: str) -> str | None:
    return next(iter(load_balancer_addresses(cluster.one(SERVICES, name))), None)


async def test_recreate_never_runs_two_versions_at_once() -> None:
    async with FakeCluster().running() as cluster:
        images: set[frozenset[str]] = set()

        def note(event: WatchEvent) -> None:
            images.add(frozenset(pod["spec"]["containers"][0]["image"] for pod in cluster.pods()))

        cluster.store.watch(PODS, 0, note)
        cluster.apply(DEPLOYMENTS, deployment(replicas=3, strategy={"type": "Recreate"}))
        await cluster.settle()
        cluster.apply(DEPLOYMENTS, deployment(replicas=3, image="nginx:2", strategy={"type": "Recreate"}))
        await cluster.settle()
        assert images == {frozenset(), frozenset({"nginx"}), frozenset({"nginx:2"})}
        assert len(cluster.pods()) == 3


async def test_a_paused_deployment_scales_but_does_not_roll() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        cluster.apply(DEPLOYMENTS, deployment(replicas=4, image="nginx:2", paused=True))
        await cluster.settle()
        assert {pod["spec"]["containers"][0]["image"] for pod in cluster.pods()} == {"nginx"}
        assert len(cluster.pods()) == 4
        assert progressing(cluster) == ("Unknown", "DeploymentPaused")
        cluster.apply(DEPLOYMENTS, deployment(replicas=4, image="nginx:2"))
        await cluster.settle()
        assert {pod["spec"]["containers"][0]["image"] for pod in cluster.pods()} == {"nginx:2"}
        assert progressing(cluster) == ("True", "NewReplicaSetAvailable")


def progressing(cluster: FakeCluster) -> tuple[str, str]:
    conditions = cluster.one(DEPLOYMENTS, "nginx")["status"]["conditions"]
    [found] = [each for each in conditions if each["type"] == "Progressing"]
    return found["status"], found["reason"]


async def test_a_rollout_without_progress_exceeds_its_deadline() -> None:
    async with FakeCluster(is_automatic=False).running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=2, progressDeadlineSeconds=60))
        await asyncio.sleep(50)
        assert progressing(cluster)[0] == "True"
        await asyncio.sleep(20)
        assert progressing(cluster) == ("False", "ProgressDeadlineExceeded")


async def test_pods_are_available_only_after_min_ready_seconds() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=2, minReadySeconds=30))
        await asyncio.sleep(29)
        assert "availableReplicas" not in cluster.one(DEPLOYMENTS, "nginx")["status"]
        await asyncio.sleep(2)
        assert cluster.one(DEPLOYMENTS, "nginx")["status"]["availableReplicas"] == 2


async def test_the_history_keeps_as_many_revisions_as_its_limit() -> None:
    async with FakeCluster().running() as cluster:
        for version in range(5):
            cluster.apply(DEPLOYMENTS, deployment(replicas=1, image=f"nginx:{version}", revisionHistoryLimit=2))
            await cluster.settle()
        assert sorted(revision(each) for each in cluster.store.list(REPLICASETS)) == ["3", "4", "5"]


async def test_going_back_to_an_old_template_gives_its_replica_set_the_next_revision() -> None:
    async with FakeCluster().running() as cluster:
        for image in ("nginx:1", "nginx:2", "nginx:1"):
            cluster.apply(DEPLOYMENTS, deployment(replicas=1, image=image))
            await cluster.settle()
        sets = sorted(cluster.store.list(REPLICASETS), key=revision)
        assert [(revision(each), each["spec"]["replicas"]) for each in sets] == [("2", 0), ("3", 1)]
        assert sets[1]["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


async def test_a_collision_of_hashes_is_counted_and_avoided() -> None:
    async with FakeCluster().running() as cluster:
        wanted = deployment(replicas=1)
        stored = cluster.registry.create(DEPLOYMENTS, wanted, dry_run=True)
        name = f"nginx-{template_hash(stored['spec']['template'], None)}"
        foreign = {"matchLabels": {"app": "other"}}
        template = {"metadata": {"labels": {"app": "other"}}, "spec": wanted["spec"]["template"]["spec"]}
        spec = {"replicas": 0, "selector": foreign, "template": template}
        metadata = {"name": name, "namespace": "default"}
        other = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}
        cluster.registry.create(REPLICASETS, other)
        cluster.apply(DEPLOYMENTS, wanted)
        await cluster.settle()
        assert cluster.one(DEPLOYMENTS, "nginx")["status"]["collisionCount"] == 1
        assert len(cluster.pods()) == 1


@pytest.mark.usefixtures("wanted_failures")
async def test_an_object_that_breaks_its_reconcile_does_not_delay_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeCluster().running() as cluster:
        broken = deployment("broken")
        del broken["spec"]["template"]
        cluster.store.create(DEPLOYMENTS, {**broken, "metadata": {**broken["metadata"], "uid": "u"}})
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        assert len(cluster.pods()) == 2
        (failure,) = cluster.store.failures.all()
        assert str(failure).startswith("deployment-controller goes on without Deployment default/broken: KeyError: ")
        assert caplog.text.count("Traceback") == 1


async def test_orphan_pods_are_adopted_and_pods_that_no_longer_match_are_released() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        pod = copy_object(cluster.pods()[0])
        hashed = pod["metadata"]["labels"]["pod-template-hash"]
        pod["metadata"]["labels"] = {"app": "aside"}
        cluster.registry.update(PODS, pod)
        await cluster.settle()
        assert len(cluster.pods()) == 3
        aside = cluster.one(PODS, pod["metadata"]["name"])
        assert "ownerReferences" not in aside["metadata"]
        back = copy_object(aside)
        back["metadata"]["labels"] = {"app": "nginx", "pod-template-hash": hashed}
        cluster.registry.update(PODS, back)
        await cluster.settle()
        assert len(cluster.pods()) == 2


async def test_nothing_is_written_once_all_objects_are_as_wanted() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(SERVICES, service(type="LoadBalancer"))
        cluster.apply(DEPLOYMENTS, deployment(replicas=5))
        await cluster.settle()
        before = cluster.store.resource_version
        await asyncio.sleep(3600)
        assert cluster.store.resource_version == before


async def test_a_restart_changes_nothing() -> None:
    cluster = FakeCluster()
    async with cluster.running():
        cluster.apply(SERVICES, service(type="LoadBalancer"))
        cluster.apply(DEPLOYMENTS, deployment(replicas=5))
        await cluster.settle()
    before = cluster.store.resource_version
    async with cluster.running():
        await cluster.settle()
    assert cluster.store.resource_version == before


async def test_the_api_servers_address_is_published_and_stays_as_it_is() -> None:
    async with FakeCluster().running() as cluster:
        bootstrap(cluster.registry)
        kubernetesservice.publish(cluster.registry, ["127.96.0.1"], 6443)
        await cluster.settle()
        before = cluster.store.resource_version
        kubernetesservice.publish(cluster.registry, ["127.96.0.1"], 6443)
        await cluster.settle()
        assert cluster.store.resource_version == before
        slices = cluster.store.list(ENDPOINTSLICES, "default")
        assert [(each["metadata"]["name"], each["endpoints"][0]["addresses"]) for each in slices] == [
            ("kubernetes", ["127.96.0.1"])
        ]


async def test_a_selector_that_is_added_or_removed_changes_the_controller_of_the_endpoints() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(DEPLOYMENTS, deployment(replicas=1))
        cluster.apply(SERVICES, service(app=None))
        made = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "nginx-svc", "namespace": "default"}}
        ports = [{"port": 9376, "protocol": "TCP"}]
        cluster.registry.create(ENDPOINTS, made | {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": ports}]})
        await cluster.settle()
        assert addresses(cluster) == ["10.1.2.3"]
        cluster.apply(SERVICES, service())
        await cluster.settle()
        assert addresses(cluster) == [pod["status"]["podIP"] for pod in cluster.pods()]


async def test_the_pods_of_a_node_that_is_created_late_become_endpoints() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        cluster.apply(SERVICES, service())
        labels = {"name": "early", "namespace": "default", "labels": {"app": "nginx"}}
        spec = {"nodeName": "node-9", "containers": [{"name": "main", "image": "nginx"}]}
        cluster.registry.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": labels, "spec": spec})
        await cluster.settle()
        assert addresses(cluster) == []
        cluster.registry.create(NODES, node("node-9", "zone-z"))
        await cluster.settle()
        assert len(addresses(cluster)) == 1
        assert cluster.store.list(ENDPOINTSLICES)[0]["endpoints"][0]["zone"] == "zone-z"


async def test_a_change_of_a_pod_writes_only_the_objects_that_name_it() -> None:
    async with FakeCluster().running() as cluster:
        for number in range(20):
            cluster.apply(SERVICES, service(f"svc-{number}", app=f"app-{number}"))
            cluster.apply(DEPLOYMENTS, deployment(f"app-{number}", replicas=1))
        await cluster.settle()
        before = cluster.store.resource_version
        written: list[tuple[str, str]] = []
        for resource in (PODS, SERVICES, ENDPOINTS, ENDPOINTSLICES):
            cluster.store.watch(resource, before, lambda event: written.append(named(event.object)))
        pod = next(each for each in cluster.pods() if each["metadata"]["labels"]["app"] == "app-7")
        cluster.kubelet.set_ready(key_of(pod), False)
        await cluster.settle()
        assert sorted(written) == [("EndpointSlice", "svc-7"), ("Endpoints", "svc-7"), ("Pod", pod["metadata"]["name"])]


def named(obj: JSON) -> tuple[str, str]:
    metadata = obj["metadata"]
    return obj["kind"], metadata.get("labels", {}).get("kubernetes.io/service-name") or metadata["name"]


async def test_a_thousand_pods_at_once_are_one_reconcile() -> None:
    async with FakeCluster(nodes=0).running() as cluster:
        cluster.apply(SERVICES, service(publishNotReadyAddresses=True))
        await cluster.settle()
        for number in range(1000):
            metadata = {"name": f"p-{number}", "namespace": "default", "uid": f"u-{number}", "labels": {"app": "nginx"}}
            status = {"podIP": f"127.244.{number // 250}.{number % 250 + 1}"}
            spec: JSON = {"nodeName": "far", "containers": []}
            cluster.store.create(PODS, {"kind": "Pod", "metadata": metadata, "spec": spec, "status": status})
        before = cluster.store.resource_version
        await cluster.settle()
        assert len(addresses(cluster)) == 1000
        assert cluster.store.resource_version - before == 10 + 1, "ten slices and one Endpoints"


async def test_a_dual_stack_service_has_slices_of_both_families() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        wanted = service(ipFamilies=["IPv4", "IPv6"])
        wanted["metadata"] |= {"uid": "s", "creationTimestamp": "2026-01-01T00:00:00Z"}
        cluster.store.create(SERVICES, wanted)
        metadata = {"name": "p", "namespace": "default", "uid": "u", "labels": {"app": "nginx"}}
        status = {"podIP": "127.244.0.9", "podIPs": [{"ip": "127.244.0.9"}, {"ip": "fd00::9"}]}
        spec: JSON = {"nodeName": "node-1", "containers": []}
        cluster.store.create(PODS, {"kind": "Pod", "metadata": metadata, "spec": spec, "status": status})
        await cluster.settle()
        slices = cluster.store.list(ENDPOINTSLICES)
        assert sorted((each["addressType"], each["endpoints"][0]["addresses"]) for each in slices) == [
            ("IPv4", ["127.244.0.9"]),
            ("IPv6", ["fd00::9"]),
        ]


async def test_an_external_address_of_the_pool_is_not_given_to_another_service() -> None:
    pool = ControllerConfig(load_balancer_pool="127.0.113.0/29")
    async with FakeCluster(config=pool).running() as cluster:
        cluster.apply(SERVICES, service("early", externalIPs=["127.0.113.1"]))
        for name in ("lb-0", "lb-1"):
            cluster.apply(SERVICES, service(name, type="LoadBalancer"))
        await cluster.settle()
        assert [ingress(cluster, name) for name in ("lb-0", "lb-1")] == ["127.0.113.2", "127.0.113.3"]
        cluster.apply(SERVICES, service("late", externalIPs=["127.0.113.2"]))
        await cluster.settle()
        assert [ingress(cluster, name) for name in ("lb-0", "lb-1")] == ["127.0.113.4", "127.0.113.3"]


@pytest.mark.parametrize("ending", ["deleted", "another type"])
async def test_a_service_with_the_finalizer_of_a_cloud_can_be_deleted(ending: str) -> None:
    async with FakeCluster().running() as cluster:
        exported = service("web", type="LoadBalancer")
        exported["metadata"]["finalizers"] = ["service.kubernetes.io/load-balancer-cleanup"]
        cluster.registry.create(SERVICES, exported)
        await cluster.settle()
        assert cluster.one(SERVICES, "web")["metadata"]["finalizers"] == exported["metadata"]["finalizers"]
        if ending == "another type":
            stored = cluster.one(SERVICES, "web")
            cluster.registry.update(SERVICES, {**stored, "spec": {**stored["spec"], "type": "ClusterIP"}})
            await cluster.settle()
            assert "finalizers" not in cluster.one(SERVICES, "web")["metadata"]
        cluster.registry.delete(SERVICES, "default", "web")
        await cluster.settle()
        assert cluster.store.find(SERVICES, ObjectKey("default", "web")) is None

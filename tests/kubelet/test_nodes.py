"""The Node objects: what the kubelet writes there, and what it leaves to others."""

from pathlib import Path

from tests.helpers.kubelet.cluster import KubeletCluster, running_kubelet, until

from kubeapi.meta import JSON
from kubeapi.scheme import LEASES, NODES
from kubelet.leases import NAMESPACE, node_lease
from kubelet.nodes import registered_again


def node(cluster: KubeletCluster, name: str = "node-a") -> JSON:
    return cluster.store.get(NODES, "", name)


def is_ready(cluster: KubeletCluster, name: str) -> bool:
    found = [each for each in cluster.store.list(NODES) if each["metadata"]["name"] == name]
    conditions = [each for obj in found for each in (obj.get("status") or {}).get("conditions") or ()]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def test_a_restart_keeps_the_fields_of_others_and_restores_the_kubelets_own() -> None:
    wanted = {"metadata": {"name": "n", "labels": {"zone": "a"}}, "spec": {"podCIDR": "127.1.1.0/24"}}
    stored: JSON = {
        "metadata": {"name": "n", "uid": "1", "labels": {"zone": "b", "disk": "ssd"}},
        "spec": {"podCIDR": "127.9.9.0/24", "unschedulable": True, "taints": [{"key": "x", "effect": "NoSchedule"}]},
        "status": {"conditions": []},
    }
    again = registered_again(wanted, stored)
    assert again["metadata"] == {"name": "n", "uid": "1", "labels": {"zone": "a", "disk": "ssd"}}
    assert again["spec"] == {**stored["spec"], "podCIDR": "127.1.1.0/24"}


def test_a_node_created_by_a_user_keeps_its_pod_cidrs() -> None:
    wanted = {"metadata": {"name": "n", "labels": {}}, "spec": {"podCIDR": "127.1.1.0/24"}}
    stored: JSON = {"metadata": {"name": "n"}, "spec": {"podCIDR": "127.9.9.0/24", "podCIDRs": ["127.9.9.0/24"]}}
    assert registered_again(wanted, stored)["spec"] == stored["spec"]


async def test_a_deleted_node_comes_back_when_its_kubelet_starts_again_and_not_before(tmp_path: Path) -> None:
    async with running_kubelet(tmp_path) as cluster:
        await until(lambda: is_ready(cluster, "node-b"))
        cluster.registry.delete(NODES, "", "node-b")
        cluster.registry.update(NODES, {**node(cluster), "spec": {**node(cluster)["spec"], "unschedulable": True}})
        await until(lambda: not is_ready(cluster, "node-b"))
    store = cluster.store
    async with running_kubelet(tmp_path, store=store) as cluster:
        await until(lambda: is_ready(cluster, "node-b"))
        assert node(cluster)["spec"]["unschedulable"]


async def test_a_node_that_a_user_creates_again_gets_its_status(tmp_path: Path) -> None:
    async with running_kubelet(tmp_path) as cluster:
        await until(lambda: is_ready(cluster, "node-b"))
        cluster.registry.delete(NODES, "", "node-b")
        cluster.registry.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-b"}})
        await until(lambda: is_ready(cluster, "node-b"))
        assert node(cluster, "node-b")["spec"]["podCIDR"] == "127.246.2.0/24"


def test_a_lease_is_renewed_and_keeps_what_others_have_set() -> None:
    node = {"metadata": {"name": "n", "uid": "1"}}
    lease = node_lease(node, None, 0.0)
    assert lease["metadata"]["ownerReferences"] == [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "1"}]
    assert lease["spec"] == {
        "holderIdentity": "n",
        "leaseDurationSeconds": 40,
        "renewTime": "1970-01-01T00:00:00.000000Z",
    }
    marked = {**lease, "metadata": {**lease["metadata"], "resourceVersion": "7", "labels": {"a": "b"}}}
    again = node_lease(node, marked, 10.5)
    assert again["metadata"] == marked["metadata"]
    assert again["spec"] == {**lease["spec"], "renewTime": "1970-01-01T00:00:10.500000Z"}


async def test_each_node_has_a_lease(tmp_path: Path) -> None:
    async with running_kubelet(tmp_path) as cluster:
        await until(lambda: len(cluster.store.list(LEASES, NAMESPACE)) == 2)
        lease = cluster.store.get(LEASES, NAMESPACE, "node-a")
        assert lease["spec"]["holderIdentity"] == "node-a"
        assert lease["metadata"]["ownerReferences"][0]["uid"] == node(cluster)["metadata"]["uid"]

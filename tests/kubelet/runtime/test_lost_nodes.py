"""A node of which nothing is heard: its containers run on, and the API hears of them only once it is found again."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.kubelet.cluster import make_pod, running_kubelet, shell, until

from kubeapi.meta import JSON
from kubeapi.scheme import NODES, PODS
from kubelet.runtime.kubelet import Kubelet


def with_ready(obj: JSON, status: str) -> JSON:
    found = [each | {"status": status} if each["type"] == "Ready" else each for each in obj["status"]["conditions"]]
    return {**obj, "status": {**obj["status"], "conditions": found}}


def is_lost(kubelet: Kubelet) -> bool:
    return kubelet._registration.nodes["node-a"].is_lost


async def test_what_happened_on_a_lost_node_is_told_when_it_is_found_again(tmp_path: Path) -> None:
    async with running_kubelet(tmp_path) as cluster:

        def hear(status: str) -> None:
            stored = cluster.registry.store.get(NODES, "", "node-a")
            cluster.registry.update_status(NODES, with_ready(stored, status))

        for name in ("stays", "goes"):
            cluster.run(make_pod(name, shell("trap 'exit 0' TERM; sleep 100 & wait")))
        await until(lambda: cluster.is_ready("stays") and cluster.is_ready("goes"))
        pids = cluster.kubelet.pids()
        hear("Unknown")
        await until(lambda: is_lost(cluster.kubelet))
        cluster.registry.update_status(PODS, with_ready(cluster.pod("stays"), "False"))
        cluster.registry.delete(PODS, "default", "goes")
        cluster.run(make_pod("new", shell("sleep 100")))
        await until(lambda: bool(cluster.pod("goes")["metadata"].get("deletionTimestamp")))
        assert (cluster.kubelet.pids(), cluster.is_ready("stays")) == (pids, False)
        hear("True")
        await until(lambda: cluster.is_ready("stays") and cluster.is_ready("new"))
        await until(lambda: {each.name for each in cluster.kubelet.pids()} == {"stays", "new"})

"""What somebody else writes to a pod is seen at once: the conditions of its readiness gates, and its spec."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.kubelet.cluster import make_pod, running_kubelet, shell, until

from kubeapi.meta import JSON
from kubeapi.scheme import PODS

GATE = "example.com/warm"


def gated(pod: JSON, status: str) -> JSON:
    """Return the pod with the gate's condition as somebody else writes it."""
    others = [each for each in pod["status"]["conditions"] if each["type"] != GATE]
    return {**pod, "status": {**pod["status"], "conditions": [*others, {"type": GATE, "status": status}]}}


async def test_a_change_of_a_readiness_gate_is_seen_at_once(tmp_path: Path) -> None:
    async with running_kubelet(tmp_path) as cluster:
        cluster.run(make_pod("web", shell("sleep 100"), readinessGates=[{"conditionType": GATE}]))
        await until(lambda: cluster.status("web").get("ready"))
        assert not cluster.is_ready("web")
        cluster.registry.update_status(PODS, gated(cluster.pod("web"), "True"))
        await until(lambda: cluster.is_ready("web"))
        cluster.registry.update_status(PODS, gated(cluster.pod("web"), "False"))
        await until(lambda: not cluster.is_ready("web"))


async def test_the_status_tells_of_every_generation_of_the_spec(tmp_path: Path) -> None:
    def observed() -> int:
        return int(cluster.pod("web")["status"].get("observedGeneration", 0))

    async with running_kubelet(tmp_path) as cluster:
        cluster.run(make_pod("web", shell("sleep 100")))
        await until(lambda: observed() == 1 and cluster.is_ready("web"))
        pod = cluster.pod("web")
        cluster.registry.update(PODS, {**pod, "spec": {**pod["spec"], "activeDeadlineSeconds": 5000}})
        await until(lambda: observed() == 2)

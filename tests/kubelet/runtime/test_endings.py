"""How pods end: evicted, deleted while they still serve, or not at all since their port is taken."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers.kubelet.cluster import KubeletCluster, make_pod, running_kubelet, shell, until

from kubeapi.meta import JSON
from kubeapi.registry import DeleteOptions
from kubeapi.scheme import PODS
from kubelet.nodes import NodeConfig
from kubelet.runtime.pods import object as podobject

NODES = (NodeConfig("node-a", "127.85.1.1", "127.85.2.0/24"),)
EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[KubeletCluster]:
    async with running_kubelet(tmp_path, nodes=NODES) as cluster:
        yield cluster


def netexec(*flags: str, port: int = 8080, probe: str = "") -> JSON:
    get = {"httpGet": {"path": probe, "port": port}, "periodSeconds": 1, "failureThreshold": 1}
    args = ["netexec", f"--http-port={port}", "--udp-port=-1", *flags]
    return {"image": "agnhost", "args": args, **({"readinessProbe": get} if probe else {})}


async def answers(address: str, port: int = 8080) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def evict(cluster: KubeletCluster, name: str) -> None:
    pod = cluster.pod(name)
    cluster.registry.update_status(PODS, {**pod, "status": {**pod["status"], **EVICTED}})


async def test_a_pod_that_is_declared_failed_ends_and_keeps_its_object_and_its_reason(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", netexec()))
    await until(lambda: cluster.is_ready("web"))
    evict(cluster, "web")
    await until(lambda: not cluster.is_ready("web"))
    assert cluster.phase("web") == "Failed"
    await until(lambda: "terminated" in cluster.status("web").get("state", {}))
    status = cluster.pod("web")["status"]
    assert {name: status[name] for name in EVICTED} == EVICTED
    assert cluster.status("web")["restartCount"] == 0
    cluster.registry.delete(PODS, "default", "web")
    await until(lambda: cluster.is_gone("web"))


async def test_a_pod_fails_when_its_time_is_over(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("brief", shell("exec sleep 60"), activeDeadlineSeconds=1))
    await until(lambda: cluster.is_ready("brief"))
    await until(lambda: "terminated" in cluster.status("brief").get("state", {}))
    status = cluster.pod("brief")["status"]
    message = "Pod was active on the node longer than the specified deadline"
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "DeadlineExceeded", message)
    assert cluster.events("brief", "DeadlineExceeded") == [message]


async def test_an_evicted_pod_that_is_still_ending_can_be_deleted(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("slow", shell("trap 'sleep 0.2; exit 0' TERM; while :; do sleep 0.02; done")))
    await until(lambda: cluster.is_ready("slow"))
    evict(cluster, "slow")
    cluster.registry.delete(PODS, "default", "slow")
    await until(lambda: cluster.is_gone("slow"))


async def test_a_deleted_pod_is_seen_for_a_moment_before_another_takes_its_name(
    cluster: KubeletCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podobject, "SEEN_BEFORE_DELETED", 3600)
    cluster.run(make_pod("web", shell("exec sleep 60")))
    await until(lambda: cluster.is_ready("web"))
    cluster.registry.delete(PODS, *cluster.key("web"))
    await until(lambda: "terminated" in cluster.status("web").get("state", {}))
    for _ in range(100):
        await asyncio.sleep(0)
    assert cluster.pod("web")["metadata"]["deletionTimestamp"]


async def test_a_terminating_pod_listens_on_and_its_probe_says_whether_it_serves(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", netexec("--delay-shutdown=60", probe="/healthz"), terminationGracePeriodSeconds=60))
    cluster.run(make_pod("shy", netexec("--delay-shutdown=60", probe="/readyz"), terminationGracePeriodSeconds=60))
    await until(lambda: cluster.is_ready("web") and cluster.is_ready("shy"))
    for name in ("web", "shy"):
        cluster.registry.delete(PODS, "default", name)
    await until(lambda: not cluster.is_ready("shy"))
    assert cluster.is_ready("web")
    for name in ("web", "shy"):
        assert await answers(cluster.pod(name)["status"]["podIP"])
        cluster.registry.delete(PODS, "default", name, DeleteOptions(0))


async def test_a_host_network_pod_with_a_taken_port_says_so(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("first", netexec(), hostNetwork=True))
    await until(lambda: cluster.is_ready("first"))
    cluster.run(make_pod("second", netexec(), hostNetwork=True))
    await until(lambda: cluster.events("second", "Failed"))
    assert "listen tcp 127.85.1.1:8080: bind: address already in use" in cluster.events("second", "Failed")[0]
    assert cluster.is_ready("first")


async def test_a_pre_stop_pause_keeps_the_pod_serving_before_it_is_told_to_stop(cluster: KubeletCluster) -> None:
    lifecycle = {"preStop": {"sleep": {"seconds": 60}}}
    cluster.run(make_pod("web", {**netexec(), "lifecycle": lifecycle}, terminationGracePeriodSeconds=60))
    await until(lambda: cluster.is_ready("web"))
    cluster.registry.delete(PODS, "default", "web")
    await until(lambda: cluster.events("web", "Killing"))
    assert await answers(cluster.pod("web")["status"]["podIP"])
    assert cluster.is_ready("web")
    cluster.registry.delete(PODS, "default", "web", DeleteOptions(0))
    await until(lambda: cluster.is_gone("web"))


async def test_readiness_follows_a_file_that_a_probe_looks_for(cluster: KubeletCluster) -> None:
    flag = cluster.folder / "ready"
    probe = {"exec": {"command": ["test", "-e", str(flag)]}, "periodSeconds": 1, "failureThreshold": 1}
    cluster.run(make_pod("web", {**netexec(), "readinessProbe": probe}))
    await until(lambda: cluster.pid("web"))
    assert not cluster.is_ready("web")
    flag.touch()
    await until(lambda: cluster.is_ready("web"))
    flag.unlink()
    await until(lambda: not cluster.is_ready("web"))

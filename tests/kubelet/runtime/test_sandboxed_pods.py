"""Stories of pods that have sandboxes."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers.kubelet.cluster import (
    SANDBOXES,
    KubeletCluster,
    children_of,
    is_alive,
    make_pod,
    running_kubelet,
    shell,
    until,
)

from kubeapi.podoptions import PodExecOptions
from kubeapi.registry import DeleteOptions
from kubeapi.scheme import PODS
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubelet.pod.machine.reboot import after_reboot
from kubelet.runtime.pods import bounds as podbounds


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[KubeletCluster]:
    async with running_kubelet(tmp_path, sandboxes=SANDBOXES) as cluster:
        yield cluster


def agent_of(pid: int) -> int:
    """Return the parent of a container's first process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def run_in(cluster: KubeletCluster, name: str, container: str, *words: str) -> str:
    options = PodExecOptions(container, words, has_stdin=False, is_tty=False)
    command = await cluster.kubelet.exec(cluster.key(name), options)
    chunks = []
    while (read := await command.read()) is not None:
        chunks.append(read[1])
    await command.close()
    return b"".join(chunks).decode()


async def test_the_containers_of_a_pod_share_its_network_and_have_their_own_processes(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("two", shell("exec sleep 1000", name="a"), shell("exec sleep 1001", name="b")))
    await until(lambda: cluster.is_ready("two"))
    address = cluster.pod("two")["status"]["podIP"]
    shown = await run_in(cluster, "two", "b", "sh", "-c", "uname -n; ip -br addr show eth0; cat /proc/1/cmdline")
    assert shown.split()[0] == "two"
    assert f"{address}/32" in shown
    assert shown.endswith("sleep\x001001\x00")


async def test_a_lost_agent_restarts_every_pod_in_a_new_sandbox(cluster: KubeletCluster) -> None:
    for name in ("a", "b"):
        cluster.run(make_pod(name, shell("exec sleep 1000")))
    await until(lambda: cluster.is_ready("a") and cluster.is_ready("b"))
    os.kill(agent_of(cluster.pid("a")), signal.SIGKILL)
    await until(lambda: all(cluster.status(each).get("restartCount") == 1 and cluster.is_ready(each) for each in "ab"))
    for each in "ab":
        said = "Pod sandbox changed, it will be killed and re-created."
        assert cluster.events(each, "SandboxChanged") == [said]


async def test_a_pod_of_the_hosts_network_has_the_name_of_its_node(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("host", shell("exec sleep 1000"), hostNetwork=True))
    await until(lambda: cluster.is_ready("host"))
    name, lo = (await run_in(cluster, "host", "c", "sh", "-c", "uname -n; ip -br addr show lo")).splitlines()
    assert name == "node-a"
    assert "127.169.0.1/32" in lo


async def test_a_deleted_pod_leaves_nothing_in_the_clusters_network(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("watch", shell("exec sleep 1000"), hostNetwork=True))
    cluster.run(make_pod("web", shell("exec sleep 1000"), terminationGracePeriodSeconds=0))
    await until(lambda: cluster.is_ready("web") and cluster.is_ready("watch"))
    pid = cluster.pid("watch")

    def links() -> str:
        return Path(f"/proc/{pid}/net/dev").read_text()

    assert "veth" in links()
    cluster.registry.delete(PODS, *cluster.key("web"), DeleteOptions(0))
    await until(lambda: "veth" not in links())


async def test_pods_live_on_in_new_sandboxes_after_their_kubelet_was_down(tmp_path: Path) -> None:
    async with running_kubelet(tmp_path, sandboxes=SANDBOXES) as cluster:
        cluster.run(make_pod("web", shell("exec sleep 1000")))
        await until(lambda: cluster.is_ready("web"))
        pid, pod = cluster.pid("web"), cluster.pod("web")
    assert not is_alive(pid)
    store = Store.restored(1000, [(PODS, after_reboot(pod, time.time()))])
    async with running_kubelet(tmp_path, store=store, sandboxes=SANDBOXES) as again:
        await until(lambda: again.is_ready("web") and again.status("web")["restartCount"] == 1)
        assert (await run_in(again, "web", "c", "uname", "-n")) == "web\n"


async def test_a_cluster_that_stops_does_not_wait_for_the_deaf(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("deaf", shell("exec sleep 1000"), terminationGracePeriodSeconds=1000))
    obeys = "trap 'echo obeyed; exit' TERM; echo ready; while :; do read -t 1 x </dev/zero; done"
    cluster.run(make_pod("obeys", {"image": "busybox", "command": ["bash", "-c", obeys]}))
    await until(lambda: cluster.is_ready("deaf") and cluster.is_ready("obeys"))
    while b"ready" not in await cluster.logs("obeys"):
        await asyncio.sleep(0.01)
    await cluster.kubelet.shutdown(1000)
    assert b"obeyed" in await cluster.logs("obeys")


async def test_a_command_for_a_pod_that_is_ending_runs_or_is_refused(cluster: KubeletCluster) -> None:
    stubborn = "trap 'echo asked' TERM; while :; do read -t 1 x </dev/zero; done"
    cluster.run(make_pod("web", {"image": "busybox", "command": ["bash", "-c", stubborn]}))
    await until(lambda: cluster.is_ready("web"))
    cluster.registry.delete(PODS, *cluster.key("web"), DeleteOptions(1000))
    assert await run_in(cluster, "web", "c", "uname", "-n") == "web\n"
    options = PodExecOptions("c", ("sleep", "1000"), has_stdin=False, is_tty=False)
    command = await cluster.kubelet.exec(cluster.key("web"), options)
    os.kill(cluster.pid("web"), signal.SIGKILL)
    assert await command.wait() == 137
    await command.close()
    await until(lambda: cluster.is_gone("web"))
    with pytest.raises(StatusError, match="not found"):
        await run_in(cluster, "web", "c", "uname", "-n")


async def test_an_ephemeral_container_is_among_the_processes_of_its_target(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", shell("exec sleep 1000"), shell("exec sleep 1001", name="other")))
    await until(lambda: cluster.is_ready("web"))
    script = "exec sleep 1002"
    debug = {"name": "debug", "image": "busybox", "command": ["sh", "-c", script], "targetContainerName": "c"}
    spec = {**cluster.pod("web")["spec"], "ephemeralContainers": [debug]}
    cluster.registry.update_part(PODS, "ephemeralcontainers", {**cluster.pod("web"), "spec": spec})
    await until(lambda: cluster.pid("web", "debug"))
    assert "sleep\x001000" in await cluster.sh("web", "cat /proc/1/cmdline", "debug")
    while "sleep\x001002" not in await cluster.sh("web", "cat /proc/[0-9]*/cmdline", "c"):
        pass  # its shell has not become that program yet


async def test_the_containers_of_a_pod_share_their_processes_if_it_asks_for_that(cluster: KubeletCluster) -> None:
    quick = shell("sleep 0 & exec sleep 1001", name="d")
    cluster.run(make_pod("web", shell("exec sleep 1000"), quick, shareProcessNamespace=True))
    await until(lambda: cluster.is_ready("web"))
    assert await cluster.sh("web", "cat /proc/1/comm") == "pause"
    shown = await cluster.sh("web", "cat /proc/[0-9]*/cmdline", "d")
    assert "sleep\x001000" in shown and "sleep\x001001" in shown
    agent = agent_of(cluster.pid("web"))
    [pause] = [each for each in children_of(agent) if Path(f"/proc/{each}/comm").read_text() == "pause\n"]
    cluster.registry.delete(PODS, "default", "web", DeleteOptions(0))
    await until(lambda: cluster.is_gone("web") and not is_alive(pause))


async def test_the_containers_of_a_pod_share_their_memory(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", shell("exec sleep 1000"), shell("exec sleep 1001", name="d")))
    await until(lambda: cluster.is_ready("web"))
    await cluster.sh("web", "echo shared > /dev/shm/x")
    shown = await cluster.sh("web", "cat /dev/shm/x; stat -c %a /dev/shm; df --output=size /dev/shm | tail -n1", "d")
    assert shown.split() == ["shared", "1777", "65536"]


async def test_an_ephemeral_container_joins_a_pod_of_one_container(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("one", shell("exec sleep 1000")))
    await until(lambda: cluster.is_ready("one"))
    debug = {"name": "debug", "image": "busybox", "command": ["sleep", "1001"]}
    spec = {**cluster.pod("one")["spec"], "ephemeralContainers": [debug]}
    cluster.registry.update_part(PODS, "ephemeralcontainers", {**cluster.pod("one"), "spec": spec})
    await until(lambda: cluster.pid("one", "debug"))
    assert await cluster.sh("one", "cat /proc/1/comm", "debug") == "sleep"


async def test_a_pod_that_writes_more_than_it_may_is_evicted(
    cluster: KubeletCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podbounds, "INTERVAL_SECONDS", 0.05)
    limits = {"resources": {"limits": {"ephemeral-storage": "2Mi"}}}
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}

    def write(path: str) -> str:
        return f"head -c 3000000 /dev/urandom > {path}; exec sleep 1000"

    cluster.run(make_pod("root", shell(write("/file"), **limits)))
    cluster.run(make_pod("tmp", shell(write("/tmp/file"), **limits)))
    cluster.run(make_pod("log", shell("head -c 3000000 /dev/zero | tr '\\0' '\\n'; exec sleep 1000", **limits)))
    cluster.run(make_pod("volume", shell(write("/v/file"), **mount), volumes=volumes))
    cluster.run(make_pod("modest", shell("exec sleep 1000", **limits)))
    names = ("root", "tmp", "log", "volume")
    await until(lambda: all("terminated" in cluster.status(each).get("state", {}) for each in names))
    total = "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. "
    said = dict.fromkeys(names[:3], total) | {"volume": 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '}
    for each in names:
        status = cluster.pod(each)["status"]
        assert (status["phase"], status["reason"], status["message"]) == ("Failed", "Evicted", said[each])
        assert cluster.events(each, "Evicted") == [said[each]]
    assert cluster.phase("modest") == "Running"

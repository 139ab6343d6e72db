"""Stories of pods' resources: in control groups of the kernel where this process may make them, else without.

Where cgroup v2 does not bound processors and memory the stories of real groups see that this is said; the head of a
test run tells which it is. Those of folders that look like groups are the same everywhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kubelet.cluster import SANDBOXES, KubeletCluster, make_pod, running_kubelet, shell, until

from kubeapi.meta import JSON
from kubeapi.podoptions import PodExecOptions
from kubeapi.registry import DeleteOptions
from kubeapi.scheme import NODES, PODS
from kubeapi.status import Forbidden
from kubehost.io.cgroups import Cgroups, find_delegation
from kubelet.pod.limitedresources import LIMITED_RESOURCES
from kubelet.runtime.pods import resize as podresize

FILES = ("cpu.max", "cpu.weight", "memory.max", "memory.current")


class WrittenGroups(Cgroups):
    """Folders in which the files of the kernel's groups are plain ones, and stay."""

    def add(self, pod: str, container: str, around: Mapping[str, str], settings: Mapping[str, str]) -> Path:
        above = self.folder / pod
        group = above / container
        for each, content in ((above, around), (group, settings)):
            each.mkdir(exist_ok=True)
            for name in FILES:
                (each / name).touch()
            self.change(each, content)
        return group

    def remove(self, group: Path) -> bool:
        return not group.exists()

    def file(self, pod: str, name: str, container: str = "c") -> Path:
        """Return a file of a container's group, or with "" of its pod's."""
        return self.folder / pod / container / name


@pytest.fixture
def written(tmp_path: Path) -> WrittenGroups:
    (tmp_path / "groups").mkdir()
    return WrittenGroups(tmp_path / "groups", ("cpu", "memory"))


@pytest.fixture
async def cluster(tmp_path: Path, written: WrittenGroups) -> AsyncIterator[KubeletCluster]:
    async with running_kubelet(tmp_path, groups=written) as cluster:
        yield cluster


def bounded(cpu: str, memory: str = "200Mi", **fields: Any) -> JSON:
    quantities = {"cpu": cpu, "memory": memory}
    return shell("sleep 99", resources={"limits": quantities, "requests": quantities}, **fields)


def resize(cluster: KubeletCluster, name: str, cpu: str, memory: str = "200Mi") -> None:
    pod = cluster.pod(name)
    container = {**pod["spec"]["containers"][0], "resources": bounded(cpu, memory)["resources"]}
    cluster.registry.update_part(PODS, "resize", {**pod, "spec": {**pod["spec"], "containers": [container]}})


def resize_condition(cluster: KubeletCluster, name: str, kind: str = "PodResizeInProgress") -> JSON:
    conditions = cluster.pod(name)["status"]["conditions"]
    return next((each for each in conditions if each["type"] == kind), {})


async def run(cluster: KubeletCluster, name: str, *containers: JSON, **spec: Any) -> str:
    uid = cluster.run(make_pod(name, *containers, **spec))["metadata"]["uid"]
    await until(lambda: cluster.is_ready(name))
    return str(uid)


async def test_a_pod_has_a_group_and_each_container_one_in_it(cluster: KubeletCluster, written: WrittenGroups) -> None:
    uid = await run(cluster, "web", bounded("1"), shell("sleep 99", name="other"))
    assert written.file(uid, "cpu.max").read_text() == "100000 100000"
    assert written.file(uid, "cpu.weight", "other").read_text() == "1"
    assert written.file(uid, "cpu.weight", "").read_text() == "100"
    assert cluster.status("web")["allocatedResources"] == {"cpu": "1", "memory": "200Mi"}
    assert cluster.status("web", 1)["resources"] == {}


async def test_a_resize_rewrites_the_group_of_a_container_that_runs_on(
    cluster: KubeletCluster, written: WrittenGroups
) -> None:
    uid = await run(cluster, "web", bounded("1"))
    resize(cluster, "web", "2")
    await until(lambda: cluster.events("web", "ResizeCompleted"))
    assert written.file(uid, "cpu.max").read_text() == written.file(uid, "cpu.max", "").read_text() == "200000 100000"
    await until(lambda: cluster.status("web")["resources"]["limits"]["cpu"] == "2")
    assert (cluster.status("web")["restartCount"], resize_condition(cluster, "web")) == (0, {})
    [started] = cluster.events("web", "ResizeStarted")
    assert started.startswith('Pod resize started: {"containers":[{"name":"c","resources":{"limits":{"cpu":"2",')


async def test_a_container_whose_policy_says_so_is_restarted_with_its_new_resources(
    cluster: KubeletCluster, written: WrittenGroups
) -> None:
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    uid = await run(cluster, "web", bounded("1", resizePolicy=policy))
    resize(cluster, "web", "2")
    await until(lambda: cluster.events("web", "ResizeCompleted"))
    assert "Container c resize requires restart" in cluster.events("web", "Killing")
    await until(lambda: cluster.status("web")["restartCount"] == 1 and not resize_condition(cluster, "web"))
    assert written.file(uid, "cpu.max").read_text() == "200000 100000"


async def test_memory_that_is_used_is_not_taken_and_the_resize_is_tried_again(
    cluster: KubeletCluster, written: WrittenGroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podresize, "RETRY_SECONDS", 0.01)
    uid = await run(cluster, "web", bounded("1"))
    written.file(uid, "memory.current").write_text(str(150 << 20))
    resize(cluster, "web", "1", "100Mi")
    await until(lambda: resize_condition(cluster, "web").get("reason") == "Error")
    assert "below current usage (157286400)" in resize_condition(cluster, "web")["message"]
    assert written.file(uid, "memory.max").read_text() == str(200 << 20)
    written.file(uid, "memory.current").write_text("4096")
    await until(lambda: cluster.events("web", "ResizeCompleted"))
    assert written.file(uid, "memory.max").read_text() == str(100 << 20)
    assert len(cluster.events("web", "ResizeError")) == 1


def shrink_node(cluster: KubeletCluster, cpu: str) -> None:
    node = cluster.registry.store.get(NODES, "", "node-a")
    sizes = {"cpu": cpu, "memory": "8Gi"}
    status = {**node["status"], "capacity": sizes, "allocatable": sizes}
    cluster.registry.update_status(NODES, {**node, "status": status})


async def test_a_resize_for_which_the_node_has_no_room_waits_until_there_is_some(
    cluster: KubeletCluster, written: WrittenGroups
) -> None:
    shrink_node(cluster, "4")
    other = await run(cluster, "other", bounded("2"))
    uid = await run(cluster, "web", bounded("1"))
    resize(cluster, "web", "3")
    await until(lambda: cluster.events("web", "ResizeDeferred"))
    message = "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000"
    [said] = cluster.events("web", "ResizeDeferred")
    assert said.startswith('Pod resize OutOfcpu: {"containers":[{"name":"c","resources":{"limits":{"cpu":"3",')
    assert said.endswith(f'"generation":2,"error":"{message}"}}')
    await until(lambda: bool(resize_condition(cluster, "web", "PodResizePending")))
    condition = resize_condition(cluster, "web", "PodResizePending")
    assert (condition["status"], condition["reason"], condition["message"]) == ("True", "Deferred", message)
    assert condition["observedGeneration"] == 2
    assert (
        cluster.status("web")["allocatedResources"]["cpu"] == cluster.status("web")["resources"]["limits"]["cpu"] == "1"
    )
    assert written.file(uid, "cpu.max").read_text() == "100000 100000"
    resize(cluster, "other", "1")
    await until(lambda: cluster.events("web", "ResizeCompleted"))
    assert written.file(uid, "cpu.max").read_text() == "300000 100000"
    assert written.file(other, "cpu.max").read_text() == "100000 100000"
    await until(lambda: not resize_condition(cluster, "web", "PodResizePending"))
    assert cluster.status("web")["allocatedResources"]["cpu"] == "3"


async def test_a_smaller_size_gives_room_on_the_node_once_it_is_done(
    cluster: KubeletCluster, written: WrittenGroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podresize, "RETRY_SECONDS", 0.01)
    shrink_node(cluster, "4")
    uid = await run(cluster, "web", bounded("1", "5Gi"))
    await run(cluster, "other", bounded("1", "2Gi"))
    written.file(uid, "memory.current").write_text(str(4 << 30))
    resize(cluster, "web", "1", "1Gi")
    await until(lambda: resize_condition(cluster, "web").get("reason") == "Error")
    resize(cluster, "other", "1", "6Gi")
    await until(lambda: bool(resize_condition(cluster, "other", "PodResizePending")))
    assert f"used: {5 << 30}, capacity" in resize_condition(cluster, "other", "PodResizePending")["message"]
    written.file(uid, "memory.current").write_text("4096")
    await until(lambda: cluster.events("other", "ResizeCompleted"))


async def test_a_resize_that_waits_ends_when_it_is_taken_back(cluster: KubeletCluster, written: WrittenGroups) -> None:
    shrink_node(cluster, "2")
    await run(cluster, "other", bounded("1"))
    uid = await run(cluster, "web", bounded("1"))
    resize(cluster, "web", "2")
    await until(lambda: bool(resize_condition(cluster, "web", "PodResizePending")))
    resize(cluster, "web", "1")
    await until(lambda: not resize_condition(cluster, "web", "PodResizePending"))
    assert written.file(uid, "cpu.max").read_text() == "100000 100000"
    assert not cluster.events("web", "ResizeStarted")
    resize(cluster, "web", "2")
    await until(lambda: bool(resize_condition(cluster, "web", "PodResizePending")))
    shrink_node(cluster, "8")
    await until(lambda: cluster.events("web", "ResizeCompleted"))


async def test_no_resize_asks_for_more_than_the_node_has_in_all(cluster: KubeletCluster) -> None:
    shrink_node(cluster, "2")
    await run(cluster, "web", bounded("1"))
    with pytest.raises(Forbidden) as refused:
        resize(cluster, "web", "3", "9Gi")
    assert refused.value.message == (
        'pods "web" is forbidden: node didn\'t have enough allocatable resources: '
        "cpu, requested: 3000, allocatable: 2000; memory, requested: 9663676416, allocatable: 8589934592"
    )
    assert [each.reason for each in refused.value.causes] == ["NodeCapacity"]


@pytest.fixture
async def sandboxed(tmp_path: Path) -> AsyncIterator[KubeletCluster]:
    groups = Cgroups.make(find_delegation(), "test")
    async with running_kubelet(tmp_path, sandboxes=SANDBOXES, groups=groups) as cluster:
        yield cluster
    assert not groups.controllers or not groups.folder.exists()


def has_real_groups(cluster: KubeletCluster) -> bool:
    return cluster.groups.controllers >= LIMITED_RESOURCES


async def ended(cluster: KubeletCluster, script: str, **limits: str) -> JSON:
    """Run a script to its end in a container with limits; return how it ended."""
    program = shell(script, resources={"limits": limits})
    pod = cluster.run(make_pod("c", program, restartPolicy="Never"))
    await until(lambda: "terminated" in cluster.status("c").get("state", {}))
    end = cluster.status("c")["state"]["terminated"]
    assert not (cluster.groups.folder / pod["metadata"]["uid"]).exists()
    is_said = any("(limits" in each for each in cluster.events("c", "NotEmulated"))
    assert is_said is not has_real_groups(cluster)
    return dict(end)


async def test_a_container_sees_its_own_group_and_its_limits(sandboxed: KubeletCluster) -> None:
    await run(sandboxed, "web", bounded("500m", "64Mi"))
    seen = await sandboxed.sh("web", "cat /proc/self/cgroup /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max")
    if has_real_groups(sandboxed):
        assert seen.split() == ["0::/", "50000", "100000", str(64 << 20)]
        denied = await sandboxed.sh("web", "echo max > /sys/fs/cgroup/memory.max")
        assert "Read-only file system" in denied
    else:
        assert "No such file" in seen or "50000 100000" not in seen


async def test_a_container_that_uses_more_memory_than_its_limit_is_killed_whole(sandboxed: KubeletCluster) -> None:
    end = await ended(sandboxed, "dd if=/dev/zero of=/dev/null bs=100M count=1; echo went on", memory="32Mi")
    killed = ("OOMKilled", 137) if has_real_groups(sandboxed) else ("Completed", 0)
    assert (end["reason"], end["exitCode"]) == killed


async def test_a_container_that_uses_more_of_a_processor_than_its_limit_is_throttled(sandboxed: KubeletCluster) -> None:
    loop = "while ! grep -q 'nr_throttled [1-9]' /sys/fs/cgroup/cpu.stat; do :; done"
    script = loop if has_real_groups(sandboxed) else "true"
    assert (await ended(sandboxed, script, cpu="50m"))["exitCode"] == 0


async def test_a_volume_in_memory_counts_for_the_container_that_fills_it(sandboxed: KubeletCluster) -> None:
    fill = "dd if=/dev/zero of=/cache/file bs=1M count=100; echo went on"
    program = shell(fill, resources={"limits": {"memory": "32Mi"}}, volumeMounts=[{"name": "m", "mountPath": "/cache"}])
    volume = {"name": "m", "emptyDir": {"medium": "Memory"}}
    sandboxed.run(make_pod("c", program, restartPolicy="Never", volumes=[volume]))
    await until(lambda: "terminated" in sandboxed.status("c").get("state", {}))
    killed = "OOMKilled" if has_real_groups(sandboxed) else "Completed"
    assert sandboxed.status("c")["state"]["terminated"]["reason"] == killed


async def test_nothing_is_left_of_a_pods_groups(sandboxed: KubeletCluster) -> None:
    uid = await run(sandboxed, "web", bounded("1"), shell("sleep 99", name="other"), terminationGracePeriodSeconds=0)
    options = PodExecOptions("c", ("sleep", "99"), has_stdin=False, is_tty=False)
    command = await sandboxed.kubelet.exec(sandboxed.key("web"), options)
    sandboxed.registry.delete(PODS, "default", "web", DeleteOptions(0))
    await until(lambda: sandboxed.is_gone("web") and not sandboxed.kubelet.pids())
    assert await command.read() is None
    await command.close()
    assert not (sandboxed.groups.folder / uid).exists()

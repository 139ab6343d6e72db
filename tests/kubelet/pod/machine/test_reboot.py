"""What a pod is after its node was down, in tables, and that the kubelet starts it again."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kubelet.cluster import KubeletCluster, make_pod, shell, until

from kubeapi.meta import JSON, parse_time
from kubeapi.scheme import PODS
from kubeapi.store import Store
from kubelet.pod.machine.events import Began, Start
from kubelet.pod.machine.lifecycle import step
from kubelet.pod.machine.reboot import after_reboot, earlier_runs
from kubelet.pod.machine.state import new_pod_state
from kubelet.pod.spec import read_pod_spec

NOON = "2026-11-23T12:00:00Z"
NOW = parse_time(NOON)
RUNNING = {"running": {"startedAt": "2026-11-23T08:00:00Z"}}
CRASHED = {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": "2026-11-23T08:00:00Z"}}


def pod(state: JSON, phase: str = "Running", **spec: Any) -> JSON:
    container = {"name": "c", "restartCount": 2, "state": state, "lastState": {}, "ready": True, "containerID": "x://1"}
    conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "PodScheduled")]
    status = {"phase": phase, "podIP": "127.251.1.2", "containerStatuses": [container], "conditions": conditions}
    return {**make_pod("web", {"image": "x"}, **spec), "status": status}


@pytest.mark.parametrize(
    ("before", "phase", "restarts"),
    [
        pytest.param(pod(RUNNING), "Pending", 2, id="was-running"),
        pytest.param(pod(RUNNING, restartPolicy="OnFailure"), "Pending", 2, id="on-failure"),
        pytest.param(pod(RUNNING, restartPolicy="Never"), "Failed", 2, id="never-restarted"),
        pytest.param(pod({"waiting": {"reason": "ContainerCreating"}}, "Pending"), "Pending", None, id="never-ran"),
        pytest.param(pod({**CRASHED}), "Pending", 2, id="had-crashed"),
    ],
)
def test_a_pod_is_not_ready_and_has_no_address(before: JSON, phase: str, restarts: int | None) -> None:
    status = after_reboot(before, NOW)["status"]
    ready = {each["type"]: each["status"] for each in status["conditions"]}
    assert (status["phase"], "podIP" in status, ready) == (phase, False, {"Ready": "False", "PodScheduled": "True"})
    runs = earlier_runs(status)
    assert (runs["c"].restart_count if "c" in runs else None) == restarts


def test_containers_that_ran_ended_at_the_time_of_the_restart() -> None:
    [container] = after_reboot(pod(RUNNING), NOW)["status"]["containerStatuses"]
    ended = container["state"]["terminated"]
    assert (ended["startedAt"], ended["finishedAt"]) == ("2026-11-23T08:00:00Z", NOON)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_was_over_stays_as_it_is(phase: str) -> None:
    before = pod(CRASHED, phase)
    assert after_reboot(before, NOW) is before


def test_init_containers_run_before_the_others_again() -> None:
    spec = read_pod_spec(make_pod("web", {"image": "x"}, initContainers=[{"name": "i", "image": "x"}]))
    ran = {"name": "i", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}
    status = {"initContainerStatuses": [ran], "containerStatuses": [{"name": "c", "state": CRASHED}]}
    _, actions = step(new_pod_state(spec, earlier_runs(status)), Began(), 0.0)
    assert [each for each in actions if isinstance(each, Start)] == [Start("i")]


async def test_the_kubelet_starts_it_again_under_its_name_and_counts(tmp_path: Path) -> None:
    cluster = KubeletCluster(tmp_path)
    cluster.run(make_pod("web", shell("sleep 60")))

    async def life() -> JSON:
        task = asyncio.create_task(cluster.serve())
        await until(lambda: cluster.is_ready("web"))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return cluster.pod("web")

    first = await life()
    cluster.store = Store.restored(1000, [(PODS, after_reboot(first, NOW))])
    cluster.registry.store = cluster.store
    cluster.restart()
    second = await life()
    [container] = second["status"]["containerStatuses"]
    assert (second["metadata"]["uid"], container["restartCount"]) == (first["metadata"]["uid"], 1)
    ended = container["lastState"]["terminated"]
    assert (ended["exitCode"], ended["finishedAt"]) == (255, NOON)


async def test_logs_stay_as_long_as_their_pods(tmp_path: Path) -> None:
    cluster, logs = KubeletCluster(tmp_path), tmp_path / "logs"
    for name in ("job", "gone", "soon"):
        cluster.run(make_pod(name, shell(f"echo {name}"), restartPolicy="Never"))
    cluster.run(make_pod("web", shell("echo before; exec sleep 60")))
    running = asyncio.create_task(cluster.serve())
    await until(lambda: cluster.is_ready("web"))
    await until(lambda: all(cluster.phase(each) == "Succeeded" for each in ("job", "gone", "soon")))
    while await cluster.logs("web") != b"before\n":
        await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    left = [after_reboot(each, NOW) for each in cluster.store.list(PODS) if each["metadata"]["name"] != "gone"]
    cluster.store = Store.restored(1000, [(PODS, each) for each in left])
    cluster.registry.store = cluster.store
    cluster.restart()
    running = asyncio.create_task(cluster.serve())
    await until(lambda: cluster.is_ready("web"))
    assert await cluster.logs("job") == b"job\n"
    assert await cluster.logs("web", previous=True) == b"before\n"
    cluster.registry.delete(PODS, "default", "soon")
    await until(lambda: sorted(each.name.split("_")[1] for each in logs.iterdir()) == ["job", "web"])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

"""What a Pod says of itself, and its line in `kubectl get pods` (the whole table of lines is the API server's)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import EPOCH, EPOCH_TEXT

from kubeapi.meta import JSON
from kubeapi.objects.container import ContainerStatus
from kubeapi.objects.pod import Pod, read_pod

NOW = EPOCH + 100


def made(*, terminating: bool = False, spec: JSON | None = None, **status: Any) -> Pod:
    metadata = {"name": "web", "namespace": "default", **({"deletionTimestamp": EPOCH_TEXT} if terminating else {})}
    return read_pod({"metadata": metadata, "spec": spec or {}, "status": status})


def conditions(ready: str, **fields: Any) -> list[JSON]:
    return [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": ready, **fields}]


@pytest.mark.parametrize(
    ("pod", "phase", "is_finished", "is_active"),
    [
        (made(), "Pending", False, True),
        (made(phase="Running"), "Running", False, True),
        (made(phase="Running", terminating=True), "Running", False, False),
        (made(phase="Succeeded"), "Succeeded", True, False),
        (made(phase="Failed"), "Failed", True, False),
        (made(phase="Unknown"), "Unknown", False, True),
    ],
    ids=lambda each: "",
)
def test_a_pod_is_active_until_it_has_ended_or_is_deleted(
    pod: Pod, phase: str, is_finished: bool, is_active: bool
) -> None:
    assert (pod.phase, pod.is_finished, pod.is_active) == (phase, is_finished, is_active)


@pytest.mark.parametrize("parts", [{}, {"status": None, "spec": None}, {"status": {}, "spec": {}}], ids=str)
def test_a_pod_that_says_nothing_has_the_defaults(parts: JSON) -> None:
    pod = read_pod({"metadata": {"name": "web"}, **parts})
    assert (pod.phase, pod.reason, pod.node_name, pod.ips, pod.qos_class) == ("Pending", "", "", (), "BestEffort")
    assert not pod.is_ready
    assert not pod.container_statuses
    assert not pod.sidecars
    assert pod.most_restarts == 0


@pytest.mark.parametrize(
    ("pod", "since"),
    [
        (made(), None),
        (made(conditions=conditions("False", lastTransitionTime=EPOCH_TEXT)), None),
        (made(conditions=conditions("Unknown")), None),
        (made(conditions=conditions("True", lastTransitionTime=EPOCH_TEXT)), EPOCH),
        (made(conditions=conditions("True")), 0.0),
    ],
    ids=lambda each: "",
)
def test_a_pod_is_ready_since_its_condition_is_true(pod: Pod, since: float | None) -> None:
    assert (pod.is_ready, pod.ready_since) == (since is not None, since)


@pytest.mark.parametrize(
    ("min_ready_seconds", "ready", "left"),
    [(0, "True", 0.0), (100, "True", 0.0), (130, "True", 30.0), (0, "False", None), (130, "False", None)],
)
def test_a_pod_is_available_when_it_was_ready_for_min_ready_seconds(
    min_ready_seconds: int, ready: str, left: float | None
) -> None:
    pod = made(conditions=conditions(ready, lastTransitionTime=EPOCH_TEXT))
    assert pod.seconds_until_available(min_ready_seconds, NOW) == left


@pytest.mark.parametrize(
    ("status", "ips"),
    [
        ({"podIP": "127.0.1.2"}, ("127.0.1.2",)),
        ({"podIP": "127.0.1.2", "podIPs": [{"ip": "127.0.1.2"}, {"ip": "::2"}]}, ("127.0.1.2", "::2")),
        ({"podIP": "", "podIPs": []}, ()),
        ({"podIPs": [{}]}, ()),
    ],
    ids=str,
)
def test_a_pod_has_an_address_of_each_family(status: JSON, ips: tuple[str, ...]) -> None:
    pod = made(**status)
    assert pod.ips == ips
    assert (pod.ip_of("IPv4"), pod.ip_of("IPv6")) == (next(iter(ips), None), next(iter(ips[1:]), None))


def test_restarts_of_the_container_that_was_restarted_most_count() -> None:
    statuses = [{"name": "a", "restartCount": 2}, {"name": "b", "restartCount": 5}, {"name": "c"}]
    assert made(containerStatuses=statuses, initContainerStatuses=[{"restartCount": 9}]).most_restarts == 5


def test_an_init_container_that_is_always_restarted_is_a_sidecar() -> None:
    inits = [{"name": "init"}, {"name": "sidecar", "restartPolicy": "Always"}]
    assert made(spec={"initContainers": inits}).sidecars == inits[1:]


def test_the_quality_of_service_of_the_status_counts() -> None:
    assert made(qosClass="Guaranteed").qos_class == "Guaranteed"


def test_an_init_container_that_fails_is_the_status_and_its_restarts_count() -> None:
    looping = {"name": "i", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    waiting = {"name": "c", "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}
    pod = made(
        spec={"initContainers": [{"name": "i"}], "containers": [{"name": "c"}]},
        phase="Pending",
        initContainerStatuses=[looping],
        containerStatuses=[waiting],
    )
    assert pod.summary == (0, 1, "Init:CrashLoopBackOff", 2, "")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"running": {}}, ""),
        ({}, ""),
        ({"waiting": {}}, ""),
        ({"waiting": {"reason": "ImagePullBackOff"}}, "ImagePullBackOff"),
        ({"terminated": {"reason": "Error", "exitCode": 137, "signal": 9}}, "Error"),
        ({"terminated": {"exitCode": 137, "signal": 9}}, "Signal:9"),
        ({"terminated": {"exitCode": 3}}, "ExitCode:3"),
        ({"terminated": {}}, "ExitCode:0"),
    ],
    ids=str,
)
def test_a_container_that_does_not_run_has_one_reason(state: JSON, reason: str) -> None:
    assert ContainerStatus({"name": "c", "state": state}).reason == reason


@pytest.mark.parametrize(
    ("state", "has_failed", "has_succeeded"),
    [
        ({"running": {}}, False, False),
        ({"terminated": {"exitCode": 0}}, False, True),
        ({"terminated": {}}, False, True),
        ({"terminated": {"exitCode": 1}}, True, False),
    ],
    ids=str,
)
def test_a_container_that_has_ended_has_failed_or_succeeded(state: JSON, has_failed: bool, has_succeeded: bool) -> None:
    container = ContainerStatus({"name": "c", "state": state})
    assert (container.has_failed, container.has_succeeded) == (has_failed, has_succeeded)


def test_the_latest_end_of_a_container_is_its_present_one_or_that_before_its_restart() -> None:
    before, now = {"exitCode": 1}, {"exitCode": 2}
    restarted: JSON = {"name": "c", "state": {"running": {}}, "lastState": {"terminated": before}}
    assert ContainerStatus(restarted).latest_end == before
    assert ContainerStatus({**restarted, "state": {"terminated": now}}).latest_end == now
    assert ContainerStatus({"name": "c"}).latest_end is None

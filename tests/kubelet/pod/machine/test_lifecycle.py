"""Scripts for the life of a pod: what happens on the left, what is done about it on the right."""

from typing import Any

import pytest

from kubelet.pod.machine.events import (
    Action,
    Began,
    ConfigChanged,
    Deleted,
    Event,
    Exited,
    Finish,
    Kill,
    PreStopFinished,
    ProbeKilled,
    ReadinessChanged,
    Refused,
    Report,
    RunPreStop,
    Signal,
    Start,
    Started,
    StartFailed,
    StartupPassed,
    Ticked,
)
from kubelet.pod.machine.lifecycle import next_wakeup, step
from kubelet.pod.machine.state import PodState, Stage, new_pod_state
from kubelet.pod.spec import read_pod_spec
from kubelet.pod.status import phase_of

PROBE = {"tcpSocket": {"port": 80}}


def pod(*containers: dict[str, Any], policy: str = "Always", grace: int = 30, **spec: Any) -> PodState:
    named = [{"name": f"c{number}", "image": "x", **each} for number, each in enumerate(containers or ({},))]
    fields = {"containers": named, "restartPolicy": policy, "terminationGracePeriodSeconds": grace, **spec}
    return new_pod_state(read_pod_spec({"metadata": {"namespace": "ns", "name": "web", "uid": "u"}, "spec": fields}))


class Script:
    """Plays events and keeps the state."""

    def __init__(self, state: PodState) -> None:
        self.state = state

    def __call__(self, event: Event, at: float = 0.0) -> list[Action]:
        self.state, actions = step(self.state, event, at)
        return actions

    def does(self, event: Event, at: float = 0.0) -> list[Action]:
        """Play an event; return the actions but for reports and probes."""
        return [each for each in self(event, at) if isinstance(each, Start | Signal | Kill | RunPreStop | Finish)]

    def run(self, name: str = "c0", at: float = 0.0) -> None:
        self(Started(name, 7, "id"), at)

    def crash_loop(self, times: int) -> list[float]:
        """Let the container exit at once, again and again; return the pauses before its starts."""
        now, pauses = 0.0, []
        for _ in range(times):
            self(Started("c0", 7, "id"), now)
            started = [each for each in self(Exited("c0", 1, 0), now) if isinstance(each, Start)]
            if started:
                pauses.append(0.0)
                continue
            wakeup = next_wakeup(self.state)
            assert wakeup is not None
            pauses.append(wakeup - now)
            assert self.does(Ticked(), wakeup - 0.1) == []
            assert self.does(Ticked(), wakeup) == [Start("c0")]
            now = wakeup
        return pauses


def test_a_crashing_container_is_restarted_at_once_then_after_10_seconds_doubling_to_300() -> None:
    assert Script(begun(pod())).crash_loop(8) == [0, 10, 20, 40, 80, 160, 300, 300]


def begun(state: PodState) -> PodState:
    return step(state, Began(), 0.0)[0]


def test_ten_minutes_of_running_forget_the_back_off() -> None:
    script = Script(begun(pod()))
    script.crash_loop(4)
    script(Started("c0", 7, "id"), 1000.0)
    assert script.does(Exited("c0", 1, 0), 1601.0) == [Start("c0")]
    script.run(at=1601.0)
    script(Exited("c0", 1, 0), 1602.0)
    assert next_wakeup(script.state) == 1612.0


def test_a_back_off_says_so_in_status_and_event() -> None:
    script = Script(begun(pod()))
    script.run()
    script(Exited("c0", 1, 0))
    script.run()
    reports = [each for each in script(Exited("c0", 1, 0)) if isinstance(each, Report)]
    assert Report("Warning", "BackOff", "Back-off restarting failed container c0 in pod web_ns(u)") in reports
    container = script.state.container("c0")
    assert container.reason == "CrashLoopBackOff"
    assert container.message == "back-off 10s restarting failed container=c0 pod=web_ns(u)"
    assert container.restart_count == 1


@pytest.mark.parametrize(
    ("policy", "code", "starts", "phase"),
    [
        pytest.param("Always", 0, True, "Running", id="Always restarts what succeeded"),
        pytest.param("Always", 1, True, "Running", id="Always restarts what failed"),
        pytest.param("OnFailure", 1, True, "Running", id="OnFailure restarts what failed"),
        pytest.param("OnFailure", 0, False, "Succeeded", id="OnFailure leaves what succeeded"),
        pytest.param("Never", 1, False, "Failed", id="Never leaves what failed"),
        pytest.param("Never", 0, False, "Succeeded", id="Never leaves what succeeded"),
    ],
)
def test_the_restart_policy_decides_what_follows_an_end(policy: str, code: int, starts: bool, phase: str) -> None:
    script = Script(begun(pod(policy=policy)))
    script.run()
    script(Exited("c0", code, 0), 1.0)
    if starts:
        script.run(at=1.0)
    assert script.state.container("c0").restart_count == (1 if starts else 0)
    assert phase_of(script.state) == phase


@pytest.mark.parametrize(
    ("policy", "operator", "code", "starts"),
    [
        pytest.param("Never", "In", 42, True, id="a rule fits"),
        pytest.param("Never", "In", 41, False, id="no rule fits"),
        pytest.param("Never", "NotIn", 41, True, id="a code that is not in the rule"),
        pytest.param("OnFailure", "In", 41, True, id="the container's own policy"),
        pytest.param(None, "In", 41, False, id="the pod's policy"),
    ],
)
def test_a_container_has_a_restart_policy_and_rules(policy: str | None, operator: str, code: int, starts: bool) -> None:
    rules = [{"action": "Restart", "exitCodes": {"operator": operator, "values": [42]}}]
    own = {"restartPolicy": policy, "restartPolicyRules": rules} if policy else {}
    script = Script(begun(pod(own, policy="Never")))
    script.run()
    assert script.does(Exited("c0", code, 0), 1.0) == ([Start("c0")] if starts else [])


def test_deletion_sends_sigterm_and_after_the_grace_period_sigkill() -> None:
    script = Script(begun(pod(grace=30)))
    script.run()
    assert script.does(Deleted(30), 100.0) == [Signal("c0")]
    assert next_wakeup(script.state) == 130.0
    assert script.does(Ticked(), 129.0) == []
    assert script.does(Ticked(), 130.0) == [Kill("c0")]
    assert script.does(Exited("c0", 137, 9), 130.1) == [Finish()]


def test_a_container_that_heeds_sigterm_ends_the_pod_at_once() -> None:
    script = Script(begun(pod()))
    script.run()
    script(Deleted(30), 100.0)
    assert script.does(Exited("c0", 0, 0), 101.0) == [Finish()]
    assert script.state.container("c0").has_succeeded


def test_a_second_deletion_can_only_shorten_the_grace_period() -> None:
    script = Script(begun(pod()))
    script.run()
    script(Deleted(30), 100.0)
    script(Deleted(60), 101.0)
    assert next_wakeup(script.state) == 130.0
    script(Deleted(1), 102.0)
    assert next_wakeup(script.state) == 103.0


def test_no_grace_is_sigkill_at_once() -> None:
    script = Script(begun(pod({"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}})))
    script.run()
    assert Kill("c0") in script.does(Deleted(0), 100.0)


def test_a_pre_stop_hook_runs_before_sigterm() -> None:
    script = Script(begun(pod({"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}})))
    script.run()
    assert script.does(Deleted(10), 100.0) == [RunPreStop("c0", 10)]
    assert script.does(PreStopFinished("c0"), 103.0) == [Signal("c0")]
    assert script.does(Ticked(), 110.0) == [Kill("c0")]


def test_a_hook_that_uses_up_the_grace_period_leaves_two_seconds_between_sigterm_and_sigkill() -> None:
    script = Script(begun(pod({"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}})))
    script.run()
    script(Deleted(10), 100.0)
    assert script.does(Ticked(), 110.0) == [Signal("c0")]
    assert script.does(PreStopFinished("c0"), 110.5) == []
    assert script.does(Ticked(), 112.0) == [Kill("c0")]


def test_a_pod_deleted_while_its_process_is_being_started_is_signalled_when_it_has() -> None:
    script = Script(begun(pod()))
    assert script.does(Deleted(5), 1.0) == []
    assert next_wakeup(script.state) is None
    assert script.does(Started("c0", 7, "id"), 2.0) == [Signal("c0")]
    assert script.does(Exited("c0", 0, 0), 3.0) == [Finish()]


def test_a_pod_in_back_off_is_finished_at_once_when_it_is_deleted() -> None:
    script = Script(begun(pod()))
    for _ in range(2):
        script.run()
        script(Exited("c0", 1, 0))
    assert script.does(Deleted(30)) == [Finish()]
    assert next_wakeup(script.state) is None


def test_init_containers_run_one_after_the_other_and_before_the_rest() -> None:
    state = pod(initContainers=[{"name": "a", "image": "x"}, {"name": "b", "image": "x"}])
    script = Script(state)
    assert script.does(Began()) == [Start("a")]
    script.run("a")
    assert script.does(Exited("a", 0, 0)) == [Start("b")]
    script.run("b")
    assert phase_of(script.state) == "Pending"
    assert script.does(Exited("b", 0, 0)) == [Start("c0")]
    script.run()
    assert phase_of(script.state) == "Running"


def test_a_failing_init_container_is_tried_again_unless_the_policy_is_never() -> None:
    script = Script(pod(initContainers=[{"name": "a", "image": "x"}]))
    script(Began())
    script.run("a")
    assert script.does(Exited("a", 1, 0)) == [Start("a")]
    script = Script(pod(initContainers=[{"name": "a", "image": "x"}], policy="Never"))
    script(Began())
    script.run("a")
    assert script.does(Exited("a", 1, 0)) == []
    assert phase_of(script.state) == "Failed"


def test_a_sidecar_starts_first_stays_and_stops_last() -> None:
    sidecar = {"name": "s", "image": "x", "restartPolicy": "Always"}
    script = Script(pod(initContainers=[sidecar], policy="Never"))
    assert script.does(Began()) == [Start("s")]
    assert script.does(Started("s", 1, "i")) == [Start("c0")]
    script.run()
    assert script.does(Exited("c0", 0, 0)) == [Signal("s")]
    assert phase_of(script.state) == "Running"  # its network and its addresses are still the sidecar's
    script(Exited("s", 143, 15))
    assert phase_of(script.state) == "Succeeded"


HOOKED = {"image": "x", "restartPolicy": "Always", "lifecycle": {"preStop": {"exec": {"command": ["x"]}}}}


def sidecars(*, grace: int = 30) -> Script:
    """Return a running pod with the sidecars s1 and s2, of which the second has a hook, and the container c0."""
    first = {"name": "s1", "image": "x", "restartPolicy": "Always"}
    script = Script(pod(initContainers=[first, {"name": "s2", **HOOKED}], grace=grace))
    script(Began())
    for name in ("s1", "s2"):
        script(Started(name, 1, "i"))
    script.run()
    return script


def test_sidecars_run_their_hooks_at_once_and_end_in_the_reverse_order() -> None:
    script = sidecars()
    assert script.does(Deleted(30)) == [RunPreStop("s2", 30), Signal("c0")]
    assert script.does(PreStopFinished("s2")) == []
    assert script.does(Exited("c0", 143, 15)) == [Signal("s2")]
    assert script.does(Exited("s2", 143, 15)) == [Signal("s1")]
    assert script.does(Exited("s1", 143, 15)) == [Finish()]


def test_a_sidecar_whose_turn_never_comes_has_two_seconds_after_the_grace_period() -> None:
    script = sidecars()
    script(Deleted(5), 10.0)
    script(PreStopFinished("s2"), 11.0)
    assert script.does(Ticked(), 15.0) == [Signal("s1"), Signal("s2"), Kill("c0")]
    assert script.does(Ticked(), 17.0) == [Kill("s1"), Kill("s2"), Kill("c0")]


def test_a_sidecar_that_is_restarted_waits_for_nobody() -> None:
    script = sidecars()
    assert Signal("s1") in script.does(ProbeKilled("s1", "liveness", 3))


def test_a_startup_probe_keeps_the_container_unready_until_it_has_passed() -> None:
    script = Script(begun(pod({"startupProbe": PROBE})))
    script.run()
    assert not script.state.container("c0").is_ready
    script(StartupPassed("c0"))
    assert script.state.container("c0").is_ready


def test_a_readiness_probe_decides_readiness() -> None:
    script = Script(begun(pod({"readinessProbe": PROBE})))
    script.run()
    assert not script.state.container("c0").is_ready
    script(ReadinessChanged("c0", True))
    assert script.state.container("c0").is_ready
    script(ReadinessChanged("c0", False))
    assert not script.state.container("c0").is_ready


def test_a_late_probe_result_does_not_touch_a_container_that_has_ended() -> None:
    script = Script(begun(pod({"readinessProbe": PROBE}, policy="Never")))
    script.run()
    script(Exited("c0", 0, 0))
    script(ReadinessChanged("c0", True))
    assert not script.state.container("c0").is_ready


def test_a_liveness_failure_stops_the_container_and_its_end_restarts_it() -> None:
    script = Script(begun(pod(grace=30)))
    script.run()
    actions = script(ProbeKilled("c0", "liveness", 3), 50.0)
    assert actions == [
        Report("Normal", "Killing", "Container c0 failed liveness probe, will be restarted"),
        Signal("c0"),
    ]
    assert next_wakeup(script.state) == 53.0
    assert script.does(Exited("c0", 0, 0), 51.0) == [Start("c0")]


def test_an_unknown_image_waits_in_err_image_pull_then_image_pull_back_off() -> None:
    script = Script(begun(pod()))
    script(Refused("c0", "ErrImagePull", "no such image"), 0.0)
    assert script.state.container("c0").reason == "ErrImagePull"
    script(Ticked(), 1.0)
    assert script.state.container("c0").reason == "ImagePullBackOff"
    assert script.does(Ticked(), 10.0) == [Start("c0")]
    script(Refused("c0", "ErrImagePull", "no such image"), 10.0)
    script(Ticked(), 11.0)
    assert next_wakeup(script.state) == 30.0


def test_an_unknown_image_of_a_volume_is_the_one_that_is_named() -> None:
    script = Script(begun(pod()))
    assert Report("Warning", "Failed", 'Failed to pull image "some/files": none') in script(
        Refused("c0", "ErrImagePull", "none", "some/files"), 0.0
    )
    assert Report("Normal", "BackOff", 'Back-off pulling image "some/files"') in script(Ticked(), 1.0)


def test_a_missing_config_map_is_tried_again_when_config_maps_change() -> None:
    script = Script(begun(pod()))
    script(Refused("c0", "CreateContainerConfigError", 'configmap "x" not found'), 0.0)
    assert script.does(Ticked(), 1.0) == []
    assert script.does(ConfigChanged(), 2.0) == [Start("c0")]


def test_a_command_that_cannot_start_is_a_start_error_with_code_128() -> None:
    script = Script(begun(pod()))
    script(StartFailed("c0", "not found"), 0.0)
    container = script.state.container("c0")
    assert (container.reason, container.stage) == ("RunContainerError", Stage.WAITING)
    assert container.last is not None
    assert (container.last.reason, container.last.exit_code) == ("StartError", 128)
    assert script.does(Ticked(), 0.5) == []
    assert script.does(Ticked(), 1.0) == [Start("c0")]
    script(StartFailed("c0", "not found"), 1.0)
    assert script.state.container("c0").reason == "CrashLoopBackOff"


def test_a_pod_that_is_finished_stays_finished() -> None:
    script = Script(begun(pod(policy="Never")))
    script.run()
    script(Exited("c0", 0, 0))
    assert script.does(Deleted(30)) == [Finish()]
    assert script.does(Deleted(30)) == []

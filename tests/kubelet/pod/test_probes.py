"""Tables of tries and verdicts."""

import pytest

from kubelet.pod.probes import ProbeKind, ProbeOutcome, Verdict, begin_probe, observe
from kubelet.pod.spec import Probe

PASS, FAIL = ProbeOutcome(True), ProbeOutcome(False)
HANDLER = {"tcpSocket": {"port": 80}}


def verdicts(kind: ProbeKind, probe: Probe, tries: str) -> str:
    """Play ``+`` and ``-``; return ``P``, ``F`` or ``.`` for each."""
    state, said = begin_probe(kind, probe, 0.0, 0.0), ""
    for number, each in enumerate(tries):
        state, verdict = observe(state, PASS if each == "+" else FAIL, float(number * 10))
        said += "." if verdict is None else "P" if verdict is Verdict.PASSED else "F"
    return said


@pytest.mark.parametrize(
    ("success", "failure", "tries", "expected"),
    [
        pytest.param(1, 3, "+", "P", id="one success is enough by default"),
        pytest.param(1, 3, "---", "..F", id="three failures fail"),
        pytest.param(1, 3, "--+--", "..P..", id="a success starts the count anew"),
        pytest.param(1, 3, "+---+", "P..FP", id="failed and well again"),
        pytest.param(2, 1, "+-++", ".F.P", id="two successes in a row"),
        pytest.param(1, 3, "++++", "P...", id="a verdict is said once"),
        pytest.param(1, 1, "---", "F..", id="a failure is said once"),
    ],
)
def test_a_verdict_comes_after_as_many_equal_results_as_the_threshold(
    success: int, failure: int, tries: str, expected: str
) -> None:
    probe = Probe(HANDLER, success_threshold=success, failure_threshold=failure)
    assert verdicts(ProbeKind.READINESS, probe, tries) == expected


def test_the_first_try_waits_for_the_initial_delay() -> None:
    assert begin_probe(ProbeKind.LIVENESS, Probe(HANDLER, initial_delay=5), 100.0, 101.0).due_at == 105.0


def test_tries_follow_each_other_by_the_period_whatever_one_takes() -> None:
    state = begin_probe(ProbeKind.LIVENESS, Probe(HANDLER, period=10), 0.0, 0.0)
    state, _ = observe(state, PASS, 0.9)
    assert state.due_at == 10.0
    state, _ = observe(state, PASS, 35.0)
    assert state.due_at == 40.0


def test_an_unready_container_is_probed_again_after_a_second_as_the_pod_is_synchronised() -> None:
    state = begin_probe(ProbeKind.READINESS, Probe(HANDLER, period=10), 0.0, 0.0)
    state, _ = observe(state, FAIL, 0.01)
    assert state.due_at == 1.0
    state, _ = observe(state, FAIL, 1.01)
    assert state.due_at == 11.0

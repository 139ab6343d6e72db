"""What a real API server once said to a command, kubesvc says too; each exception is in a table, with its reason.

The table can only get shorter: a case in it whose answer is equal by now fails until it is taken out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import pytest
from tests.helpers.cluster.cli import ClusterCommands, running
from tests.helpers.kubectl.cli import find_kubectls, kubeconfig_of
from tests.helpers.oracle import KUBECTL, commands, differences, masked, play, recorded

NODES = """\
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
networking: {loadBalancers: false}
nodes:
  - {name: node-1, address: 127.168.0.101, zone: a, labels: {disk: fast}}
  - {name: node-2, address: 127.168.0.102, zone: b}
"""
"""The nodes that the real API server was given; it had no cloud, and so no load balancers."""

CASES = commands()
RECORDED = recorded()
DIFFERENCES = differences()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, default_addresses: None) -> Iterator[dict[str, str]]:
    """Every case's answer, from a cluster of its own at Kubernetes' default subnets."""
    file = tmp_path_factory.mktemp("configuration") / "cluster.yaml"
    file.write_text(NODES)
    folder = tmp_path_factory.mktemp("commands")
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "oracle"), str(file)) as cluster:
        yield dict(play(CASES, find_kubectls()[KUBECTL], kubeconfig_of(cluster), folder))


def test_every_case_has_a_recorded_answer_and_every_difference_is_a_case() -> None:
    assert list(RECORDED) == list(CASES)
    assert set(DIFFERENCES) <= set(CASES)


@pytest.mark.parametrize("number", ["7", "31000", "2456789", "2456789456", "4012345678"])
def test_no_random_number_of_kubectls_files_shows_in_an_answer(number: str) -> None:
    answer = "diff -u -N {0}/LIVE-{1}/v1.Service.t1.ap1 {0}/MERGED-{1}/v1.Service.t1.ap1\nsee {0}/kubectl-edit-{1}.yaml"
    assert masked(answer.format("/tmp", number)) == masked(answer.format("/tmp/of-a-test", "1234567"))


@pytest.mark.parametrize("case", [case for case in CASES if case not in DIFFERENCES])
def test_the_answer_is_that_of_a_real_api_server(answers: dict[str, str], case: str) -> None:
    real, ours = masked(RECORDED[case]), masked(answers[case])
    diff = "\n".join(difflib.unified_diff(real, ours, "real", "kubesvc", lineterm=""))
    assert not diff, f"$ {CASES[case]}\n{diff}\nIf it is to stay so: {case} into differences.yaml, with the reason"


@pytest.mark.parametrize("case", DIFFERENCES)
def test_the_answer_still_differs_for_the_reason_in_the_table(answers: dict[str, str], case: str) -> None:
    assert masked(RECORDED[case]) != masked(answers[case]), f"equal by now, take it out: {DIFFERENCES[case]}"

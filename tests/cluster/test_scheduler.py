"""kube-scheduler and kubesvc's scheduler, before the same nodes and pods."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from benchmarks.cluster.controlplane import ControlPlane, Program
from benchmarks.cluster.programs import MissingProgramsError, find_programs
from tests.helpers.realcluster.scheduling import SCHEDULER, Beside, Decision, random_pod

PODS, KEPT = 120, 25


@pytest.fixture
def beside(plane: ControlPlane, tmp_path: Path) -> Iterator[Beside]:
    try:
        program = find_programs(("kube-scheduler",))["kube-scheduler"]
    except MissingProgramsError as error:
        pytest.fail(str(error))
    settings = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": str(plane.kubeconfig)},
        "leaderElection": {"leaderElect": False},
        "profiles": [{"schedulerName": SCHEDULER}],
    }
    (tmp_path / "scheduler.yaml").write_text(yaml.safe_dump(settings))
    access = [f"--{each}-kubeconfig={plane.kubeconfig}" for each in ("authentication", "authorization")]
    command = [program, f"--config={tmp_path}/scheduler.yaml", "--bind-address=127.0.0.1", *access]
    scheduler = Program(command, tmp_path / "scheduler.log", lambda: True)
    found = Beside(plane.api())
    found.prepare()
    scheduler.start()
    yield found
    scheduler.stop()
    found.clear()


def test_kube_scheduler_decides_alike(beside: Beside) -> None:
    rng = random.Random(37)
    differences: list[tuple[str, Decision, Decision]] = []
    for number in range(PODS):
        before = beside.pods()
        world = beside.world(before)
        pod = beside.create(random_pod(f"p{number}", rng), rng)
        expected = beside.expected(pod, world)
        decided = beside.decided(pod["metadata"]["name"], before)
        is_among = bool(decided.nodes) and decided.nodes <= expected.nodes
        # A pod for which others have left is bound a moment later: its message is gone then.
        has_made_room = bool(decided.victims) and decided.victims == expected.victims
        if not is_among and not has_made_room and decided != expected:
            differences.append((pod["metadata"]["name"], decided, expected))
        for name in sorted(before)[: max(len(before) - KEPT, 0)]:
            beside.delete(name)
    assert differences == []

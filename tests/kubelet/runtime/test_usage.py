"""What containers use: rates between two questions, and a process as /proc shows it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from kubeapi.meta import ObjectKey
from kubelet.process.usage import TreeUsage, tree_usage
from kubelet.runtime.usage import UsageSampler

KEY = ObjectKey("default", "web")


class Machine:
    """Processes by pid, and the seconds since the machine's start."""

    def __init__(self) -> None:
        self.uptime = 100.0
        self.processes = {7: TreeUsage(5.0, 1000, 90.0)}

    def sampler(self) -> UsageSampler:
        pids = {KEY: {"main": 7}}
        return UsageSampler(lambda: pids, lambda: self.uptime + 1000, self.processes.get, lambda: self.uptime)


def test_the_first_rate_is_that_since_the_start_and_the_next_ones_are_between_questions() -> None:
    machine = Machine()
    sampler = machine.sampler()
    [first] = sampler()[KEY].containers
    assert (first.nanocores, first.memory) == (500_000_000, 1000)
    machine.uptime, machine.processes[7] = 110.0, TreeUsage(7.5, 2000, 90.0)
    used = sampler()[KEY]
    assert (used.window, used.time, used.containers[0].nanocores) == (10.0, 1110.0, 250_000_000)


def test_questions_in_one_second_have_one_answer() -> None:
    machine = Machine()
    sampler = machine.sampler()
    first = sampler()
    machine.uptime, machine.processes[7] = 100.5, TreeUsage(9.0, 2000, 90.0)
    assert sampler() == first


def test_a_number_that_is_another_process_s_now_begins_anew() -> None:
    machine = Machine()
    sampler = machine.sampler()
    sampler()
    machine.uptime, machine.processes[7] = 120.0, TreeUsage(1.0, 1000, 118.0)
    assert sampler()[KEY].containers[0].nanocores == 500_000_000


def test_a_pod_whose_processes_are_gone_uses_nothing() -> None:
    machine = Machine()
    machine.processes.clear()
    assert machine.sampler()() == {}


def test_a_process_counts_with_its_descendants() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & wait"]) as process:
        try:
            deadline = time.monotonic() + 10
            while (own := tree_usage(process.pid)) is None or own.memory < 200_000:
                assert time.monotonic() < deadline
            before = time.clock_gettime(time.CLOCK_BOOTTIME)
            assert own.started == pytest.approx(before, abs=60)
        finally:
            for pid in [*_children(process.pid), process.pid]:
                os.kill(pid, 9)
    assert tree_usage(process.pid) is None


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

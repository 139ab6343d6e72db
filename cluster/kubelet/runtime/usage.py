"""Samples what the containers use, whenever somebody asks: `kubectl top`, and an autoscaler every 15 seconds.

A rate is that of the time since the last question, or since the container's start; nothing is measured if nobody asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeapi.metrics.usage import ContainerUsage, PodUsage
from kubelet.process.usage import TreeUsage, tree_usage

SHORTEST_WINDOW = 1.0
"""Seconds for which a sample is given again: the kernel counts CPU in hundredths of a second."""


class _Sample(NamedTuple):
    """The CPU seconds of a process at a time."""

    time: float
    cpu: float


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class UsageSampler:
    """Calling it returns the usage of all pods.

    ``pids`` gives the processes of running containers, ``clock`` seconds since the epoch; ``read`` and ``uptime``
    (seconds since the machine's start) are for tests.
    """

    def __init__(
        self,
        pids: Callable[[], dict[ObjectKey, dict[str, int]]],
        clock: Callable[[], float],
        read: Callable[[int], TreeUsage | None] = tree_usage,
        uptime: Callable[[], float] = _uptime,
    ) -> None:
        self._pids = pids
        self._clock = clock
        self._read = read
        self._uptime = uptime
        self._before: dict[int, _Sample] = {}
        self._sampled_at = 0.0
        self._usage: dict[ObjectKey, PodUsage] = {}

    def __call__(self) -> Mapping[ObjectKey, PodUsage]:
        """Return what every running pod uses now."""
        now = self._uptime()
        if self._sampled_at and now - self._sampled_at < SHORTEST_WINDOW:
            return self._usage
        samples: dict[int, _Sample] = {}
        self._usage = {
            key: usage for key, pids in self._pids().items() if (usage := self._pod(pids, now, samples)) is not None
        }
        self._before, self._sampled_at = samples, now
        return self._usage

    def _pod(self, pids: dict[str, int], now: float, samples: dict[int, _Sample]) -> PodUsage | None:
        containers: list[ContainerUsage] = []
        windows: list[float] = []
        for name, pid in pids.items():
            read = self._read(pid)
            if read is None:
                continue
            before = self._before.get(pid)
            if before is None or before.cpu > read.cpu:  # new, or the number is another process's now
                before = _Sample(read.started, 0.0)
            window = max(now - before.time, 0.01)
            containers.append(ContainerUsage(name, int((read.cpu - before.cpu) / window * 1e9), read.memory))
            windows.append(window)
            samples[pid] = _Sample(now, read.cpu)
        return PodUsage(self._clock(), min(windows), tuple(containers)) if containers else None

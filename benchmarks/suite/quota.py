"""Processes that are held to a part of a processor, so that they and not the machine are what bounds a work.

By a control group of their own, which only root may make: cgroup v1's cpu controller (cpu.cfs_quota_us) where it is
mounted, else v2's (cpu.max). See Documentation/scheduler/sched-bwc.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PERIOD = 100_000
"""Microseconds, the kernel's default: in each of them a process has its part."""
_ROOT = Path("/sys/fs/cgroup")


@contextmanager
def held(pid: int, share: float) -> Iterator[None]:
    """Hold a process to ``share`` of a processor for the length of the block; OSError where that cannot be."""
    quota = int(PERIOD * share)
    is_v1 = (_ROOT / "cpu" / "cpu.cfs_quota_us").exists()
    home = _ROOT / "cpu" if is_v1 else _ROOT
    group = home / f"kubesvc-bench-{os.getpid()}-{pid}"
    group.mkdir()
    try:
        if is_v1:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD}")
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for member in (group / "cgroup.procs").read_text().split():
            (home / "cgroup.procs").write_text(member)
        group.rmdir()

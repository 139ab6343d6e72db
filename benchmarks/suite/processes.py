"""Processes that are measured: started, waited for, read in /proc, and ended by their id."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 15.0
STOP_SECONDS = 10.0


class PeerError(Exception):
    """A peer is missing or did not start; the text is the gap's name in the table."""


def find_program(name: str) -> str | None:
    """Return where a program is, None if it is missing; also where only root looks, and beside this Python (pip)."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:{beside}")


@contextmanager
def running(
    command: Sequence[str], log: Path, is_up: Callable[[], bool], env: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run a process for the length of the block, from when ``is_up`` says so, and yield its id.

    PeerError where it is up before it was started: that is somebody else, and would be measured in its place.
    """
    if is_up():
        raise PeerError("its address is taken by another process")
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env and {**os.environ, **env}
        )
    try:
        _wait(process, log, is_up)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path, is_up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip().splitlines()
            raise PeerError(f"did not start: {without_paths(said[-1]) if said else 'it said nothing'}")
        time.sleep(0.02)


def without_paths(text: str) -> str:
    """Return a message as it may stand in a report, which names no folders."""
    return re.sub(r"(?<![\w.])/[^\s:,;'\"]+", "...", text)


def family(pid: int) -> list[int]:
    """Return a process and all that it started, as far as they are there."""
    parents = {each: parent for each in _pids() if (parent := _parent(each)) is not None}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on (proc(5)); [] when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process, its threads and what it started; the ended ones that it waited for."""
    ticks = sum(int(field) for each in family(pid) for field in _stat(each)[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def own_cpu_seconds(pid: int) -> float:
    """Return user and system time of one process and its threads, 0 when it is gone."""
    return sum(int(field) for field in _stat(pid)[11:13]) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the memory that a process and what it started have in use; shared pages count in each."""
    return sum(own_resident_bytes(each) for each in family(pid))


def own_resident_bytes(pid: int) -> int:
    """Return the memory that one process has in use, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


def proportional_bytes(pid: int) -> int:
    """Return the memory of a process and what it started; a page that several share counts once in all of them."""
    return sum(_own_proportional_bytes(each) for each in family(pid))


def _own_proportional_bytes(pid: int) -> int:
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[1]) * 1024 if found else 0

"""What machine and which versions were measured; no names of hosts, users or paths."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.suite.processes import find_program

_PROGRAMS = {
    "haproxy": ("haproxy", "-v"),
    "nginx": ("nginx", "-v"),
    "envoy": ("envoy", "--version"),
    "wrk": ("wrk", "-v"),
    "dnsperf": ("dnsperf", "-h"),
    "dnsmasq": ("dnsmasq", "--version"),
    "coredns": ("coredns", "-version"),
    "unbound": ("unbound", "-V"),
}
_PACKAGES = ("uvloop", "aiohttp", "dnslib")


def cpu_model() -> str:
    """Return the processor's name."""
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def describe() -> dict[str, str]:
    """Return the machine and the versions."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    programs = {name: found for name, command in _PROGRAMS.items() if (found := _program_version(command))}
    packages = ", ".join(f"{name} {_package_version(name)}" for name in _PACKAGES)
    return {
        "Processor": f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores, {memory:.1f} GiB memory",
        "Kernel": platform.release(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}, {packages}",
        "Programs": ", ".join(f"{name} {each}" for name, each in programs.items()),
        "Load of the machine before": " ".join(f"{each:.2f}" for each in os.getloadavg()),
    }


def slug() -> str:
    """Return the machine's name in file names: processor and cores."""
    words = re.sub(r"\((r|tm)\)", "", cpu_model().lower())
    return re.sub(r"[^a-z0-9]+", "-", f"{words} {len(os.sched_getaffinity(0))} cores").strip("-")


def _package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _program_version(command: tuple[str, ...]) -> str:
    program = find_program(command[0])
    if program is None:
        return ""
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=10, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "of unknown version"

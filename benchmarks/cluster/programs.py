"""The programs of a real cluster that kubesvc stands beside: where they are, and how to have them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable

from benchmarks.suite.processes import find_program

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager")
BESIDE = ("kube-proxy", "coredns", "kubectl")
_TOOLS = {"kube-proxy": ("nft", "nftables")}
"""By program what it starts itself, and the package that has it."""
_VERSIONS = {"coredns": "-version", "kubectl": "version --client"}


class MissingProgramsError(Exception):
    """Programs are missing; the text says which, and how to have them."""


def find_programs(names: Iterable[str] = (*CONTROL_PLANE, *BESIDE)) -> dict[str, str]:
    """Return where each program is; MissingProgramsError without one, or without what namespaces need."""
    wanted = list(names)
    found = {name: path for name in wanted if (path := find_program(name))}
    if missing := [name for name in wanted if name not in found]:
        raise MissingProgramsError(
            f"not on the PATH: {', '.join(missing)}. `.ci/build-cluster FOLDER` builds them from their Go modules"
            " (half an hour, once); then `PATH=FOLDER:$PATH`."
        )
    for tool, package in (_TOOLS[name] for name in wanted if name in _TOOLS):
        if find_program(tool) is None:
            raise MissingProgramsError(f"{tool} is missing; install it: sudo apt-get install {package}")
    if os.geteuid():
        raise MissingProgramsError("this needs root: kube-proxy's rules and its own network are the kernel's")
    return found


def version_of(name: str, path: str) -> str:
    """Return the version that a program says, "" if it says none."""
    command = [path, *_VERSIONS.get(name, "--version").split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    said = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    return said[0] if said else ""

"""Commands whose answers a real API server gave once, how to play them, and what differs between any two clusters.

The real one was etcd, kube-apiserver and kube-controller-manager 1.37.2, driven by kubectl 1.33.1 and recorded on
2026-11-29. The commands are ``tests/oracle/commands.yaml``, the answers ``tests/oracle/recorded/NNN-NAME.txt``.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from tests.helpers.patience import PATIENCE

KUBECTL = (1, 33)
"""The client of the recording: other versions print some answers in words of their own."""
_FOLDER = Path(__file__).parents[1] / "oracle"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes random names and hashes of."""
_MASKS = tuple(
    (re.compile(pattern, re.MULTILINE), mask)
    for pattern, mask in (
        # The files of kubectl edit and diff: before the hashes, because a random number may look like one.
        (r"/\S+/(?=(?:LIVE|MERGED)-\d)", "FOLDER/"),
        (r"LIVE-\d+|MERGED-\d+", "SIDE"),
        (r"/\S*/kubectl-edit-\d+\.yaml", "FILE"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UID"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[-+]\d\d:?\d\d)", "TIME"),
        (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [-+]\d{4}", "TIME"),
        (r"(?<=[ \t(])(\d+[smhd]){1,2}( ago)?(?=[\s)]|$)", "AGE"),
        (r'("?resourceVersion"?: ?)"?\d+"?', r"\1RV"),
        # Addresses: the first octet is 127 here, and the last ones are random but where the user chose them.
        (r"\b(10|127)\.(9[6-9]|10\d|11[01])\.\d+\.\d+\b", "SERVICE-IP"),
        (r"\b(10|127)\.244\.\d+\.\d+\b", "POD-IP"),
        (r"\b127\.0\.113\.\d+\b|\b203\.0\.113\.\d+\b", "EXTERNAL-IP"),
        (r"\b(192|127)\.168\.0\.10(\d)\b", r"NODE-IP-\2"),
        (r"https://127\.0\.0\.1:6443", "SERVER"),
        (r"\b3[0-2]\d{3}\b", "NODE-PORT"),
        (rf"-[{_ALPHABET}]{{8,10}}-[{_ALPHABET}]{{5}}\b", "-HASH-SUFFIX"),
        (rf"-[{_ALPHABET}]{{9,10}}\b", "-HASH"),
        (rf"(pod-template-hash[\"':= ]+)[{_ALPHABET}]{{6,10}}", r"\1HASH"),
        (rf"\b(gen-|9gen-)[{_ALPHABET}]{{5}}\b", r"\1SUFFIX"),
        (rf"(mir|d1|d1b)-[{_ALPHABET}]{{5}}\b", r"\1-SUFFIX"),
        # The names that a kubeconfig gives the cluster.
        (r"/\S+/kubeconfig\b", "KUBECONFIG"),
        (r"kubesvc-\w+", "real"),
        # What the server derives from its own copy of the schema.
        (r"\?hash=[0-9A-Fa-f]+", "?hash=HASH"),
    )
)


def commands() -> dict[str, str]:
    """Return the cases by name, in the order in which they are to be played: a case may need what another left."""
    cases: dict[str, str] = yaml.safe_load((_FOLDER / "commands.yaml").read_text())
    return cases


def differences() -> dict[str, str]:
    """Return why the answer to a case is another one here, by the case's name."""
    reasons: dict[str, list[str]] = yaml.safe_load((_FOLDER / "differences.yaml").read_text())
    return {case: reason for reason, cases in reasons.items() for case in cases}


def recorded() -> dict[str, str]:
    """Return the real answers by the name of their case."""
    files = sorted((_FOLDER / "recorded").iterdir())
    return {file.stem.partition("-")[2]: file.read_text() for file in files}


def play(cases: dict[str, str], kubectl: Path, kubeconfig: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Run every case against a cluster without other objects; yield its name and what a terminal would have shown."""
    # A case may change the context's namespace, and kubectl keeps what it discovers below its home.
    own = folder / "kubeconfig"
    own.write_bytes(kubeconfig.read_bytes())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}
    env = {**kept, "KUBECONFIG": str(own), "HOME": str(folder), "K": str(kubectl), "T": str(folder)}
    env["TMPDIR"] = str(folder.parent)  # `kubectl edit` leaves there what was refused
    for name, text in cases.items():
        result = subprocess.run(
            ["bash", "-c", text],
            env={**env, "PY": sys.executable},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
        yield name, f"{result.stdout}\nrc={result.returncode}\n".replace(str(folder), "TMPDIR")


def masked(answer: str) -> list[str]:
    """Return the lines of an answer with everything masked that differs from run to run, columns made narrow."""
    for pattern, mask in _MASKS:
        answer = pattern.sub(mask, answer)
    # Columns are as wide as their widest cell, so an address that is longer moves all others.
    lines = [re.sub(r"(?<=\S)\s{2,}", "  ", line.rstrip()) for line in answer.splitlines() if "\0" not in line]
    # kubectl edit says the same again and again until it is stopped: how often is a matter of time.
    return [line for line, _ in itertools.groupby(lines)]

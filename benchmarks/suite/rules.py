"""Many Services in the kernel's rules: how long their load takes, and how soon one more serves a pod.

The load is that of ``ruleload``, in a process of its own. How soon is from the request to the API until the first
connection of a pod that tries all the time; the API answers when the Service is on disk, mostly later than that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.clusters import Started, started
from benchmarks.suite import podworld
from benchmarks.suite.peers import has_program
from benchmarks.suite.podworld import World
from benchmarks.suite.sandboxes import api_of, spread
from benchmarks.suite.settings import FRONT_PORT, MANY_SERVICES

CHANGES = 11
START_SECONDS = 180
EXEC_SECONDS = 30
_WORLD = World(0, "namespaces", "nftables")
_ROW = "web"
_SERVICES = "/api/v1/namespaces/default/services"
_PROBE = """\
import socket, sys, time
print("trying", flush=True)
while True:
    with socket.socket() as one:
        one.settimeout(0.003)
        try:
            one.connect((sys.argv[1], int(sys.argv[2])))
        except OSError:
            time.sleep(0.0005)
        else:
            print(time.time(), flush=True)
            break
"""


def rules(rounds: int, tell: Callable[[str], None]) -> dict[str, float]:
    """Return the figures by name; none of one more Service without kubectl, by which a pod tries."""
    found = _loads(rounds, tell)
    if has_program("kubectl"):
        tell(f"one more Service at {MANY_SERVICES:,}")
        with _started(_WORLD) as cluster:
            more = [_one_more(cluster, _WORLD) * 1000 for _ in range(CHANGES)]
        found |= spread(f"rulesOneMoreMilliseconds@{MANY_SERVICES}", more)
    return found


def _loads(rounds: int, tell: Callable[[str], None]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.suite.ruleload", str(MANY_SERVICES)]
    told = []
    for number in range(rounds):
        tell(f"rules of {MANY_SERVICES:,} Services: round {number + 1} of {rounds}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
        if done.returncode:
            return {}
        told.append(json.loads(done.stdout))
    load = spread(f"rulesLoadSeconds@{MANY_SERVICES}", [each["loadSeconds"] for each in told])
    return load | spread(f"rulesChangeMilliseconds@{MANY_SERVICES}", [each["changeMilliseconds"] for each in told])


def _started(world: World) -> Any:
    documents = [world.configuration(), *podworld.row(_ROW), *podworld.silent(MANY_SERVICES, world)]
    return started(f"bench-rules-{os.getpid()}", "\n---\n".join(map(json.dumps, documents)), START_SECONDS)


def _one_more(cluster: Started, world: World) -> float:
    """Return the seconds from the request for a new Service until it serves a pod."""
    kubeconfig, address = cluster.status["api"]["kubeconfig"], world.address("190.1")
    made = podworld.service_of(_ROW, "more")
    made["spec"]["clusterIP"] = address
    inside = ["exec", f"client-{_ROW}", "--", "python3", "-c", _PROBE, address, str(FRONT_PORT)]
    command = ["kubectl", "--kubeconfig", kubeconfig, *inside]
    with (
        api_of(Path(kubeconfig)) as api,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as probe,
    ):
        assert probe.stdout is not None
        if probe.stdout.readline() != "trying\n":
            raise OSError("a pod cannot be had to try: kubectl exec failed")
        asked = time.time()
        api.send("POST", _SERVICES, made)
        served, _ = probe.communicate(timeout=EXEC_SECONDS)
        api.send("DELETE", f"{_SERVICES}/more")
    return float(served) - asked

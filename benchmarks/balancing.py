"""The balancers side by side: random, round_robin, least_connections and ClientIP over real sockets and real pods.

    python -m benchmarks.balancing [--seconds 32] [--json FILE]

One cluster, four Services in front of the same pods, of which one is slower. Rounds go through the Services in turn, in
both directions, so that whatever else the machine does meets them all. See README.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clusters import ClusterError, cluster, listener_of, pods_of
from benchmarks.figures import Trial, summary, table
from benchmarks.load import trial_from_json

FAST_PODS = 3
SLOW_POD = "slow-1"
SLOW_MILLISECONDS = 20
CLIENTS = 16
RATE = 500.0
"""Requests per second of the open loop: well below what one core relays, so that waiting is the balancer's doing."""
ROUNDS = 3
SECONDS = 32.0
"""Of load in total; with starting and stopping it stays under a minute."""
TRIAL_GRACE = 10.0
"""Seconds that a trial may take beyond its load before it is given up."""

SERVICES: dict[str, dict[str, Any]] = {
    "random": {"metadata": {"annotations": {"kubesvc.dev/balancer": "random"}}},
    "round_robin": {"metadata": {"annotations": {"kubesvc.dev/balancer": "round_robin"}}},
    "least_connections": {"metadata": {"annotations": {"kubesvc.dev/balancer": "least_connections"}}},
    "ClientIP": {"spec": {"sessionAffinity": "ClientIP"}},
}
"""What each contestant says in its Service."""

LABELS = {"app": "contest"}
PORT = 8080


@dataclass(frozen=True)
class Loop:
    """One way to put load on: ``rate`` 0 is a closed loop."""

    name: str
    title: str
    rate: float


LOOPS = (
    Loop("closedLoop", f"closed loop, {CLIENTS} clients", 0.0),
    Loop("openLoop", f"open loop, {RATE:g} requests/s", RATE),
)


def manifests() -> str:
    """Return the cluster: a configuration beside the default one's addresses, Services and pods. JSON is YAML."""
    configuration = {
        "apiVersion": "kubesvc.dev/v1alpha1",
        "kind": "ClusterConfiguration",
        "networking": {
            "serviceSubnet": "127.32.0.0/16",
            "podSubnet": "127.33.0.0/16",
            "loadBalancerSubnet": "127.34.0.0/24",
        },
        "nodes": [{"name": "node-1", "address": "127.35.0.1"}],
        "proxy": {"healthzBindAddress": "", "metricsBindAddress": ""},
        "dns": {"bindAddresses": [], "upstreams": []},
    }
    return "\n---\n".join(json.dumps(each) for each in (configuration, *_services(), *_pods()))


def service_name(balancer: str) -> str:
    """Return the name of a contestant's Service."""
    return balancer.lower().replace("_", "-")


def _services() -> Iterator[dict[str, Any]]:
    for balancer, says in SERVICES.items():
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": service_name(balancer), **says.get("metadata", {})},
            "spec": {"selector": LABELS, "ports": [{"port": PORT}], **says.get("spec", {})},
        }


def _pods() -> Iterator[dict[str, Any]]:
    agnhost = {"image": "registry.k8s.io/e2e-test-images/agnhost:2.53", "args": ["netexec", f"--http-port={PORT}"]}
    for number in range(1, FAST_PODS + 1):
        yield _pod(f"fast-{number}", agnhost)
    command = [sys.executable, str(Path(__file__).with_name("slow_pod.py")), str(SLOW_MILLISECONDS)]
    environment = [{"name": "PORT", "value": str(PORT)}]
    yield _pod(SLOW_POD, {"image": "slow", "command": command, "env": environment})


def _pod(name: str, container: dict[str, Any]) -> dict[str, Any]:
    ready = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    container = {"name": "web", "ports": [{"containerPort": PORT}], "readinessProbe": ready, **container}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": LABELS},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }


def schedule(rounds: int) -> Iterator[tuple[Loop, str]]:
    """Yield every trial in the order of measurement; every other round goes backwards."""
    for number in range(rounds):
        balancers = list(SERVICES) if number % 2 == 0 else list(reversed(SERVICES))
        yield from ((loop, balancer) for loop in LOOPS for balancer in balancers)


def measure(seconds: float) -> dict[str, Any]:
    """Run the contest and return its figures."""
    trials = {loop.name: {balancer: Trial() for balancer in SERVICES} for loop in LOOPS}
    order = list(schedule(ROUNDS))
    with cluster(f"bench-{os.getpid()}", manifests()) as status:
        pods = pods_of(status, service_name("random"))
        for number, (loop, balancer) in enumerate(order, 1):
            if sys.stderr.isatty():
                print(f"\r{number}/{len(order)} {loop.title}: {balancer}\033[K", end="", file=sys.stderr, flush=True)
            address, port = listener_of(status, service_name(balancer))
            trials[loop.name][balancer].add(_trial(address, port, seconds / len(order), loop.rate))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return {
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "seconds": seconds,
        "rounds": ROUNDS,
        "clients": CLIENTS,
        "rate": RATE,
        "slowMilliseconds": SLOW_MILLISECONDS,
        **{name: {each: summary(trial, pods) for each, trial in found.items()} for name, found in trials.items()},
    }


def _trial(address: str, port: int, seconds: float, rate: float) -> Trial:
    command = [sys.executable, "-m", "benchmarks.load", address, str(port)]
    options = ["--seconds", f"{seconds:.3f}", "--clients", str(CLIENTS), "--rate", f"{rate:g}"]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=seconds + TRIAL_GRACE, check=False
    )
    if done.returncode:
        raise ClusterError(f"the load generator failed: {done.stderr.strip()}")
    return trial_from_json(done.stdout)


def main() -> int:
    """Measure, print the tables, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of load in total")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    options = parser.parse_args()
    try:
        figures = measure(max(options.seconds, 1.0))
    except (ClusterError, subprocess.TimeoutExpired) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"{FAST_PODS} fast pods and one that takes {SLOW_MILLISECONDS} ms; one connection per request\n")
    print("\n\n".join(table(loop.title, figures[loop.name], SLOW_POD) for loop in LOOPS))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

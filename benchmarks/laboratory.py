"""Published results about balancing beside what comes out here: writes benchmarks/results/laboratory.md.

    python -m benchmarks.laboratory [--sockets] [--quick] [--results DIR]

The simulation takes some ten minutes (--quick: seconds, and nothing is written). --sockets adds real clusters with real
pods where that tells more, R1 and R6: a minute of load for each algorithm, each on a new cluster, as the pods' clocks
begin with their first request. That wants a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.clusters import ClusterError, kubesvc, started
from benchmarks.suite import machine
from benchmarks.suite.peers import raise_file_limit
from svcbench.document import read_run
from svcbench.report.laboratory import Reproduced, laboratory
from svcbench.reproduce import REPRODUCTIONS, Figure, Reproduction, coordinated_omission, slow_backend
from svcbench.results import Run
from svcbench.verdict import invalidities

RATE = 400
"""Requests per second on sockets; publication and simulation have 1000, but two cores carry pods and generator too."""
GRACE = 30.0
"""Seconds that a bench may take beyond its load."""
NAME = "bench-laboratory"
BENCH = ("bench", "--name", NAME, "svc/web")
CLUSTER: dict[str, Any] = {
    "apiVersion": "kubesvc.dev/v1alpha1",
    "kind": "ClusterConfiguration",
    "sandbox": "none",
    "networking": {
        "serviceSubnet": "127.90.128.0/18",
        "podSubnet": "127.90.192.0/19",
        "loadBalancerSubnet": "127.90.224.0/24",
        "serviceNodePortRange": "23900-23999",
    },
    "nodes": [{"name": "node-1", "address": "127.90.225.1"}],
    "proxy": {"healthzBindAddress": "", "metricsBindAddress": ""},
    "dns": {"bindAddresses": [], "upstreams": []},
}
"""A cluster beside the default one's addresses, so that both may run."""


def manifests(models: Sequence[str], algorithm: str, options: str = "") -> str:
    """Return a Service whose pods behave as the publication's backends; JSON is YAML."""
    annotations = {"kubesvc.dev/balancer": algorithm, **({"kubesvc.dev/balancer-options": options} if options else {})}
    web = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080, "appProtocol": "http"}]},
    }
    pods = [_pod(f"web-{number}", model) for number, model in enumerate(models, 1)]
    return "\n---\n".join(json.dumps(each) for each in (CLUSTER, web, *pods))


def _pod(name: str, model: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app": "web"}, "annotations": {"kubesvc.dev/backend": model}}
    containers = [{"name": "backend", "image": "kubesvc/backend"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}


def measured(cluster: str, seconds: float, *load: str) -> Run:
    """Return a run on a new cluster. ClusterError."""
    with started(NAME, cluster) as found:
        options = ("--duration", f"{seconds:g}s", "--warmup", "0", "--json", "-")
        return read_run(json.loads(kubesvc(found.environment, seconds + GRACE, *BENCH, *load, *options)))


def slow_backend_on_sockets() -> Iterator[tuple[Figure, list[str]]]:
    """Yield the figures of R1, each with why its run is not to be believed."""
    for name, (algorithm, options, *_) in slow_backend.ALGORITHMS.items():
        _tell(f"R1 on sockets: {name}")
        run = measured(manifests(slow_backend.MODELS, algorithm, options), slow_backend.SECONDS, "--rate", f"{RATE}/s")
        yield from ((figure, invalidities(run)) for figure in slow_backend.figures_of(name, run))


def omission_on_sockets() -> Iterator[tuple[Figure, list[str]]]:
    """Yield the figures of R6: what an open loop sees, and what a closed one does of the same stop.

    The generator opens more connections when all are busy, so it has no omission of its own to show.
    """
    _tell("R6 on sockets")
    omission = coordinated_omission
    cluster = manifests((omission.MODEL,), "round_robin")
    run = measured(cluster, omission.SECONDS, "--rate", f"{omission.RATE}/s")
    closed = measured(cluster, omission.SECONDS, "--closed", str(omission.CONNECTIONS))
    both = replace(run, uncorrected=closed.uncorrected)
    yield from ((figure, [*invalidities(run), *invalidities(closed)]) for figure in omission.figures_of(both))


ON_SOCKETS = {"R1": slow_backend_on_sockets, "R6": omission_on_sockets}


def reproduced(reproduction: Reproduction, *, is_thorough: bool, has_sockets: bool) -> tuple[Reproduced, list[str]]:
    """Return a result, and why what sockets gave is not to be believed."""
    _tell(f"{reproduction.name}: {reproduction.title}")
    simulation = list(reproduction.figures(is_thorough))
    if not has_sockets or reproduction.name not in ON_SOCKETS:
        return Reproduced(reproduction, simulation), []
    found = list(ON_SOCKETS[reproduction.name]())
    faults = [f"{reproduction.name}, {figure.what}: {fault}" for figure, wrong in found for fault in wrong]
    return Reproduced(reproduction, simulation, [figure for figure, _ in found]), faults


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def told(*, has_sockets: bool) -> dict[str, str]:
    """Return what to know of the run."""
    found = {"Date": str(datetime.datetime.now(tz=datetime.UTC).date())}
    if not has_sockets:
        return found | {"Sockets": "not measured"}
    return found | {
        "Machine of the sockets": machine.describe()["Processor"],
        "Load of the machine before": " ".join(f"{each:.2f}" for each in os.getloadavg()),
        "Sockets": f"R1 at {RATE} requests/s; R6, when sent: of a closed loop; what has - is not measured on them",
    }


def main() -> int:
    """Reproduce all, and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.laboratory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sockets", action="store_true", help="measure on real clusters too")
    parser.add_argument("--quick", action="store_true", help="small simulations, and the page on standard output")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"), metavar="DIR")
    given = parser.parse_args()
    raise_file_limit()
    about = told(has_sockets=given.sockets)
    try:
        results = [
            reproduced(each, is_thorough=not given.quick, has_sockets=given.sockets) for each in REPRODUCTIONS.values()
        ]
    except ClusterError as error:
        print(f"laboratory: {error}", file=sys.stderr)
        return 1
    faults = [fault for _, found in results for fault in found]
    if faults:
        about["Not to be believed"] = "; ".join(faults)
    page = laboratory([result for result, _ in results], about)
    if given.quick:
        print(page, end="")
    else:
        (given.results / "laboratory.md").write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())

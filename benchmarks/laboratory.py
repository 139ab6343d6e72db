"""Published results about balancing beside what comes out here: writes benchmarks/results/laboratory.md.

    python -m benchmarks.laboratory [--sockets] [--quick] [--results DIR]

The simulation takes some ten minutes (--quick: seconds, and nothing is written). --sockets adds real clusters with real
pods where that tells more, R1: a minute of load for each algorithm, each on a new cluster, as the pods' clocks begin
with their first request. That wants a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.clusters import ClusterError, kubesvc, started
from benchmarks.suite import machine
from svcbench.document import read_run
from svcbench.report.laboratory import Reproduced, laboratory
from svcbench.reproduce import REPRODUCTIONS, Figure, Reproduction
from svcbench.reproduce.slow_backend import ALGORITHMS, MODELS, SECONDS, figures_of
from svcbench.results import Run
from svcbench.verdict import invalidities

RATE = 400
"""Requests per second on sockets; publication and simulation have 1000, but two cores carry pods and generator too."""
SLOW_BACKEND = "R1"
GRACE = 30.0
"""Seconds that a bench may take beyond its load."""
NAME = "bench-laboratory"
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


def manifests(algorithm: str, options: str) -> str:
    """Return a Service whose pods behave as the publication's backends; JSON is YAML."""
    annotations = {"kubesvc.dev/balancer": algorithm, **({"kubesvc.dev/balancer-options": options} if options else {})}
    web = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080, "appProtocol": "http"}]},
    }
    pods = [_pod(f"web-{number}", model) for number, model in enumerate(MODELS, 1)]
    return "\n---\n".join(json.dumps(each) for each in (CLUSTER, web, *pods))


def _pod(name: str, model: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app": "web"}, "annotations": {"kubesvc.dev/backend": model}}
    containers = [{"name": "backend", "image": "kubesvc/backend"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}


def measured(algorithm: str, options: str) -> Run:
    """Return a run on a new cluster. ClusterError."""
    with started(NAME, manifests(algorithm, options)) as found:
        load = ("--rate", f"{RATE}/s", "--duration", f"{SECONDS}s", "--warmup", "0", "--json", "-")
        said = kubesvc(found.environment, SECONDS + GRACE, "bench", "--name", NAME, "svc/web", *load)
        return read_run(json.loads(said))


def on_sockets() -> Iterator[tuple[Figure, list[str]]]:
    """Yield the figures of R1 on sockets, each with why its run is not to be believed."""
    for name, (algorithm, options, *_) in ALGORITHMS.items():
        _tell(f"{SLOW_BACKEND} on sockets: {name}")
        run = measured(algorithm, options)
        yield from ((figure, invalidities(run)) for figure in figures_of(name, run))


def reproduced(reproduction: Reproduction, *, is_thorough: bool, has_sockets: bool) -> tuple[Reproduced, list[str]]:
    """Return a result, and why what sockets gave is not to be believed."""
    _tell(f"{reproduction.name}: {reproduction.title}")
    simulation = list(reproduction.figures(is_thorough))
    if not has_sockets or reproduction.name != SLOW_BACKEND:
        return Reproduced(reproduction, simulation), []
    found = list(on_sockets())
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
        "Sockets": f"R1 at {RATE} requests/s, a new cluster for each algorithm; what has - is not measured on them",
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

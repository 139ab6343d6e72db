"""kubesvc on a real cluster's API server, beside what a cluster has there.

    python -m benchmarks.cluster [--services 10000] [--rounds 3] [--works proxy,dns,connect,plane] [--results DIR]

Needs root and the programs that `.ci/build-cluster` builds. See benchmarks/README.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.cluster.controlplane import control_plane
from benchmarks.cluster.figures import Figures, verdict
from benchmarks.cluster.names import names
from benchmarks.cluster.networks import enter, node_networks
from benchmarks.cluster.planes import planes
from benchmarks.cluster.programs import BESIDE, CONTROL_PLANE, MissingProgramsError, find_programs, version_of
from benchmarks.cluster.proxies import PEERS, fill, proxies
from benchmarks.cluster.report import LINES, markdown, terminal
from benchmarks.cluster.room import Room
from benchmarks.cluster.servers import PodServers
from benchmarks.cluster.tunnels import tunnels
from benchmarks.installed import be_as_installed
from benchmarks.suite import machine
from benchmarks.suite.peers import raise_file_limit

PROXY, DNS, CONNECT, PLANE = WORKS = ("proxy", "dns", "connect", "plane")


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--services", type=int, default=Room.services)
    found.add_argument("--endpoints", type=int, default=Room.endpoints, help="of each Service")
    found.add_argument("--rounds", type=int, default=Room.rounds)
    found.add_argument("--change-seconds", type=int, default=Room.change_seconds, help="of changes of endpoints")
    found.add_argument("--works", default=",".join(WORKS), help=f"which of {','.join(WORKS)}")
    found.add_argument("--results", type=Path, metavar="DIR", help="where to write report and figures")
    return found


def measure(options: argparse.Namespace, programs: dict[str, str], folder: Path) -> Figures:
    """Run the works that were asked for on one control plane."""
    room = Room(
        programs, folder, options.services, options.endpoints, options.rounds, change_seconds=options.change_seconds
    )
    chosen, found = options.works.split(","), Figures()
    enter()
    if CONNECT in chosen:
        found.join(tunnels(room, _tell))
    if PLANE in chosen:
        found.join(planes(room, _tell))
    if not {PROXY, DNS} & set(chosen):
        return found
    with ExitStack() as stack:
        plane = stack.enter_context(control_plane(folder, programs, has_controllers=False))
        _tell(f"filling the API server: {room.services:,} Services with {room.endpoints} endpoints each")
        fill(plane, room)
        if PROXY in chosen:
            networks = stack.enter_context(node_networks(len(PEERS)))
            for each in networks:
                stack.callback(PodServers(each).close)
            found.join(proxies(plane, dict(zip(PEERS, networks, strict=True)), room, _tell))
        if DNS in chosen:
            found.join(names(plane, room, _tell))
    return found


def _tell(text: str) -> None:
    now = datetime.datetime.now(tz=datetime.UTC)
    print(f"{now:%H:%M:%S} {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print the table, and write what was asked for."""
    options = parser().parse_args()
    be_as_installed()
    raise_file_limit()
    told = machine.describe()
    try:
        programs = find_programs((*CONTROL_PLANE, *BESIDE))
        with tempfile.TemporaryDirectory(prefix="kubesvc-bench-") as folder:
            found = measure(options, programs, Path(folder))
    except (MissingProgramsError, OSError, TimeoutError, subprocess.SubprocessError) as error:
        print(f"make bench-cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    verdicts = [verdict(each, found) for each in LINES]
    print(terminal(verdicts, found.gaps))
    if options.results:
        told["Programs"] = ", ".join(f"{name} {version_of(name, path)}" for name, path in programs.items())
        told["Work"] = f"{options.services:,} Services with {options.endpoints} endpoints each, {options.rounds} rounds"
        options.results.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.datetime.now(tz=datetime.UTC).date()}-{machine.slug()}-cluster"
        Path(options.results, f"{name}.md").write_text(markdown(told, verdicts, found.gaps))
        text = json.dumps({"machine": told, "values": found.values, "gaps": found.gaps}, indent=1)
        Path(options.results, f"{name}.json").write_text(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

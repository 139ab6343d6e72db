"""Published results about balancing beside what comes out here: writes benchmarks/results/laboratory.md.

    python -m benchmarks.laboratory [--sockets] [--quick] [--results DIR]

The simulation takes some ten minutes (--quick: seconds, and nothing is written). --sockets adds real clusters with real
pods where they tell more, for about as long; that wants a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from pathlib import Path

from benchmarks.ending import run
from benchmarks.installed import be_as_installed
from benchmarks.laboratorypage import Reproduced, laboratory
from benchmarks.suite import machine
from benchmarks.suite.peers import raise_file_limit
from kubesvc.bench.socketruns import SocketRunError, measured
from svcbench.reproduce import REPRODUCTIONS, Reproduction, Setup
from svcbench.results import Run
from svcbench.verdict import invalidities


class Laboratory:
    """Reproduces results; ``faults`` is why what sockets gave is not to be believed."""

    def __init__(self, *, is_thorough: bool, has_sockets: bool) -> None:
        self._is_thorough = is_thorough
        self._has_sockets = has_sockets
        self._result = ""
        self.faults: list[str] = []

    def reproduced(self, result: Reproduction) -> Reproduced:
        """Return a result with its figures. SocketRunError."""
        self._result = result.name
        _tell(f"{result.name}: {result.title}")
        simulation = list(result.figures(self._is_thorough))
        if not self._has_sockets or result.on_sockets is None:
            return Reproduced(result, simulation)
        return Reproduced(result, simulation, list(result.on_sockets(self._measured)))

    def _measured(self, setup: Setup) -> Run:
        _tell(f"  {setup.algorithm} on sockets: {setup.seconds:g} s {setup.load}")
        run = measured(setup)
        self.faults += [f"{self._result} with {setup.algorithm}: {each}" for each in invalidities(run)]
        return run


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
        "Sockets": "at rates that two cores carry, pods and generator included; what has - is not measured on them",
    }


def main() -> int:
    """Reproduce all, and write the page."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks.laboratory", description=__doc__, formatter_class=as_written)
    parser.add_argument("--sockets", action="store_true", help="measure on real clusters too")
    parser.add_argument("--quick", action="store_true", help="small simulations, and the page on standard output")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"), metavar="DIR")
    given = parser.parse_args()
    be_as_installed()
    raise_file_limit()
    about = told(has_sockets=given.sockets)
    work = Laboratory(is_thorough=not given.quick, has_sockets=given.sockets)
    try:
        results = [work.reproduced(each) for each in REPRODUCTIONS.values()]
    except SocketRunError as error:
        print(f"laboratory: {error}", file=sys.stderr)
        return 1
    if work.faults:
        about["Not to be believed"] = "; ".join(work.faults)
    page = laboratory(results, about)
    if given.quick:
        print(page, end="")
    else:
        (given.results / "laboratory.md").write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))

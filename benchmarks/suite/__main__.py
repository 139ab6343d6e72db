"""The benchmark suite: kubesvc beside HAProxy, nginx, dnsmasq and what one would write by hand.

    python -m benchmarks.suite [--rounds 5] [--seconds 3] [--works keepalive,http] [--results DIR]

See benchmarks/README.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.clusters import ClusterError
from benchmarks.ending import run
from benchmarks.installed import be_as_installed
from benchmarks.suite import machine
from benchmarks.suite.contest import Outcome, contest
from benchmarks.suite.goals import verdicts
from benchmarks.suite.peers import NGINX_MODULES, Ground, raise_file_limit
from benchmarks.suite.picks import picks
from benchmarks.suite.plot import svg
from benchmarks.suite.pods import pods
from benchmarks.suite.processes import PeerError
from benchmarks.suite.report import markdown, terminal
from benchmarks.suite.rules import rules
from benchmarks.suite.samples import document
from benchmarks.suite.sandboxes import sandboxes
from benchmarks.suite.scale import SIZES, scale, tutorial_seconds
from benchmarks.suite.settings import WORKS
from benchmarks.suite.trials import Size, Trials
from benchmarks.suite.workers import workers

IDLE = 10_000
SPARE_FILES = 300
TUTORIAL = "tutorial"
SCALE = "scale"
WORKERS = "workers"
PODS = "pods"
SANDBOXES = "sandboxes"
RULES = "rules"
PICKS = "picks"


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(
        prog="python -m benchmarks.suite", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ",".join([*(work.name for work in WORKS), TUTORIAL, SCALE, WORKERS, PODS, SANDBOXES, RULES, PICKS])
    found.add_argument("--rounds", type=int, default=5)
    found.add_argument("--seconds", type=int, default=3, help="of load in a trial")
    found.add_argument("--works", default=names, help=f"which of {names}")
    found.add_argument("--bulk-bytes", type=int, default=1 << 30)
    found.add_argument("--idle", type=int, default=IDLE, help="connections; fewer where the limit of files says so")
    found.add_argument("--sizes", default=",".join(map(str, SIZES)), help="Services of the scale work")
    found.add_argument("--quick", action="store_true", help="one round of a second, 64 MiB, 200 idle connections")
    found.add_argument("--modules", type=Path, default=NGINX_MODULES, help="where nginx' modules are")
    found.add_argument("--note", action="append", default=[], help="what the report should say of the run; may repeat")
    found.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    found.add_argument("--results", type=Path, metavar="DIR", help="where to write report, plot and figures")
    return found


def measure(options: argparse.Namespace) -> tuple[list[Outcome], dict[str, float]]:
    """Run the works that were asked for: those that are contests, and those whose figures stand alone."""
    chosen = options.works.split(",")
    alone: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="kubesvc-bench-") as folder:
        ground = Ground(Path(folder), options.modules)
        trials = Trials(Size(options.seconds, options.bulk_bytes, options.idle), Path(folder))
        outcomes = [contest(work, ground, trials, options.rounds, _tell) for work in WORKS if work.name in chosen]
        if TUTORIAL in chosen:
            _tell("the tutorial, from the command to ready")
            alone["tutorialSeconds"] = tutorial_seconds()
        if SCALE in chosen:
            alone |= scale(tuple(map(int, options.sizes.split(","))), ground, trials, options.rounds, _tell)
        if WORKERS in chosen:
            alone |= workers(ground, trials, options.rounds, _tell)
        if PODS in chosen:
            between, own = pods(options.rounds, options.seconds, _tell)
            outcomes, alone = [*outcomes, *between], alone | own
        if SANDBOXES in chosen:
            alone |= sandboxes(options.rounds, _tell)
        if RULES in chosen:
            alone |= rules(options.rounds, _tell)
        if PICKS in chosen:
            alone |= picks(_tell)
    return outcomes, alone


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)


def figures(outcomes: list[Outcome], alone: dict[str, float], told: dict[str, str]) -> dict[str, Any]:
    """Return the run as JSON."""
    return {
        "machine": told,
        "works": {
            each.work.name: {
                "title": each.work.title,
                "unit": each.work.unit,
                "reference": each.work.reference,
                "peers": document(each.rounds, each.work.reference),
                "gaps": each.gaps,
            }
            for each in outcomes
        },
        "scale": alone,
        "goals": [
            {
                "title": each.goal.title,
                "wanted": each.goal.wanted,
                "measured": each.measured,
                "isMet": each.is_met,
                "isClear": each.is_clear,
            }
            for each in verdicts({each.work.name: each.rounds for each in outcomes}, alone)
        ],
    }


def main() -> int:
    """Measure, print the tables, and write what was asked for."""
    options = parser().parse_args()
    be_as_installed()
    files = raise_file_limit()
    if options.quick:
        options.rounds, options.seconds, options.bulk_bytes, options.idle = 1, 1, 1 << 26, 200
    options.idle = min(options.idle, (files - SPARE_FILES) // 2)
    told = machine.describe()
    try:
        outcomes, alone = measure(options)
    except (ClusterError, PeerError, OSError, subprocess.SubprocessError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    _tell("")
    judged = verdicts({each.work.name: each.rounds for each in outcomes}, alone)
    print(terminal(outcomes, alone, judged))
    text = json.dumps(figures(outcomes, alone, told), indent=1) + "\n"
    if options.json:
        options.json.write_text(text)
    if options.results:
        options.results.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.datetime.now(tz=datetime.UTC).date()}-{machine.slug()}"
        settings = {
            "Rounds": f"{options.rounds} of {options.seconds} s; bulk {options.bulk_bytes / (1 << 20):g} MiB",
            "Idle connections": f"{options.idle:,}; a proxy holds two descriptors for each, {files:,} are allowed",
            **{f"Note {count}": text for count, text in enumerate(options.note, 1)},
        }
        report = markdown(told, settings, outcomes, alone, judged, f"{name}.svg")
        Path(options.results, f"{name}.md").write_text(report)
        Path(options.results, f"{name}.svg").write_text(svg(outcomes))
        Path(options.results, f"{name}.json").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))

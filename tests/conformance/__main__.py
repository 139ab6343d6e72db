"""Runs Kubernetes' own end-to-end suite against a cluster of kubesvc: `make conformance`.

    python -m tests.conformance [--focus REGEX] [--skip REGEX] [--processes N] [--report FILE]

Needs e2e.test and kubectl of one version on PATH (`.ci/build-cluster FOLDER` builds them, once). Several processes of
e2e.test run side by side, each with a part of the specs; those that want to be alone run last, one after another. What
the suite leaves out because three nodes are too few runs on a second cluster.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from benchmarks.ending import run
from tests.conformance.report import outcome_of, reasons_by_name, write_report
from tests.conformance.suite import FLAGS, Spec, chosen, ended, focus_on, merged, needs_more_nodes, parts_of, specs_of

HERE = Path(__file__).parent
PART = 5
"""Specs of one process of e2e.test, whose start takes more than a second."""
PART_SECONDS = 1800.0
CONTROLLERS = Path("/sys/fs/cgroup/cgroup.controllers")
NO_CONTROLLERS = "needs the controllers of control groups version 2, which this machine has as version 1"
NO_BUSYBOX = "asks for the words of busybox' sh, and this machine has no busybox (passes where one is installed)"
"""The reasons in not_applicable.yaml that do not hold on every machine."""


@dataclass(frozen=True, slots=True)
class Suite:
    """e2e.test and what it is told of the cluster; every run has a folder of its own below ``folder``."""

    program: str
    kubectl: str
    folder: Path
    environment: dict[str, str]
    over: threading.Event = field(default_factory=threading.Event)
    running: set[subprocess.Popen[bytes]] = field(default_factory=set)

    def end(self) -> None:
        """End what still runs, and have nothing more begin."""
        self.over.set()
        for each in tuple(self.running):
            each.terminate()
            each.wait()

    def list_specs(self) -> list[Spec]:
        """Return all specs that the program has."""
        return self._run("list", ["--ginkgo.dry-run"], 120.0)[0]

    def run(self, name: str, specs: Sequence[Spec]) -> list[Spec]:
        """Run some specs; what they wrote is in ``name``.log of the folder."""
        found, why = self._run(name, [f"--ginkgo.focus={focus_on(specs)}"], PART_SECONDS)
        return ended(specs, found, why)

    def _run(self, name: str, arguments: Sequence[str], seconds: float) -> tuple[list[Spec], str]:
        report, home = self.folder / f"{name}.json", self.folder / f"{name}.home"
        home.mkdir()
        command = [
            self.program,
            f"--kubeconfig={self.environment['KUBECONFIG']}",
            f"--kubectl-path={self.kubectl}",
            f"--ginkgo.json-report={report}",
            f"--ginkgo.timeout={seconds:.0f}s",
            *FLAGS,
            *arguments,
        ]
        with (self.folder / f"{name}.log").open("wb") as log:
            environment = self.environment | {"HOME": str(home)}
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            self.running.add(process)
            ending = _ending_of(process, seconds + 120)
            self.running.discard(process)
        return (specs_of(json.loads(report.read_bytes())) if report.exists() else []), ending


def _ending_of(process: subprocess.Popen[bytes], seconds: float) -> str:
    """Wait for the end of a program; return how it ended, for specs that it does not report."""
    try:
        return f"e2e.test ended with {process.wait(seconds)} before it"
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"e2e.test was ended after {seconds:.0f} seconds"


def _run_parts(suite: Suite, parts: Sequence[tuple[str, list[Spec]]], processes: int) -> list[Spec]:
    """Run parts, several at a time, and return how all specs ended."""
    waiting: queue.SimpleQueue[tuple[str, list[Spec]]] = queue.SimpleQueue()
    for each in parts:
        waiting.put(each)
    results: list[Spec] = []

    def work() -> None:
        while not suite.over.is_set():
            try:
                name, specs = waiting.get_nowait()
            except queue.Empty:
                return
            found = suite.run(name, specs)
            results.extend(found)
            for each in found:
                print(f"{each.state:8} {each.seconds:6.1f} s  {each.name}", flush=True)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _kubesvc(environment: dict[str, str], folder: Path, *arguments: str) -> None:
    """Run a command of kubesvc in a folder, where specs leave their files; CalledProcessError if it fails."""
    command = [sys.executable, "-m", "kubesvc", *arguments]
    subprocess.run(command, env=environment, cwd=folder, check=True, stdout=sys.stderr)


@contextmanager
def _cluster(folder: Path, config: Path) -> Iterator[Suite]:
    """Have a cluster of a configuration for the length of the block; it and its specs write into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ) | {"XDG_STATE_HOME": str(folder / "state")}
    environment["KUBECONFIG"] = str(folder / "state" / "kubesvc" / "default" / "kubeconfig")
    _kubesvc(environment, folder, "up", "--detach", str(config.resolve()))
    suite = Suite(_program("e2e.test"), _program("kubectl"), folder, environment)
    try:
        yield suite
    finally:
        suite.end()
        _kubesvc(environment, folder, "down", "--purge")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(
            f"make conformance: {name} is not on PATH; build it with: .ci/build-cluster FOLDER, then"
            " PATH=FOLDER:$PATH make conformance"
        )
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__.partition("\n")[0])
    parser.add_argument("--focus", default=r"\[sig-network\]|\[Conformance\]", help="regular expression of the specs")
    parser.add_argument("--skip", default="", help="regular expression of specs to leave out")
    parser.add_argument("--processes", type=int, default=4, help="of e2e.test at a time")
    parser.add_argument("--report", type=Path, default=None, help="where to write the page; else it is printed")
    parser.add_argument("--config", type=Path, default=HERE / "cluster.yaml", help="of the cluster")
    parser.add_argument("--keep", type=Path, default=None, help="a folder for the logs, which is not removed")
    return parser.parse_args()


def _not_applicable() -> dict[str, list[str]]:
    """Return the parts of names of specs that cannot apply here, by reason."""
    table: dict[str, list[str]] = yaml.safe_load((HERE / "not_applicable.yaml").read_text())
    if CONTROLLERS.exists() and "memory" in CONTROLLERS.read_text().split():
        del table[NO_CONTROLLERS]
    if shutil.which("busybox"):
        del table[NO_BUSYBOX]
    return table


def main() -> int:
    """Bring a cluster up, run the specs, write the page; 1 if one failed."""
    arguments = _arguments()
    _program("e2e.test"), _program("kubectl")
    with tempfile.TemporaryDirectory(prefix="conformance-") as temporary:
        folder = arguments.keep or Path(temporary)
        began = time.monotonic()
        with _cluster(folder, arguments.config) as suite:
            every = suite.list_specs()
            reasons = reasons_by_name(_not_applicable(), every)
            results = _run(suite, chosen(every, arguments.focus, arguments.skip), arguments.processes)
        if larger := [each for each in results if needs_more_nodes(each)]:
            with _cluster(folder / "larger", HERE / "larger.yaml") as suite:
                results = merged(results, _run(suite, larger, arguments.processes))
    page = write_report(results, reasons, [_heading(arguments, time.monotonic() - began)])
    if arguments.report:
        arguments.report.write_text(page)
    else:
        print(page)
    return int(any(outcome_of(each, reasons) == "failed" for each in results))


def _run(suite: Suite, specs: Sequence[Spec], processes: int) -> list[Spec]:
    """Run specs side by side, then those that want to be alone; return how all ended."""
    together = [each for each in specs if not each.is_alone]
    alone = [each for each in specs if each.is_alone]
    results = _run_parts(suite, [(f"part-{n}", part) for n, part in enumerate(parts_of(together, PART))], processes)
    return results + _run_parts(suite, [(f"alone-{n}", part) for n, part in enumerate(parts_of(alone, PART))], 1)


def _heading(arguments: argparse.Namespace, seconds: float) -> str:
    version = subprocess.run([_program("e2e.test"), "--version"], capture_output=True, text=True, check=False)
    return (
        f"The unmodified e2e.test {version.stdout.strip()} on a cluster of `tests/conformance/{arguments.config.name}`"
        f" (what needs more nodes: of `larger.yaml`), {arguments.processes} processes at a time, {seconds:.0f} s,"
        f" {time.strftime('%Y-%m-%d')}."
        f" The focus: `{arguments.focus}`" + (f" without `{arguments.skip}`." if arguments.skip else ".")
    )


if __name__ == "__main__":
    sys.exit(run(main))  # SIGTERM too ends the cluster

"""Runs Kubernetes' own end-to-end suite against a cluster of kubesvc: `make conformance`.

    python -m tests.conformance [--focus REGEX] [--skip REGEX] [--processes N] [--report FILE]

Needs e2e.test and kubectl of one version on PATH (`.ci/build-cluster FOLDER` builds them, once). Several processes of
e2e.test run side by side, each with a part of the specs; those that want to be alone run last, one after another.
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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from benchmarks.ending import run
from tests.conformance.report import outcome_of, reasons_by_name, write_report
from tests.conformance.suite import FLAGS, Spec, chosen, ended, focus_on, parts_of, specs_of

HERE = Path(__file__).parent
PART = 5
"""Specs of one process of e2e.test, whose start takes more than a second."""
PART_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Suite:
    """e2e.test and what it is told of the cluster; every run has a folder of its own below ``folder``."""

    program: str
    kubectl: str
    folder: Path
    environment: dict[str, str]

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
            ending = _ending_of(command, environment, log.fileno(), seconds + 120)
        return (specs_of(json.loads(report.read_bytes())) if report.exists() else []), ending


def _ending_of(command: Sequence[str], environment: dict[str, str], output: int, seconds: float) -> str:
    """Run a program to its end; return how it ended, for specs that it does not report."""
    try:
        ended_with = subprocess.run(
            command, env=environment, stdout=output, stderr=output, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return f"e2e.test was ended after {seconds:.0f} seconds"
    return f"e2e.test ended with {ended_with.returncode} before it"


def _run_parts(suite: Suite, parts: Sequence[tuple[str, list[Spec]]], processes: int) -> list[Spec]:
    """Run parts, several at a time, and return how all specs ended."""
    waiting: queue.SimpleQueue[tuple[str, list[Spec]]] = queue.SimpleQueue()
    for each in parts:
        waiting.put(each)
    results: list[Spec] = []

    def work() -> None:
        while True:
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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__.partition("\n")[0])
    parser.add_argument("--focus", default=r"\[sig-network\]|\[Conformance\]", help="regular expression of the specs")
    parser.add_argument("--skip", default="", help="regular expression of specs to leave out")
    parser.add_argument("--processes", type=int, default=4, help="of e2e.test at a time")
    parser.add_argument("--report", type=Path, default=None, help="where to write the page; else it is printed")
    parser.add_argument("--config", type=Path, default=HERE / "cluster.yaml", help="of the cluster")
    parser.add_argument("--keep", type=Path, default=None, help="a folder for the logs, which is not removed")
    return parser.parse_args()


def main() -> int:
    """Bring a cluster up, run the specs, write the page; 1 if one failed."""
    arguments = _arguments()
    program, kubectl = shutil.which("e2e.test"), shutil.which("kubectl")
    if program is None or kubectl is None:
        print(
            "make conformance: e2e.test or kubectl is not on PATH; build them with: .ci/build-cluster FOLDER,", end=" "
        )
        print("then PATH=FOLDER:$PATH make conformance")
        return 1
    with tempfile.TemporaryDirectory(prefix="conformance-") as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ) | {"XDG_STATE_HOME": str(folder / "state")}
        environment["KUBECONFIG"] = str(folder / "state" / "kubesvc" / "default" / "kubeconfig")
        _kubesvc(environment, folder, "up", "--detach", str(arguments.config.resolve()))
        try:
            return _judge(Suite(program, kubectl, folder, environment), arguments)
        finally:
            _kubesvc(environment, folder, "down", "--purge")


def _judge(suite: Suite, arguments: argparse.Namespace) -> int:
    every = suite.list_specs()
    reasons = reasons_by_name(yaml.safe_load((HERE / "not_applicable.yaml").read_text()), every)
    specs = chosen(every, arguments.focus, arguments.skip)
    together = [each for each in specs if not each.is_alone]
    alone = [each for each in specs if each.is_alone]
    began = time.monotonic()
    results = _run_parts(
        suite, [(f"part-{n}", part) for n, part in enumerate(parts_of(together, PART))], arguments.processes
    )
    results += _run_parts(suite, [(f"alone-{n}", part) for n, part in enumerate(parts_of(alone, PART))], 1)
    version = subprocess.run([suite.program, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    heading = (
        f"The unmodified e2e.test {version} on a cluster of `tests/conformance/cluster.yaml`, {arguments.processes}"
        f" processes at a time, {time.monotonic() - began:.0f} s. The focus: `{arguments.focus}`"
        + (f" without `{arguments.skip}`." if arguments.skip else "."),
    )
    page = write_report(results, reasons, heading)
    if arguments.report:
        arguments.report.write_text(page)
    else:
        print(page)
    return int(any(outcome_of(each, reasons) == "failed" for each in results))


if __name__ == "__main__":
    sys.exit(run(main))  # SIGTERM too ends the cluster

"""`kubesvc bench --both`: one Service on sockets and in simulation, with the same arrivals."""

from __future__ import annotations

import click

from kubesvc.bench.simulating import SimulationError
from kubesvc.bench.target import TargetError
from kubesvc.escaping import escaped_lines
from kubesvc.terminal.arguments import fail, json_text
from kubesvc.terminal.bench.arguments import BenchArguments
from kubesvc.terminal.bench.running import conditions_of, measured, subject_and_plan
from kubesvc.terminal.bench.simulating import scenario_of
from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_FAILED, EXIT_WELL
from kubesvc.terminal.interrupts import end_as_by_ctrl_c
from svcbench.document import run_document
from svcbench.report.both import both_text
from svcbench.simulation.measuring import simulate

_ALONE = {
    "compare": "--compare",
    "slo": "--slo",
    "hdr_file": "--hdr",
    "html_file": "--html",
    "backends": "--backends",
    "file": "--file",
    "balancer": "--balancer",
}
"""What --both does not go with: reports of one run, and what only a simulation can have."""


def run_both(service: str, given: BenchArguments) -> int:
    """Return the exit status."""
    _check(given)
    try:
        scenario = scenario_of(service, given)
        subject, plan = subject_and_plan(service, given)
    except (SimulationError, TargetError) as error:
        fail(str(error))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    end_as_by_ctrl_c()
    simulated = simulate(scenario)
    run = measured(subject, plan, conditions_of(given))
    if given["json_file"]:
        click.echo(json_text({"sockets": run_document(run), "simulation": run_document(simulated)}, indent=2))
    else:
        click.echo(escaped_lines(both_text(run, simulated)), nl=False)
    if run.is_partial:
        return EXIT_AT_ONCE
    return EXIT_WELL if run.completed else EXIT_FAILED


def _check(given: BenchArguments) -> None:
    for name, option in _ALONE.items():
        if given.get(name):
            raise click.UsageError(f"--both and {option} exclude each other")
    if given["json_file"] not in ("", "-"):
        raise click.UsageError("--both writes JSON to standard output alone: --json -")

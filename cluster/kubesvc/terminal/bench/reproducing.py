"""`kubesvc bench --reproduce`: published results, beside what a simulation gives, and sockets if they are asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from kubesvc.bench.socketruns import SocketRunError, measured
from kubesvc.escaping import escaped
from kubesvc.terminal.arguments import fail
from kubesvc.terminal.console import EXIT_FAILED, EXIT_WELL
from kubesvc.terminal.interrupts import end_as_by_ctrl_c
from svcbench.reproduce import REPRODUCTIONS, Figure, Reproduction, Setup
from svcbench.reproduce.text import figure_line, head_lines
from svcbench.results import Run
from svcbench.verdict import invalidities


def run_reproductions(names: str, *, has_sockets: bool) -> int:
    """Print the figures of some results as they come; returns the exit status, 1 where one is missed."""
    missed = 0
    end_as_by_ctrl_c()
    for result in _wanted(names):
        click.echo("\n".join(head_lines(result)))
        missed += _show(result.figures(True))
        if has_sockets:
            missed += _show_sockets(result)
        click.echo()
    outside = f"{missed} figure{'s' * (missed != 1)} outside the published band"
    click.echo(outside if missed else "all figures are in their bands")
    return EXIT_FAILED if missed else EXIT_WELL


def _wanted(names: str) -> Sequence[Reproduction]:
    wanted = list(REPRODUCTIONS) if names == "all" else [each.strip().upper() for each in names.split(",")]
    for name in wanted:
        if name not in REPRODUCTIONS:
            raise click.UsageError(f"--reproduce {name}: there are {', '.join(REPRODUCTIONS)}, and all")
    return [REPRODUCTIONS[name] for name in wanted]


def _show(figures: Iterable[Figure]) -> int:
    """Print figures, and return how many are outside their band."""
    missed = 0
    for figure in figures:
        click.echo(figure_line(figure))
        missed += not figure.is_reproduced
    return missed


def _show_sockets(result: Reproduction) -> int:
    if result.on_sockets is None:
        click.echo("  on sockets: not measured, they would tell nothing more")
        return 0
    click.echo("  on sockets:")
    try:
        return _show(result.on_sockets(_measured))
    except SocketRunError as error:
        fail(str(error))


def _measured(setup: Setup) -> Run:
    click.echo(f"{setup.algorithm}: {setup.seconds:g} s {setup.load} on a new cluster", err=True)
    run = measured(setup)
    for each in invalidities(run):
        click.echo(f"INVALID {setup.algorithm}: {escaped(each)}")
    return run

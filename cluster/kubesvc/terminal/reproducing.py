"""`kubesvc bench --reproduce`: published results, beside what a simulation gives."""

from __future__ import annotations

from difflib import get_close_matches

import click

from kubesvc.terminal.console import EXIT_FAILED, EXIT_WELL
from svcbench.reproduce import REPRODUCTIONS
from svcbench.reproduce.text import figure_line, head_lines


def run_reproductions(names: str) -> int:
    """Print the figures of some results as they come; returns the exit status, 1 where one is missed."""
    wanted = list(REPRODUCTIONS) if names == "all" else [each.strip().upper() for each in names.split(",")]
    for name in wanted:
        if name not in REPRODUCTIONS:
            close = get_close_matches(name, REPRODUCTIONS, 1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise click.UsageError(f"--reproduce {name}: there are {', '.join(REPRODUCTIONS)}, and all{meant}")
    missed = 0
    for name in wanted:
        result = REPRODUCTIONS[name]
        click.echo("\n".join(head_lines(result)))
        for figure in result.figures(True):
            click.echo(figure_line(figure))
            missed += not figure.is_reproduced
        click.echo()
    click.echo(
        f"{missed} figure{'s' * (missed != 1)} outside the published band"
        if missed
        else "all figures are in their bands"
    )
    return EXIT_FAILED if missed else EXIT_WELL

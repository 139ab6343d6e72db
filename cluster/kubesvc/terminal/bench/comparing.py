"""`kubesvc bench --compare`: makes the trials, tells how far they are, prints and writes the report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import click

from kubesvc.bench.comparing import Watched, contending, trial_runner
from kubesvc.bench.files import write_comparison
from kubesvc.bench.measuring import Conditions, Subject, Watch
from kubesvc.control.client import RefusedError, UnreachableError
from kubesvc.escaping import escaped
from kubesvc.terminal.arguments import fail
from kubesvc.terminal.bench.reports import Asked, publish
from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_BROKEN, EXIT_FAILED, EXIT_WELL
from svcbench.compare.comparison import INTERRUPTED, Comparison, judge
from svcbench.compare.measuring import compare
from svcbench.compare.plan import Trial
from svcbench.load.plan import Plan
from svcbench.report.document import comparison_document
from svcbench.report.text import comparison_text
from svcbench.verdict import broken_objectives

_CLEAR = "\x1b[K"
"""Clears a terminal's line from the cursor on (ECMA-48, EL)."""


def run_comparison(
    subject: Subject,
    plan: Plan,
    conditions: Conditions,
    asked: Asked,
    shown: Callable[[], AbstractContextManager[Watch]],
) -> int:
    """Return the exit status; ``shown`` returns what shows one trial while it lasts."""
    if not subject.target.weights:
        fail(f"{subject.target.name} has no endpoints among which an algorithm could choose")
    count = len(asked.contenders) * asked.blocks
    click.echo(f"{count} trials of {plan.seconds:g} s: about {_minutes(count * (plan.seconds + 1))}", err=True)
    began, found = time.monotonic(), None
    try:
        with contending(subject) as contest:
            run = trial_runner(subject, plan, conditions, Watched(contest, shown))
            found = compare(asked.contenders, asked.blocks, plan.seed, run, tell)
    except (UnreachableError, RefusedError) as error:
        if found is None:
            fail(str(error))
        click.echo(f"kubesvc: {subject.target.name} keeps its last algorithm: {escaped(str(error))}", err=True)
    spent = (time.monotonic() - began) / count - plan.measured
    return ended(found, conditions.said, max(0.0, spent), asked)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def tell(trial: Trial, count: int) -> None:
    """Say which trial begins."""
    click.echo(_begun(trial, count), err=True)


@contextmanager
def telling_in_place() -> Iterator[Callable[[Trial, int], None]]:
    """Yield what says on a terminal which trial begins, each in the place of the one before; nothing stays of them.

    For a simulation, whose trials end before they could be read.
    """

    def say(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{text}{_CLEAR}", err=True, nl=False)

    try:
        yield lambda trial, count: say(_begun(trial, count))
    finally:
        say("")


def _begun(trial: Trial, count: int) -> str:
    return escaped(f"trial {trial.number + 1} of {count}, block {trial.block + 1}: {trial.contender.label}")


def ended(found: Comparison, command: str, spent: float | None, asked: Asked) -> int:
    """Print and write the report; returns the exit status. A trial has taken ``spent`` seconds beyond its own."""
    verdicts = judge(found)
    is_written = publish(
        lambda: write_comparison(found, verdicts, command, asked.reports),
        lambda: comparison_document(found, verdicts),
        lambda: comparison_text(found, verdicts, spent),
        is_json=asked.reports.json == "-",
    )
    broken = [
        f"{label}: {each}" for label, run in found.merged.items() for each in broken_objectives(run, asked.objectives)
    ]
    for each in broken:
        click.echo(f"kubesvc: objective broken by {escaped(each)}", err=True)
    if found.reason == INTERRUPTED:
        return EXIT_AT_ONCE
    if found.reason:
        click.echo(f"kubesvc: the comparison ended early: {escaped(found.reason)}", err=True)
        return EXIT_FAILED
    if broken:
        return EXIT_BROKEN
    return EXIT_WELL if found.blocks and is_written else EXIT_FAILED

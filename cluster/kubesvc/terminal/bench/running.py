"""One run of `kubesvc bench`: reads its arguments, shows the run while it lasts, prints and writes the report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

from kubesvc.bench.files import write_reports
from kubesvc.bench.measuring import Conditions, Subject, inside_command, measure_service
from kubesvc.bench.options import Arrivals, Length, Sending, plan_of
from kubesvc.bench.progress import Progress, Sight, sight_line
from kubesvc.bench.target import TargetError, Wanted, find_target, read_wanted
from kubesvc.control.client import ControlClient
from kubesvc.escaping import escaped
from kubesvc.terminal.arguments import ask, fail, state_of
from kubesvc.terminal.bench.arguments import BenchArguments
from kubesvc.terminal.bench.reports import Asked, asked_of, publish
from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_BROKEN, EXIT_FAILED, EXIT_WELL
from kubesvc.terminal.interrupts import end_as_by_ctrl_c
from svcbench.arrivals import ScheduleError
from svcbench.document import run_document
from svcbench.load.io.running import COMMAND, GeneratorError
from svcbench.load.log import Log, Rows
from svcbench.load.plan import Plan
from svcbench.report.text import run_text
from svcbench.results import Run
from svcbench.verdict import broken_objectives, invalidities

_LINE_SECONDS = 1.0


def run_bench(service: str, given: BenchArguments) -> int:
    """Return the exit status."""
    try:
        asked = asked_of(given)
        subject, plan = subject_and_plan(service, given)
    except (ScheduleError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    except TargetError as error:
        fail(str(error))
    end_as_by_ctrl_c()
    conditions = conditions_of(given)
    if asked.contenders:
        from kubesvc.terminal.bench.comparing import run_comparison

        return run_comparison(subject, plan, conditions, asked, lambda: _picture(plan, subject))
    return ended(measured(subject, plan, conditions), asked)


def conditions_of(given: BenchArguments) -> Conditions:
    """Return from where the load comes, and the command line that repeats it."""
    return Conditions(inside_command(given["name"]) if given["is_inside"] else COMMAND, said())


def measured(subject: Subject, plan: Plan, conditions: Conditions) -> Run:
    """Return one run, which is shown while it lasts."""
    try:
        with _shown(plan, subject) as watch:
            return measure_service(subject, plan, conditions, watch)
    except (OSError, GeneratorError) as error:
        fail(f"no load could be made: {error}")


def subject_and_plan(service: str, given: BenchArguments) -> tuple[Subject, Plan]:
    """Return which Service gets what load; ScheduleError, ValueError, TargetError."""
    name, port = read_wanted(service)
    wanted = Wanted(given["namespace"], name, port, _protocol(given))
    arrivals = arrivals_of(given)
    length = Length(positive(given["duration"], "--duration"), given["warmup"], given["seed"])
    arrivals.schedule(length.seconds, length.warmup)
    request, payload = given["path"] or given["dns_name"] or "", _payload(given["payload"])
    timeout = positive(given["timeout"], "--timeout")
    keeps = not given["has_new_connections"]
    keyed = (given["headers"], given["keys"], given["sources"], payload)
    sending = Sending(request, given["connections"], given["most_connections"], timeout, keeps, *keyed)
    # All that is wrong with the words themselves has been said; only now is the cluster asked.
    status = ask(given["name"], lambda cluster: cluster.status())
    target = find_target(status, wanted, is_inside=given["is_inside"])
    subject = Subject(ControlClient(state_of(given["name"])), given["namespace"], name, target)
    return subject, plan_of(target, arrivals, sending, length)


def positive(seconds: float, option: str) -> float:
    """Return the value of an option; ValueError unless it is above 0."""
    if seconds <= 0:
        message = f"{option} must be above 0"
        raise ValueError(message)
    return seconds


def _protocol(given: BenchArguments) -> str:
    chosen = {
        "http": given["path"] is not None,
        "tcp": given["is_tcp"],
        "udp": given["is_udp"],
        "dns": given["dns_name"] is not None,
    }
    named = [name for name, is_chosen in chosen.items() if is_chosen]
    if len(named) > 1:
        message = f"--{named[0]} and --{named[1]} exclude each other: name one protocol"
        raise ValueError(message)
    path = given["path"]
    if path is not None and (not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path):
        message = f"--http {path!r}: a path begins with / and has no blanks; write others as %20"
        raise ValueError(message)
    return named[0] if named else ""


def _payload(text: str) -> str:
    """Return a payload with the escapes of Python and C as what they mean."""
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError as error:
        message = f"--payload {text!r}: {error.reason}"
        raise ValueError(message) from None


def arrivals_of(given: BenchArguments) -> Arrivals:
    """Return how the command line says when requests are due; ScheduleError."""
    lines: list[str] = []
    if given["replay"]:
        try:
            lines = Path(given["replay"]).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            message = f"--replay {given['replay']}: {getattr(error, 'strerror', None) or 'it is no text'}"
            raise ScheduleError(message) from None
    return Arrivals(
        given["rate"], given["ramp"], given["steps"], given["closed"] or 0, given["replay"], lines, given["is_poisson"]
    )


def said() -> str:
    """Return the command line that repeats the run."""
    import shlex

    return shlex.join(("kubesvc", *sys.argv[1:]))


def _shown(plan: Plan, subject: Subject) -> AbstractContextManager[Callable[[Log, Rows], None]]:
    """Return what shows the run while it lasts: a picture on a terminal, a line a second elsewhere."""
    if sys.stderr.isatty():
        return _picture(plan, subject)
    progress, began = Progress(plan, subject.target.pods), time.monotonic()
    return nullcontext(_Teller(progress, began, lambda sight: click.echo(escaped(sight_line(sight)), err=True)))


def _picture(plan: Plan, subject: Subject) -> AbstractContextManager[Callable[[Log, Rows], None]]:
    """Return what shows the run on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext(lambda log, rows: None)
    from kubesvc.terminal.bench.view import picture

    return picture(Progress(plan, subject.target.pods), subject.target.name, time.monotonic())


class _Teller:
    """Tells what there is so far, at most once a second."""

    def __init__(self, progress: Progress, began: float, tell: Callable[[Sight], None]) -> None:
        self._progress = progress
        self._next = began + _LINE_SECONDS
        self._tell = tell

    def __call__(self, log: Log, rows: Rows) -> None:
        """Learn new rows."""
        self._progress.add(rows)
        now = time.monotonic()
        if now < self._next:
            return
        sight = self._progress.sight(log, now)
        # The generator begins later than this process: a rate of its first moments would be anything.
        if sight.elapsed >= _LINE_SECONDS:
            self._next = now + _LINE_SECONDS
            self._tell(sight)


def ended(run: Run, asked: Asked) -> int:
    """Write and print the report; returns the exit status."""
    reports, objectives = asked.reports, asked.objectives
    is_written = publish(
        lambda: write_reports(run, reports),
        lambda: run_document(run),
        lambda: run_text(run),
        is_json=reports.json == "-",
    )
    broken, invalid = broken_objectives(run, objectives), invalidities(run)
    for each in broken:
        click.echo(f"kubesvc: objective broken: {each}", err=True)
    if objectives and invalid and not broken:
        click.echo("kubesvc: the objectives are kept, but the run is invalid, so that proves nothing", err=True)
    if run.is_partial:
        return EXIT_AT_ONCE
    if broken:
        return EXIT_BROKEN
    is_well = is_written and run.completed and not (objectives and invalid)
    return EXIT_WELL if is_well else EXIT_FAILED

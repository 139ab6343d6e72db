"""What `kubesvc bench` is asked to report of a run or a comparison; files first, then what is printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import click

from kubesvc.bench.files import Reports
from kubesvc.escaping import escaped, escaped_lines
from kubesvc.terminal.arguments import json_text
from kubesvc.terminal.bench.arguments import BenchArguments
from svcbench.compare.contenders import Contender, read_contenders
from svcbench.verdict import Objective, read_objectives


class Asked(NamedTuple):
    """Which algorithms are compared in how many blocks (none: it is one run), what is asked of each, and the files."""

    contenders: Sequence[Contender]
    blocks: int
    objectives: tuple[Objective, ...]
    reports: Reports


def asked_of(given: BenchArguments) -> Asked:
    """Return what the command line asks for; ValueError."""
    objectives = read_objectives(given["slo"]) if given["slo"] else ()
    reports = Reports.checked(given["json_file"], given["hdr_file"], given["html_file"])
    if given["compare"] and reports.hdr:
        message = "--hdr holds one run, and --compare makes many; --json has all of them, with their histograms"
        raise ValueError(message)
    contenders = read_contenders(given["compare"]) if given["compare"] else ()
    return Asked(contenders, given["blocks"], objectives, reports)


def publish(
    write: Callable[[], None], document: Callable[[], Mapping[str, Any]], text: Callable[[], str], *, is_json: bool
) -> bool:
    """Have the files of a report written, then print it, as JSON or text; tell whether the files are written.

    ``write`` raises OSError with the file's name. The files come first, because standard output may be a full disk or a
    pipe that nobody reads any more.
    """
    is_written = True
    try:
        write()
    except OSError as error:
        click.echo(f"kubesvc: {escaped(str(error.filename))}: {error.strerror}; it is not written", err=True)
        is_written = False
    if is_json:
        click.echo(json_text(document(), indent=2))
    else:
        click.echo(escaped_lines(text()), nl=False)
    return is_written

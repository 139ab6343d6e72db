"""The files of a report. Each is whole or not there: it is written beside its place and then moved.

Only a file is replaced so; a device, a pipe or a link (``/dev/stdout``) is opened and written to.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from svcbench.compare.comparison import Comparison, Verdict
from svcbench.document import run_document
from svcbench.report.document import comparison_document
from svcbench.report.hdrfiles import hdr_log, percentile_distribution
from svcbench.report.html import comparison_page, run_page
from svcbench.results import Run


class Reports(NamedTuple):
    """The files that are wanted, "" for none; "-" as JSON's is standard output."""

    json: str
    hdr: str
    html: str

    @classmethod
    def checked(cls, json_file: str, hdr_file: str, html_file: str) -> Reports:
        """Return the files; ValueError if one cannot be written, before a run is made for nothing."""
        reports = cls(json_file, hdr_file, html_file)
        if "-" in (hdr_file, html_file):
            raise ValueError("only --json can be standard output, -; name a file")
        files = [Path(file) for file in reports if file not in ("", "-")]
        for file in files:
            if not _can_be_written(file):
                message = f"{file}: no file can be written there"
                raise ValueError(message)
        whole = [file.resolve() for file in files if _is_to_be_replaced(file)]
        if len(set(whole)) < len(whole):
            message = f"two reports cannot be one file: {', '.join(map(str, whole))}"
            raise ValueError(message)
        return reports


def _can_be_written(file: Path) -> bool:
    try:
        if not _is_to_be_replaced(file):
            return not file.is_dir() and os.access(file, os.W_OK)
        return file.parent.is_dir() and os.access(file.parent, os.W_OK)
    except OSError:  # a folder on the way may not be searched
        return False


def _is_to_be_replaced(file: Path) -> bool:
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except FileNotFoundError:
        return True


def write_reports(run: Run, reports: Reports) -> None:
    """Write the files. OSError, with the file's name."""
    wanted: list[tuple[str, Callable[[Run], str]]] = [
        (reports.json, lambda run: json.dumps(run_document(run), indent=1) + "\n"),
        (reports.hdr, _distribution if reports.hdr.endswith(".hgrm") else hdr_log),
        (reports.html, run_page),
    ]
    for file, text in wanted:
        if file and file != "-":
            _write(file, text(run))


def write_comparison(comparison: Comparison, verdicts: Sequence[Verdict], command: str, reports: Reports) -> None:
    """Write the files of a comparison. OSError, with the file's name."""
    if reports.json not in ("", "-"):
        _write(reports.json, json.dumps(comparison_document(comparison, verdicts), indent=1) + "\n")
    if reports.html:
        _write(reports.html, comparison_page(comparison, verdicts, command))


def _distribution(run: Run) -> str:
    return percentile_distribution(run.corrected)


def _write(file: str, text: str) -> None:
    place = Path(file)
    beside = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        if _is_to_be_replaced(place):
            beside.write_text(text)
            beside.replace(place)
        else:
            place.write_text(text)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        error.filename = file
        raise

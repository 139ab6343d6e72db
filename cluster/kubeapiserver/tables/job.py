"""The table of Jobs (printJob)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.conditions import is_condition_true
from kubeapi.objects.job import read_job
from kubeapi.scheme import JOBS
from kubeapi.selectors.text import selector_text
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table, wide
from kubeapiserver.tables.texts import NONE, human_duration
from kubeapiserver.tables.workload import containers_text

_ENDS = ("Complete", "Failed")
_STAGES = ("Suspended", "FailureTarget", "SuccessCriteriaMet")


class _JobRow(Row):
    """A Job, with its reading."""

    def __init__(self, job: JSON, now: float) -> None:
        super().__init__(job, now)
        self.job = read_job(job)


def _status(row: _JobRow) -> str:
    is_terminating = row.object["metadata"].get("deletionTimestamp")
    conditions = [*_ENDS, *([] if is_terminating else _STAGES)]
    found = next((each for each in conditions if is_condition_true(row.object, each)), "")
    return found or ("Terminating" if is_terminating else "Running")


def _completions(row: _JobRow) -> str:
    job = row.job
    if job.completions is not None:
        return f"{job.succeeded}/{job.completions}"
    return f"{job.succeeded}/1" + (f" of {job.parallelism}" if job.parallelism > 1 else "")


def _duration(row: _JobRow) -> str:
    started, completed = row.job.started_at, row.job.completed_at
    if started is None:
        return ""
    return human_duration((row.now if completed is None else completed) - started)


TABLE = Table(
    JOBS,
    (
        NAME,
        Column("Status", _status),
        Column("Completions", _completions),
        Column("Duration", _duration),
        AGE,
        wide("Containers", lambda row: containers_text(row.job.template, "name")),
        wide("Images", lambda row: containers_text(row.job.template, "image")),
        wide("Selector", lambda row: selector_text(row.spec.get("selector", {})) or NONE),
    ),
    _JobRow,
)

"""Columns that tables of workloads share: the containers of their template, and their selector."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapi.objects.workload import read_workload
from kubeapi.selectors.text import selector_text
from kubeapiserver.tables.columns import Column, Row, wide
from kubeapiserver.tables.texts import NONE


class WorkloadRow(Row):
    """A Deployment or ReplicaSet, with its reading."""

    def __init__(self, obj: JSON, now: float) -> None:
        super().__init__(obj, now)
        self.workload = read_workload(obj)


def containers_text(template: JSON, field: str) -> str:
    """Return a field of all containers of a template: their names, their images."""
    return ",".join(each.get(field, "") for each in list_at(template, "spec", "containers"))


WORKLOAD_COLUMNS: tuple[Column[WorkloadRow], ...] = (
    wide("Containers", lambda row: containers_text(row.workload.template, "name")),
    wide("Images", lambda row: containers_text(row.workload.template, "image")),
    wide("Selector", lambda row: selector_text(row.workload.selector) or NONE),
)

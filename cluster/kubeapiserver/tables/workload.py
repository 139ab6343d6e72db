"""Columns that tables of workloads share: the containers of their template, and their selector."""

from __future__ import annotations

from kubeapi.objects.parts import list_at
from kubeapiserver.tables.columns import Column, Row, wide
from kubeapiserver.tables.texts import NONE, selector_text


def _containers(row: Row, field: str) -> str:
    containers = list_at(row.object, "spec", "template", "spec", "containers")
    return ",".join(each.get(field, "") for each in containers)


WORKLOAD_COLUMNS: tuple[Column[Row], ...] = (
    wide("Containers", lambda row: _containers(row, "name")),
    wide("Images", lambda row: _containers(row, "image")),
    wide("Selector", lambda row: selector_text(row.spec.get("selector")) or NONE),
)

"""The table of PodTemplates (printPodTemplate)."""

from __future__ import annotations

from kubeapi.objects.parts import map_at
from kubeapi.scheme import PODTEMPLATES
from kubeapiserver.tables.columns import NAME, Column, Row, Table
from kubeapiserver.tables.texts import pairs
from kubeapiserver.tables.workload import containers_text


def _containers(row: Row, field: str) -> str:
    return containers_text(map_at(row.object, "template"), field)


TABLE = Table(
    PODTEMPLATES,
    (
        NAME,
        Column("Containers", lambda row: _containers(row, "name")),
        Column("Images", lambda row: _containers(row, "image")),
        Column("Pod Labels", lambda row: pairs(map_at(row.object, "template", "metadata", "labels"))),
    ),
)

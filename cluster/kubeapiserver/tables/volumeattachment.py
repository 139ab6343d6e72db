"""The table of VolumeAttachments (printVolumeAttachment)."""

from __future__ import annotations

from kubeapi.objects.parts import map_at
from kubeapi.scheme import VOLUMEATTACHMENTS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table


def _attacher(row: Row) -> str:
    return str(row.spec.get("attacher", ""))


def _volume(row: Row) -> str:
    return str(map_at(row.spec, "source").get("persistentVolumeName", ""))


def _node(row: Row) -> str:
    return str(row.spec.get("nodeName", ""))


def _attached(row: Row) -> bool:
    return bool(row.status.get("attached"))


TABLE = Table(
    VOLUMEATTACHMENTS,
    (
        NAME,
        Column("Attacher", _attacher, format="name"),
        Column("PV", _volume),
        Column("Node", _node),
        Column("Attached", _attached, "boolean"),
        AGE,
    ),
)

"""The table of StorageClasses (printStorageClass)."""

from __future__ import annotations

from kubeapi.objects.claim import is_default
from kubeapi.scheme import STORAGECLASSES
from kubeapiserver.tables.columns import AGE, Column, Row, Table


def _name(row: Row) -> str:
    return f"{row.name} (default)" if is_default(row.object) else row.name


TABLE = Table(
    STORAGECLASSES,
    (
        Column("Name", _name, format="name"),
        Column("Provisioner", lambda row: row.object.get("provisioner", "")),
        Column("ReclaimPolicy", lambda row: row.object.get("reclaimPolicy", "Delete")),
        Column("VolumeBindingMode", lambda row: row.object.get("volumeBindingMode", "Immediate")),
        Column("AllowVolumeExpansion", lambda row: bool(row.object.get("allowVolumeExpansion"))),
        AGE,
    ),
)

"""The table of PersistentVolumeClaims (printPersistentVolumeClaim)."""

from __future__ import annotations

from kubeapi.meta import is_terminating
from kubeapi.objects.claim import read_claim
from kubeapi.objects.parts import list_at, map_at
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table, wide
from kubeapiserver.tables.texts import UNSET, access_modes


def _phase(row: Row) -> str:
    return "Terminating" if is_terminating(row.object) else row.status.get("phase", "")


def _capacity(row: Row) -> str:
    return str(map_at(row.status, "capacity").get("storage", "0")) if row.spec.get("volumeName") else ""


def _access_modes(row: Row) -> str:
    return access_modes(list_at(row.status, "accessModes")) if row.spec.get("volumeName") else ""


TABLE = Table(
    PERSISTENTVOLUMECLAIMS,
    (
        NAME,
        Column("Status", _phase),
        Column("Volume", lambda row: row.spec.get("volumeName", "")),
        Column("Capacity", _capacity),
        Column("Access Modes", _access_modes),
        Column("StorageClass", lambda row: read_claim(row.object).storage_class),
        Column("VolumeAttributesClass", lambda row: row.spec.get("volumeAttributesClassName", UNSET)),
        AGE,
        wide("VolumeMode", lambda row: row.spec.get("volumeMode", UNSET)),
    ),
)

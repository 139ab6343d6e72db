"""The table of PersistentVolumes (printPersistentVolume)."""

from __future__ import annotations

from kubeapi.meta import is_terminating
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.persistentvolume import read_volume
from kubeapi.scheme import PERSISTENTVOLUMES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table, wide
from kubeapiserver.tables.texts import UNSET, access_modes


def _claim(row: Row) -> str:
    reference = read_volume(row.object).claim_reference
    return f"{reference.get('namespace', '')}/{reference.get('name', '')}" if reference is not None else ""


TABLE = Table(
    PERSISTENTVOLUMES,
    (
        NAME,
        Column("Capacity", lambda row: str(map_at(row.spec, "capacity").get("storage", "0"))),
        Column("Access Modes", lambda row: access_modes(list_at(row.spec, "accessModes"))),
        Column("Reclaim Policy", lambda row: row.spec.get("persistentVolumeReclaimPolicy", "")),
        Column("Status", lambda row: "Terminating" if is_terminating(row.object) else row.status.get("phase", "")),
        Column("Claim", _claim),
        Column("StorageClass", lambda row: read_volume(row.object).storage_class),
        Column("VolumeAttributesClass", lambda row: row.spec.get("volumeAttributesClassName", UNSET)),
        Column("Reason", lambda row: row.status.get("reason", "")),
        AGE,
        wide("VolumeMode", lambda row: row.spec.get("volumeMode", UNSET)),
    ),
)

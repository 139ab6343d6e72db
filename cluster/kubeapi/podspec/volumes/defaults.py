"""The defaults of the sources of volumes, in pods and in PersistentVolumes (pkg/apis/core/v1/defaults.go)."""

from __future__ import annotations

from typing import Any

from kubeapi.meta import JSON

_DEFAULTS: dict[str, dict[str, Any]] = {
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "kind": "Shared", "fsType": "ext4", "readOnly": False},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def set_source_defaults(volume: JSON) -> None:
    """Fill in what the source of a volume leaves out; ``volume`` has it in the field of its name."""
    for source, defaults in _DEFAULTS.items():
        if source in volume:
            volume[source] = {**defaults, **volume[source]}

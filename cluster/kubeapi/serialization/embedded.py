"""The structs that Go's types embed: encoding/json names them in the path of a field with a wrong type. Pure."""

from __future__ import annotations

import re

_EMBEDDED = (
    (re.compile(r"\bvolumes\.(?!name\b)"), "VolumeSource."),
    (re.compile(r"\b(?:liveness|readiness|startup)Probe\.(?=(?:exec|httpGet|tcpSocket|grpc)\b)"), "ProbeHandler."),
    (re.compile(r"\bephemeralContainers\.(?!targetContainerName\b)"), "EphemeralContainerCommon."),
)
_VOLUME = re.compile(
    "spec\\.(?!(?:capacity|accessModes|claimRef|persistentVolumeReclaimPolicy|storageClassName|mountOptions|volumeMode"
    "|nodeAffinity|volumeAttributesClassName)\\b)"
)
"""A source of a PersistentVolume: every other field of its spec."""
_NAMED = frozenset(
    f"{holder}{part}"
    for holder in ("ConfigMap", "Secret")
    for part in ("KeySelector", "EnvSource", "Projection", "VolumeSource")
) - {"SecretVolumeSource"}
"""Structs that embed a LocalObjectReference, whose only field is a name."""


def with_embedded(root: str, owner: str, path: str) -> str:
    """Return the path of a field as Go's error has it; ``root`` and ``owner`` are the names of Go's structs."""
    for pattern, name in _EMBEDDED:
        path = pattern.sub(lambda found, name=name: f"{found[0]}{name}", path)  # type: ignore[misc]
    if root == "PersistentVolume":
        path = _VOLUME.sub(r"\g<0>PersistentVolumeSource.", path)
    head, _, last = path.rpartition(".")
    return f"{head}.LocalObjectReference.{last}" if owner in _NAMED and last == "name" else path

"""What the spec of a PersistentVolumeClaim must be, alone or in a template (ValidatePersistentVolumeClaimSpec)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.serialization.quantity import amount_of
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults, each_invalid, forbidden, invalid, required, unsupported
from kubeapi.validation.metadata import validate_selector
from kubeapi.validation.names import dns1123_subdomain
from kubeapi.validation.warnings import verbatim

ACCESS_MODES = frozenset(("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"))
VOLUME_MODES = frozenset(("Block", "Filesystem"))
MOST_THOUSANDTHS = 2**63 - 1


def validate_access_modes(modes: Iterable[str], path: str) -> Faults:
    """Yield the faults of access modes, which ReadWriteOncePod must be alone among."""
    for mode in modes:
        if mode not in ACCESS_MODES:
            yield unsupported(path, mode, ACCESS_MODES)
    known = ACCESS_MODES.intersection(modes)
    if "ReadWriteOncePod" in known and len(known) > 1:
        yield forbidden(path, "may not use ReadWriteOncePod with other access modes")


def validate_claim_spec(spec: JSON, path: str) -> Faults:
    """Yield the faults of a claim's spec."""
    modes = list_at(spec, "accessModes")
    if not modes:
        yield required(f"{path}.accessModes", "at least 1 access mode is required")
    if spec.get("selector") is not None:
        yield from validate_selector(spec["selector"], f"{path}.selector")
    yield from validate_access_modes(modes, f"{path}.accessModes")
    size = map_at(spec, "resources", "requests").get("storage")
    if size is None:
        yield required(f"{path}.resources[storage]")
    elif amount_of(size) <= 0:
        yield invalid(f"{path}.resources[storage]", size, "must be greater than zero")
    if name := spec.get("storageClassName"):
        yield from each_invalid(f"{path}.storageClassName", name, dns1123_subdomain(name))
    if spec.get("volumeMode") is not None and spec["volumeMode"] not in VOLUME_MODES:
        yield unsupported(f"{path}.volumeMode", spec["volumeMode"], VOLUME_MODES)
    for field in ("dataSource", "dataSourceRef"):
        if spec.get(field) is not None:
            yield from _validate_source(spec[field], f"{path}.{field}")
    if name := spec.get("volumeAttributesClassName"):
        yield from each_invalid(f"{path}.volumeAttributesClassName", name, dns1123_subdomain(name))


def _validate_source(source: JSON, path: str) -> Faults:
    for field in ("name", "kind"):
        if not source.get(field):
            yield required(f"{path}.{field}")
    group = source.get("apiGroup") or ""
    if not group and source.get("kind") != "PersistentVolumeClaim":
        detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        yield invalid(path, source.get("kind", ""), detail)
    if group:
        yield from each_invalid(f"{path}.apiGroup", group, dns1123_subdomain(group))


def claim_warnings(spec: JSON, path: str) -> Iterator[FieldError]:
    """Yield the warnings of sizes that are no whole bytes (GetWarningsForPersistentVolumeClaimSpec).

    It counts thousandths in an int64, so it also warns of whole sizes whose thousandths are more than that holds.
    """
    for field in ("requests", "limits"):
        size = map_at(spec, "resources", field).get("storage", "0")
        amount = amount_of(size)
        if amount % 1 or amount * 1000 > MOST_THOUSANDTHS:
            where = f"{path}.resources.{field}[storage]"
            yield verbatim(where, f'{where}: fractional byte value "{size}" is invalid, must be an integer')

"""RuntimeClass (pkg/apis/node/validation)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.podspec.resources import validate_resources
from kubeapi.podspec.scheduling import validate_tolerations
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import RUNTIMECLASSES
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults, GoText, duplicate, each_invalid, invalid, required
from kubeapi.validation.metadata import validate_labels
from kubeapi.validation.names import dns1123_label
from kubeapi.validation.warnings import verbatim

_KEYS = ("key", "operator", "value", "effect")


def _validate(obj: JSON) -> Faults:
    handler = obj.get("handler", "")
    yield from each_invalid("handler", handler, dns1123_label(handler)) if handler else iter((required("handler"),))
    if obj.get("overhead"):
        yield from validate_resources({"limits": map_at(obj, "overhead", "podFixed")}, "overhead", frozenset())
    scheduling = map_at(obj, "scheduling")
    yield from validate_labels(map_at(scheduling, "nodeSelector"), "scheduling.nodeSelector")
    tolerations = list_at(scheduling, "tolerations")
    yield from validate_tolerations(tolerations, "scheduling.tolerations")
    yield from _validate_distinct(tolerations, "scheduling.tolerations")


def _validate_distinct(tolerations: Sequence[JSON], path: str) -> Faults:
    seen: list[tuple[object, ...]] = []
    for index, each in enumerate(tolerations):
        key = tuple(each.get(field) for field in _KEYS)
        if key in seen:
            yield duplicate(f"{path}[{index}]", GoText(str(each)))
        seen.append(key)


def _validate_update(new: JSON, old: JSON) -> Faults:
    if new.get("handler") != old.get("handler"):
        yield invalid("handler", None, "field is immutable")  # a real server shows no value here


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    if before is None or before.get("handler") != after.get("handler"):
        text = f"kubesvc has no runtime {after.get('handler')}: pods of this class are processes of this machine"
        yield verbatim("handler", text)


KIND = Kind(
    resource=RUNTIMECLASSES,
    allows_create_on_update=True,
    validate=_validate,
    validate_update=_validate_update,
    warnings=_warnings,
    apply_rank=10,
)

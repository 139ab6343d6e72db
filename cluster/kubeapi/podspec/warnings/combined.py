"""The fields of a pod's spec that kubesvc accepts but does not act on. Pure.

Such fields are stored and shown as in a cluster. The writer of one gets a warning: from the API, from ``up`` with the
place in the file, and as an event of the pod. More is acted on where pods have sandboxes. The warnings have the form of
k8s.io/kubernetes ``pkg/api/pod/warnings.go``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.objects.weight import misplaced_weight
from kubeapi.podspec.warnings.advice import pod_advice
from kubeapi.podspec.warnings.unemulated import (
    BARE,
    EVERYWHERE,
    NO_GROUPS,
    NO_USER,
    SANDBOXED,
    Field,
    limits_not_enforced,
)
from kubeapi.registryconfig import RegistryConfig
from kubeapi.status import FieldError
from kubeapi.validation.warnings import host_name_warnings

REASON = "NotEmulated"

POD_SPEC, TEMPLATE_SPEC = ("spec",), ("spec", "template", "spec")
"""Where a pod's spec lies in a Pod, and in a workload."""


class NotEmulated(NamedTuple):
    """A field that is not emulated: its first path, the number of ``more`` places, and the consequence."""

    path: str
    parts: str
    more: int
    consequence: str

    def __str__(self) -> str:
        places = f", here and in {self.more} more {'place' if self.more == 1 else 'places'}" if self.more else ""
        return f"kubesvc does not act on {self.parts or 'it'}{places}: {self.consequence}"


def not_emulated(obj: JSON, config: RegistryConfig, path: tuple[str, ...] = POD_SPEC) -> list[NotEmulated]:
    """Return the fields of the pod's spec at ``path`` of an object that a cluster does not emulate, each once."""
    spec: Any = obj
    for part in path:
        spec = spec[part]
    found: dict[tuple[str, str, str], NotEmulated] = {}
    for level, each in _asked(spec, ".".join(path), config):
        key = level, each.path.rpartition(".")[2], each.consequence
        found[key] = found[key]._replace(more=found[key].more + 1) if key in found else each
    return list(found.values())


def event_text(missing: Sequence[NotEmulated]) -> str:
    """Return the text of a pod's event about the fields that are not emulated."""
    named = (f"{each.path} ({each.parts})" if each.parts else each.path for each in missing)
    return f"kubesvc does not emulate {', '.join(dict.fromkeys(named))}; the pod runs without"


def pod_warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> list[FieldError]:
    """Return the warnings of a write of a Pod: for what was not there ``before`` it, None if it created the Pod.

    Both are objects as they are stored.
    """
    return [*host_name_warnings(before, after, "the Pod's hostname"), *added_warnings(before, after, config, POD_SPEC)]


def named_template_warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> list[FieldError]:
    """Return the warnings of a write of a workload whose name begins those of its pods."""
    return [*host_name_warnings(before, after), *template_warnings(before, after, config)]


def template_warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> list[FieldError]:
    """Return the warnings of a write of a workload, for its template, and for a weight that only pods have."""
    return [*added_warnings(before, after, config, TEMPLATE_SPEC), *misplaced_weight(before, after)]


def added_warnings(before: JSON | None, after: JSON, config: RegistryConfig, path: tuple[str, ...]) -> list[FieldError]:
    """Return the warnings of a write of an object with a pod's spec at ``path``."""
    known = not_emulated(before, config, path) if before is not None else []
    found = not_emulated(after, config, path)
    own = (FieldError(REASON, each.path, str(each)) for each in found if each not in known)
    return [*_advice(before, after, path), *own]


def _advice(before: JSON | None, after: JSON, path: tuple[str, ...]) -> Iterator[FieldError]:
    """Yield a real server's warnings: for each new object and each changed spec of one, but for that of a pod."""
    if before is not None and (path == POD_SPEC or before.get(path[0]) == after.get(path[0])):
        return
    holder = map_at(after, *path[:-1])
    yield from pod_advice(holder.get("metadata") or {}, holder["spec"], "".join(f"{part}." for part in path[:-1]))


def _asked(spec: JSON, path: str, config: RegistryConfig) -> Iterator[tuple[str, NotEmulated]]:
    """Yield each place of such a field, with its level: pod, container or port."""
    own = SANDBOXED if config.has_sandboxes else BARE
    has_user = map_at(spec, "securityContext").get("runAsUser") is not None
    groups = () if config.has_all_ids or not config.has_sandboxes else (NO_GROUPS,)
    user = (NO_USER,) if config.has_sandboxes and not has_user else ()
    limits = limits_not_enforced(config.limited_resources, has_sandboxes=config.has_sandboxes)
    pod = (*EVERYWHERE.pod, limits, *own.pod, *groups, *(user if _some_container_has_no_user(spec) else ()))
    yield from (("pod", each) for each in _read(spec, path, pod))
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            inner = f"{path}.{kind}[{index}]"
            more = user if map_at(container, "securityContext").get("runAsUser") is None else ()
            fields = (*EVERYWHERE.container, limits, *own.container, *more)
            yield from (("container", each) for each in _read(container, inner, fields))
            for number, port in enumerate(() if spec.get("hostNetwork") else container.get("ports") or ()):
                yield from (("port", each) for each in _read(port, f"{inner}.ports[{number}]", own.port))


def _some_container_has_no_user(spec: JSON) -> bool:
    return any(map_at(each, "securityContext").get("runAsUser") is None for each in spec.get("containers") or ())


def _read(holder: JSON, path: str, fields: tuple[Field, ...]) -> Iterator[NotEmulated]:
    for name, consequence, asks, parts, inside in fields:
        value = holder.get(name)
        if value is None:  # asks for nothing, as most fields of most pods
            continue
        asked = inside(value) if inside else [part for part, is_asked in parts.items() if is_asked(value.get(part))]
        if asked or (not parts and not inside and asks(value)):
            yield NotEmulated(f"{path}.{name}", ", ".join(asked), 0, consequence)

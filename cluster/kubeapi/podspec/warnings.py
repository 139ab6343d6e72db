"""The fields of a pod's spec that kubesvc accepts but does not act on. Pure.

Such fields are stored and shown as in a cluster. The writer of one gets a warning: from the API, from ``up`` with the
place in the file, and as an event of the pod. More is acted on where pods have sandboxes. The warnings have the form of
k8s.io/kubernetes ``pkg/api/pod/warnings.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kubeapi.allocation.registryconfig import RegistryConfig
from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.objects.weight import misplaced_weight
from kubeapi.podspec.volumewarnings import (
    folders_with_modes,
    has_options,
    propagates,
    token_sources,
    unknown_volumes,
    unlimited_folders,
)
from kubeapi.status import FieldError

REASON = "NotEmulated"

POD_SPEC, TEMPLATE_SPEC = ("spec",), ("spec", "template", "spec")
"""Where a pod's spec lies in a Pod, and in a workload."""

Asks = Callable[[Any], object]
"""Tells whether a field's value (None: absent) asks for something that is not emulated."""


class Fields(NamedTuple):
    """The fields of each level of a pod's spec that are not emulated."""

    pod: tuple[_Field, ...] = ()
    container: tuple[_Field, ...] = ()
    port: tuple[_Field, ...] = ()


class _Field(NamedTuple):
    """A field that is not emulated, and the consequence.

    A field with ``parts`` is not emulated in these parts only, each with its own test; ``inside`` names them in a list.
    """

    name: str
    consequence: str
    asks: Asks = bool
    parts: Mapping[str, Asks] = {}
    inside: Callable[[Any], list[str]] | None = None


def _is(wanted: bool) -> Asks:
    return lambda value: value is wanted


def _is_not(default: str) -> Asks:
    return lambda value: value and value != default


def _is_set(value: Any) -> bool:
    return value is not None


def _confines(value: Any) -> bool:
    return bool(value) and value.get("type") != "Unconfined"


_CONFINEMENT: dict[str, Asks] = {
    "seLinuxOptions": bool,
    "seccompProfile": _confines,
    "appArmorProfile": _confines,
    "windowsOptions": bool,
}
_USER_FIELDS: dict[str, Asks] = {"runAsUser": _is_set, "runAsGroup": _is_set, "runAsNonRoot": _is(True)}
_GROUP_FIELDS: dict[str, Asks] = {"fsGroup": _is_set, "supplementalGroups": bool}
_CONTAINER_PRIVILEGES: dict[str, Asks] = {
    "privileged": _is(True),
    "allowPrivilegeEscalation": _is(False),
    "readOnlyRootFilesystem": _is(True),
    "capabilities": lambda value: value and (value.get("add") or value.get("drop")),
    "procMount": _is_not("Default"),
}

_LIMITS = _Field("resources", "a pod may use as much of the machine as there is", parts={"limits": bool})


def _limits(limited: frozenset[str]) -> _Field:
    """Return the field of a container's limits, of which those of the ``limited`` resources are enforced."""
    if not limited:
        return _LIMITS

    def not_limited(resources: Any) -> list[str]:
        return [f"limits.{name}" for name in map_at(resources, "limits") if name not in limited]

    return _LIMITS._replace(parts={}, inside=not_limited)


_EVERYWHERE = Fields(
    pod=(
        _Field("activeDeadlineSeconds", "the pod is not ended when its time is over"),
        _Field("runtimeClassName", "there is no runtime but processes of this machine"),
        _Field("automountServiceAccountToken", "no token is mounted", asks=_is(True)),
        _Field("serviceAccountName", "there are no ServiceAccounts, and no token is mounted", asks=_is_not("default")),
        _Field("priorityClassName", "there is no preemption"),
        _Field("resourceClaims", "no devices are allocated"),
        _Field("os", "pods run on Linux", parts={"name": _is_not("linux")}),
        _Field("hostnameOverride", "the host name is the pod's"),
        _Field("schedulingGroup", "each pod is scheduled alone"),
        _Field("evictionResponders", "an eviction is a deletion at once"),
    ),
    container=(
        _Field("volumeDevices", "there are no block devices for pods"),
        _Field("restartPolicyRules", "its restartPolicy alone says when a container starts again"),
    ),
)
_USER = "a container is a process of the user who started kubesvc"
_BARE = Fields(
    pod=(
        _Field("volumes", "nothing is mounted; a container sees this machine's files"),
        _Field("setHostnameAsFQDN", "the host name is this machine's"),
        _Field("hostUsers", _USER, asks=_is(False)),
        _Field("securityContext", _USER, parts={**_USER_FIELDS, **_CONFINEMENT, **_GROUP_FIELDS, "sysctls": bool}),
    ),
    container=(
        _Field("securityContext", _USER, parts={**_USER_FIELDS, **_CONFINEMENT, **_CONTAINER_PRIVILEGES}),
        _Field("terminationMessagePath", "no such file is read", asks=_is_not("/dev/termination-log")),
    ),
    port=(_Field("hostPort", "no port of the node leads to the container"),),
)
_CONFINED = "nothing but its user, its capabilities and its namespaces confines a container"
_SANDBOXED = Fields(
    pod=(
        _Field(
            "volumes", "there is no storage for pods but this machine's; it is an empty folder", inside=unknown_volumes
        ),
        _Field(
            "volumes", "there are no ServiceAccounts and certificates; these files are missing", inside=token_sources
        ),
        _Field(
            "volumes",
            "a folder may grow as large as the disk; only medium Memory has a limit",
            inside=unlimited_folders,
        ),
        _Field("volumes", "anybody may write in such a folder", inside=folders_with_modes),
        _Field("hostUsers", "all pods of the cluster share one user namespace", asks=_is(False)),
        _Field("hostPID", "a container sees its own processes only"),
        _Field("hostIPC", "the pod has an IPC namespace of its own"),
        _Field("securityContext", _CONFINED, parts=_CONFINEMENT),
    ),
    container=(
        _Field("securityContext", _CONFINED, parts=_CONFINEMENT),
        _Field("volumeMounts", "mounts that are made later stay in their container", propagates),
        _Field("volumeMounts", "a mount has no options but readOnly", has_options),
    ),
)
_NO_USER = _Field(
    "securityContext",
    "it is known of few images which user they have; without runAsUser the others run as root",
    parts={"runAsNonRoot": _is(True)},
)
_NO_GROUPS = _Field(
    "securityContext",
    "only root gives a process more groups; what it may open is that of the user who started kubesvc",
    parts=_GROUP_FIELDS,
)


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
    return _added(before, after, config, POD_SPEC)


def template_warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> list[FieldError]:
    """Return the warnings of a write of a workload, for its template, and for a weight that only pods have."""
    return [*_added(before, after, config, TEMPLATE_SPEC), *misplaced_weight(before, after)]


def _added(before: JSON | None, after: JSON, config: RegistryConfig, path: tuple[str, ...]) -> list[FieldError]:
    known = not_emulated(before, config, path) if before is not None else []
    found = not_emulated(after, config, path)
    return [FieldError(REASON, each.path, str(each)) for each in found if each not in known]


def _asked(spec: JSON, path: str, config: RegistryConfig) -> Iterator[tuple[str, NotEmulated]]:
    """Yield each place of such a field, with its level: pod, container or port."""
    own = _SANDBOXED if config.has_sandboxes else _BARE
    has_user = map_at(spec, "securityContext").get("runAsUser") is not None
    groups = () if config.has_all_ids or not config.has_sandboxes else (_NO_GROUPS,)
    user = (_NO_USER,) if config.has_sandboxes and not has_user else ()
    limits = _limits(config.limited_resources)
    pod = (*_EVERYWHERE.pod, limits, *own.pod, *groups, *(user if _some_container_has_no_user(spec) else ()))
    yield from (("pod", each) for each in _read(spec, path, pod))
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            inner = f"{path}.{kind}[{index}]"
            more = user if map_at(container, "securityContext").get("runAsUser") is None else ()
            fields = (*_EVERYWHERE.container, limits, *own.container, *more)
            yield from (("container", each) for each in _read(container, inner, fields))
            for number, port in enumerate(() if spec.get("hostNetwork") else container.get("ports") or ()):
                yield from (("port", each) for each in _read(port, f"{inner}.ports[{number}]", own.port))


def _some_container_has_no_user(spec: JSON) -> bool:
    return any(map_at(each, "securityContext").get("runAsUser") is None for each in spec.get("containers") or ())


def _read(holder: JSON, path: str, fields: tuple[_Field, ...]) -> Iterator[NotEmulated]:
    for name, consequence, asks, parts, inside in fields:
        value = holder.get(name)
        if value is None:  # asks for nothing, as most fields of most pods
            continue
        asked = inside(value) if inside else [part for part, is_asked in parts.items() if is_asked(value.get(part))]
        if asked or (not parts and not inside and asks(value)):
            yield NotEmulated(f"{path}.{name}", ", ".join(asked), 0, consequence)

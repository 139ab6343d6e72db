"""The fields of a pod's spec that kubesvc accepts but does not act on. Pure.

Such fields are stored and shown as in a cluster. The writer of one gets a warning: from the API, from ``up`` with the
place in the file, and as an event of the pod if its program will notice. They have the form of k8s.io/kubernetes
``pkg/api/pod/warnings.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.status import FieldError

REASON = "NotEmulated"

POD_SPEC, TEMPLATE_SPEC = ("spec",), ("spec", "template", "spec")
"""Where a pod's spec lies in a Pod, and in a workload."""

Asks = Callable[[Any], object]
"""Tells whether a field's value (None: absent) asks for something that is not emulated."""


class _Field(NamedTuple):
    """A field that is not emulated, and the consequence; ``is_felt`` if the pod's program will notice.

    A field with ``parts`` is not emulated in these parts only, each with its own test.
    """

    name: str
    consequence: str
    is_felt: bool = False
    asks: Asks = bool
    parts: Mapping[str, Asks] = {}


def _is(wanted: bool) -> Asks:
    return lambda value: value is wanted


def _is_not(default: str) -> Asks:
    return lambda value: value and value != default


def _is_set(value: Any) -> bool:
    return value is not None


def _confines(value: Any) -> bool:
    return bool(value) and value.get("type") != "Unconfined"


_USER = "a container is a process of the user who started kubesvc"
_PRIVILEGES: dict[str, Asks] = {
    "runAsUser": _is_set,
    "runAsGroup": _is_set,
    "runAsNonRoot": _is(True),
    "seLinuxOptions": bool,
    "seccompProfile": _confines,
    "appArmorProfile": _confines,
    "windowsOptions": bool,
}
_LIMITS = _Field("resources", "a pod may use as much of the machine as there is", parts={"limits": bool})

_POD_FIELDS = (
    _Field("volumes", "nothing is mounted; a container sees this machine's files", is_felt=True),
    _Field("activeDeadlineSeconds", "the pod is not ended when its time is over", is_felt=True),
    _Field("runtimeClassName", "there is no runtime but processes of this machine", is_felt=True),
    _Field("automountServiceAccountToken", "no token is mounted", is_felt=True, asks=_is(True)),
    _Field("serviceAccountName", "there are no ServiceAccounts, and no token is mounted", asks=_is_not("default")),
    _Field("priorityClassName", "there is no preemption"),
    _Field("resourceClaims", "no devices are allocated", is_felt=True),
    _Field("setHostnameAsFQDN", "the host name stays the short one", is_felt=True),
    _Field("os", "pods run on Linux", is_felt=True, parts={"name": _is_not("linux")}),
    _Field("hostUsers", _USER, asks=_is(False)),
    _LIMITS,
    _Field(
        "securityContext",
        _USER,
        parts={**_PRIVILEGES, "fsGroup": _is_set, "supplementalGroups": bool, "sysctls": bool},
    ),
)
_CONTAINER_FIELDS = (
    _LIMITS,
    _Field(
        "securityContext",
        _USER,
        parts={
            **_PRIVILEGES,
            "privileged": _is(True),
            "allowPrivilegeEscalation": _is(False),
            "readOnlyRootFilesystem": _is(True),
            "capabilities": lambda value: value and (value.get("add") or value.get("drop")),
            "procMount": _is_not("Default"),
        },
    ),
    _Field("lifecycle", "the image's signal ends it", is_felt=True, parts={"stopSignal": bool}),
    _Field("terminationMessagePath", "no such file is read", is_felt=True, asks=_is_not("/dev/termination-log")),
    _Field("terminationMessagePolicy", "the log does not become the message", asks=_is_not("File")),
)
_PORT_FIELDS = (_Field("hostPort", "no port of the node leads to the container", is_felt=True),)


class NotEmulated(NamedTuple):
    """A field that is not emulated: its first path, the number of ``more`` places, and the consequence."""

    path: str
    parts: str
    more: int
    consequence: str
    is_felt: bool

    def __str__(self) -> str:
        places = f", here and in {self.more} more {'place' if self.more == 1 else 'places'}" if self.more else ""
        return f"kubesvc does not act on {self.parts or 'it'}{places}: {self.consequence}"


def not_emulated(obj: JSON, path: tuple[str, ...] = POD_SPEC) -> list[NotEmulated]:
    """Return the fields of the pod's spec at ``path`` of an object that are not emulated, each once."""
    spec: Any = obj
    for part in path:
        spec = spec[part]
    found: dict[tuple[str, str], NotEmulated] = {}
    for level, each in _asked(spec, ".".join(path)):
        key = level, each.path.rpartition(".")[2]
        found[key] = found[key]._replace(more=found[key].more + 1) if key in found else each
    return list(found.values())


def pod_warnings(before: JSON | None, after: JSON) -> list[FieldError]:
    """Return the warnings of a write of a Pod: for what was not there ``before`` it, None if it created the Pod.

    Both are objects as they are stored.
    """
    return _added(before, after, POD_SPEC)


def template_warnings(before: JSON | None, after: JSON) -> list[FieldError]:
    """Return the warnings of a write of a workload, for its template."""
    return _added(before, after, TEMPLATE_SPEC)


def _added(before: JSON | None, after: JSON, path: tuple[str, ...]) -> list[FieldError]:
    known = not_emulated(before, path) if before is not None else []
    return [FieldError(REASON, each.path, str(each)) for each in not_emulated(after, path) if each not in known]


def _asked(spec: JSON, path: str) -> Iterator[tuple[str, NotEmulated]]:
    """Yield each place of such a field, with its level: pod, container or port."""
    yield from (("pod", each) for each in _read(spec, path, _POD_FIELDS))
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            inner = f"{path}.{kind}[{index}]"
            yield from (("container", each) for each in _read(container, inner, _CONTAINER_FIELDS))
            for number, port in enumerate(() if spec.get("hostNetwork") else container.get("ports") or ()):
                yield from (("port", each) for each in _read(port, f"{inner}.ports[{number}]", _PORT_FIELDS))


def _read(holder: JSON, path: str, fields: tuple[_Field, ...]) -> Iterator[NotEmulated]:
    for name, consequence, is_felt, asks, parts in fields:
        value = holder.get(name)
        if value is None:  # asks for nothing, as most fields of most pods
            continue
        asked = [part for part, asks_part in parts.items() if asks_part(value.get(part))]
        if asked or (not parts and asks(value)):
            yield NotEmulated(f"{path}.{name}", ", ".join(asked), 0, consequence, is_felt)

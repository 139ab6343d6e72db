"""The table of a pod's fields that kubesvc accepts but does not act on, with the consequence of each. Pure.

``warnings`` reads it. More is acted on where pods have sandboxes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kubeapi.objects.parts import map_at
from kubeapi.podspec.warnings.volumes import (
    folders_with_a_medium,
    folders_with_modes,
    has_options,
    mounts_any,
    propagates,
    unknown_volumes,
)

Asks = Callable[[Any], object]
"""Tells whether a field's value (None: absent) asks for something that is not emulated."""


class Fields(NamedTuple):
    """The fields of each level of a pod's spec that are not emulated."""

    pod: tuple[Field, ...] = ()
    container: tuple[Field, ...] = ()
    port: tuple[Field, ...] = ()


class Field(NamedTuple):
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


def _restarts_of_all(rules: Any) -> list[str]:
    """Return the action of rules that restarts all containers of the pod."""
    return list({each["action"]: None for each in rules if each.get("action") == "RestartAllContainers"})


_LIMITS = Field("resources", "a pod may use as much of the machine as there is", parts={"limits": bool})


def limits_not_enforced(limited: frozenset[str], *, has_sandboxes: bool) -> Field:
    """Return the field of a container's limits, of which those of the ``limited`` resources are enforced.

    Where pods have sandboxes, one that writes more to the disk than it may is evicted.
    """
    enforced = limited | {"ephemeral-storage"} if has_sandboxes else limited
    if not enforced:
        return _LIMITS

    def not_limited(resources: Any) -> list[str]:
        limits = map_at(resources, "limits")
        left = [f"limits.{name}" for name in limits if name not in enforced]
        return ["limits"] if left and not limited and len(left) == len(limits) else left

    return _LIMITS._replace(parts={}, inside=not_limited)


EVERYWHERE = Fields(
    pod=(
        Field("runtimeClassName", "there is no runtime but processes of this machine"),
        Field("resourceClaims", "no devices are allocated"),
        Field("os", "pods run on Linux", parts={"name": _is_not("linux")}),
        Field("schedulingGroup", "each pod is scheduled alone"),
        Field("evictionResponders", "an eviction is a deletion at once"),
    ),
    container=(
        Field("volumeDevices", "there are no block devices for pods"),
        Field("restartPolicyRules", "the container alone is restarted, not the others", inside=_restarts_of_all),
    ),
)
_USER = "a container is a process of the user who started kubesvc"
_NOT_MOUNTED = "no token is mounted, as its path is absolute"
NOTHING_MOUNTED = "nothing is mounted; a container sees this machine's files"

BARE = Fields(
    pod=(
        Field("volumes", NOTHING_MOUNTED, mounts_any),
        Field("automountServiceAccountToken", _NOT_MOUNTED, asks=_is(True)),
        Field("serviceAccountName", _NOT_MOUNTED, asks=_is_not("default")),
        Field("setHostnameAsFQDN", "the host name is this machine's"),
        Field("hostnameOverride", "the host name is this machine's"),
        Field("hostUsers", _USER, asks=_is(False)),
        Field("securityContext", _USER, parts={**_USER_FIELDS, **_CONFINEMENT, **_GROUP_FIELDS, "sysctls": bool}),
    ),
    container=(
        Field("securityContext", _USER, parts={**_USER_FIELDS, **_CONFINEMENT, **_CONTAINER_PRIVILEGES}),
        Field("terminationMessagePath", "no such file is read", asks=_is_not("/dev/termination-log")),
    ),
    port=(Field("hostPort", "no port of the node leads to the container"),),
)
_CONFINED = "nothing but its user, its capabilities and its namespaces confines a container"
SANDBOXED = Fields(
    pod=(
        Field(
            "volumes", "there is no storage for pods but this machine's; it is an empty folder", inside=unknown_volumes
        ),
        Field(
            "volumes",
            "there are no huge pages for folders; it lies on the disk",
            inside=folders_with_a_medium,
        ),
        Field("volumes", "anybody may write in such a folder", inside=folders_with_modes),
        Field("hostUsers", "all pods of the cluster share one user namespace", asks=_is(False)),
        Field("hostPID", "a container sees its own processes only"),
        Field("hostIPC", "the pod has an IPC namespace of its own"),
        Field("securityContext", _CONFINED, parts=_CONFINEMENT),
    ),
    container=(
        Field("securityContext", _CONFINED, parts=_CONFINEMENT),
        Field("volumeMounts", "mounts that are made later stay in their container", propagates),
        Field("volumeMounts", "a mount has no options but readOnly", has_options),
    ),
)
NO_USER = Field(
    "securityContext",
    "it is known of few images which user they have; without runAsUser the others run as root",
    parts={"runAsNonRoot": _is(True)},
)
NO_GROUPS = Field(
    "securityContext",
    "only root gives a process more groups; what it may open is that of the user who started kubesvc",
    parts=_GROUP_FIELDS,
)

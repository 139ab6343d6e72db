"""What a pod takes of a ResourceQuota (pkg/quota/v1/evaluator/core/pods.go). Pure."""

from __future__ import annotations

from collections.abc import Collection

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.podresizing import counted_resources
from kubeapi.objects.qos import qos_class
from kubeapi.quota.countable import Countable, names_class

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_REQUIRED = frozenset(
    ("cpu", "memory", *(f"{kind}.{name}" for kind in ("requests", "limits") for name in _COMPUTE[:2]))
)
"""What each container must say if a quota counts it: of the others nobody asks that."""
_NAMES = frozenset(("pods", *_COMPUTE, *(f"{kind}.{name}" for kind in ("requests", "limits") for name in _COMPUTE)))
_HUGE_PAGES = "hugepages-"
_REQUESTS = "requests."


def _knows(name: str) -> bool:
    is_huge = name.removeprefix(_REQUESTS).startswith(_HUGE_PAGES)
    return name in _NAMES or is_huge or (name.startswith(_REQUESTS) and "/" in name and "kubernetes.io/" not in name)


def _usage(pod: JSON) -> dict[str, str]:
    """Return what a pod takes; one that has ended is only counted."""
    if read_pod(pod).is_finished:
        return {}
    return {"pods": "1", **_compute(counted_resources(pod, "requests"), counted_resources(pod, "limits"))}


def _compute(requests: JSON, limits: JSON) -> dict[str, str]:
    taken: dict[str, str] = {}
    for name, value in requests.items():
        if name in _COMPUTE or name.startswith(_HUGE_PAGES):
            taken |= {name: value, f"{_REQUESTS}{name}": value}
        elif "/" in name and "kubernetes.io/" not in name:
            taken[f"{_REQUESTS}{name}"] = value
    return taken | {f"limits.{name}": value for name, value in limits.items() if name in _COMPUTE}


def _missing(pod: JSON, names: Collection[str]) -> str:
    """Return what the containers must say, "" if they say it; a pod's own resources are enough."""
    spec = spec_of(pod)
    own = map_at(spec, "resources")
    if own.get("requests") or own.get("limits"):
        return ""
    found: dict[str, list[str]] = {}
    for container in (*list_at(spec, "containers"), *list_at(spec, "initContainers")):
        said = _compute(map_at(container, "resources", "requests"), map_at(container, "resources", "limits"))
        for name in sorted(_REQUIRED.intersection(names) - said.keys()):
            found.setdefault(name, []).append(container["name"])
    lacking = (f"{name} for: {','.join(sorted(set(found[name])))}" for name in sorted(found))
    return f"must specify {'; '.join(lacking)}" if found else ""


def _is_in(requirement: JSON, pod: JSON) -> bool:
    spec, scope = spec_of(pod), str(requirement.get("scopeName", ""))
    match scope:
        case "Terminating" | "NotTerminating":
            return ((spec.get("activeDeadlineSeconds") or -1) >= 0) == (scope == "Terminating")
        case "BestEffort" | "NotBestEffort":
            return (qos_class(spec) == "BestEffort") == (scope == "BestEffort")
        case "PriorityClass":
            return names_class(requirement, spec.get("priorityClassName") or "")
    return scope == "CrossNamespacePodAffinity" and _is_cross_namespace(spec)


def _is_cross_namespace(spec: JSON) -> bool:
    terms: list[JSON] = []
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = map_at(spec, "affinity", kind)
        terms += list_at(affinity, "requiredDuringSchedulingIgnoredDuringExecution")
        preferred = list_at(affinity, "preferredDuringSchedulingIgnoredDuringExecution")
        terms += [each.get("podAffinityTerm", {}) for each in preferred]
    return any(each.get("namespaces") or each.get("namespaceSelector") is not None for each in terms)


PODS = Countable(_usage, _knows, _missing, _is_in, has_updates=True)

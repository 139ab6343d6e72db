"""What the LimitRanges of a namespace give to pods, and what they allow (plugin/pkg/admission/limitranger). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from kubeapi.kind import Objects
from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.objects.podresources import Quantities, pod_resources
from kubeapi.scheme import LIMITRANGES
from kubeapi.serialization.quantity import amount_of
from kubeapi.status import aggregated

_ANNOTATION = "kubernetes.io/limit-ranger"


def give_defaults(pod: JSON, objects: Objects) -> None:
    """Give the containers of a new pod the requests and limits that they do not state, in place."""
    spec = pod["spec"]
    for limit_range in objects.list(LIMITRANGES, pod["metadata"]["namespace"]):
        limits = [each for each in list_at(limit_range, "spec", "limits") if each.get("type") == "Container"]
        defaults = {
            "requests": {name: value for each in limits for name, value in map_at(each, "defaultRequest").items()},
            "limits": {name: value for each in limits for name, value in map_at(each, "default").items()},
        }
        told: list[str] = []
        for field, what in (("containers", "container"), ("initContainers", "init container")):
            for container in list_at(spec, field):
                told += _complete(container, defaults, what)
        if told:
            text = f"LimitRanger plugin set: {'; '.join(told)}"
            pod["metadata"]["annotations"] = {**annotations_of(pod), _ANNOTATION: text}


def _complete(container: JSON, defaults: Mapping[str, Quantities], what: str) -> Iterator[str]:
    """Yield what was set."""
    resources = map_at(container, "resources")
    for kind, word in (("requests", "request"), ("limits", "limit")):
        own = map_at(resources, kind)
        added = {name: value for name, value in defaults[kind].items() if name not in own}
        if added:
            resources = {**resources, kind: {**own, **added}}
            yield f"{', '.join(sorted(added))} {word} for {what} {container['name']}"
    container["resources"] = resources


def pod_refusal(pod: JSON, objects: Objects) -> str:
    """Return why the LimitRanges do not allow a pod, "" if they do."""
    spec = spec_of(pod)
    containers = [each for field in ("containers", "initContainers") for each in list_at(spec, field)]

    def faults(limit: JSON) -> Iterator[str]:
        if limit.get("type") == "Container":
            for each in containers:
                yield from _faults(limit, map_at(each, "resources", "requests"), map_at(each, "resources", "limits"))
        elif limit.get("type") == "Pod":
            yield from _faults(limit, pod_resources(spec, "requests"), pod_resources(spec, "limits"))

    return _refusal(pod, objects, faults)


def claim_refusal(claim: JSON, objects: Objects) -> str:
    """Return why the LimitRanges do not allow a PersistentVolumeClaim, "" if they do."""
    requests = map_at(claim, "spec", "resources", "requests")

    def faults(limit: JSON) -> Iterator[str]:
        if limit.get("type") == "PersistentVolumeClaim":
            yield from _minimum(limit, requests, {})
            yield from _maximum(limit, requests, None)

    return _refusal(claim, objects, faults)


def _refusal(obj: JSON, objects: Objects, faults_of: Callable[[JSON], Iterable[str]]) -> str:
    for limit_range in objects.list(LIMITRANGES, obj["metadata"]["namespace"]):
        faults = [fault for each in list_at(limit_range, "spec", "limits") for fault in faults_of(each)]
        if faults:
            return aggregated(faults)
    return ""


def _faults(limit: JSON, requests: Quantities, limits: Quantities) -> Iterator[str]:
    yield from _minimum(limit, requests, limits)
    yield from _maximum(limit, requests, limits)
    yield from _ratio(limit, requests, limits)


def _minimum(limit: JSON, requests: Quantities, limits: Quantities) -> Iterator[str]:
    for name, least in sorted(map_at(limit, "min").items()):
        text = f"minimum {name} usage per {limit['type']} is {least}"
        if name not in requests:
            yield f"{text}.  No request is specified"
        elif amount_of(requests[name]) < amount_of(least):
            yield f"{text}, but request is {requests[name]}"
        elif name in limits and amount_of(limits[name]) < amount_of(least):
            yield f"{text}, but limit is {limits[name]}"


def _maximum(limit: JSON, requests: Quantities, limits: Quantities | None) -> Iterator[str]:
    """Yield what exceeds a maximum; ``limits`` None: there are only requests."""
    for name, most in sorted(map_at(limit, "max").items()):
        text = f"maximum {name} usage per {limit['type']} is {most}"
        if name not in (requests if limits is None else limits):
            yield f"{text}.  No {'request' if limits is None else 'limit'} is specified"
        elif limits is not None and amount_of(limits[name]) > amount_of(most):
            yield f"{text}, but limit is {limits[name]}"
        elif name in requests and amount_of(requests[name]) > amount_of(most):
            yield f"{text}, but request is {requests[name]}"


def _ratio(limit: JSON, requests: Quantities, limits: Quantities) -> Iterator[str]:
    for name, most in sorted(map_at(limit, "maxLimitRequestRatio").items()):
        text = f"{name} max limit to request ratio per {limit['type']} is {most}"
        request, limited = amount_of(requests.get(name, "0")), amount_of(limits.get(name, "0"))
        if not request:
            yield f"{text}, but no request is specified or request is 0"
        elif not limited:
            yield f"{text}, but no limit is specified or limit is 0"
        elif limited / request > amount_of(most):
            yield f"{text}, but provided ratio is {float(limited / request):.6f}"

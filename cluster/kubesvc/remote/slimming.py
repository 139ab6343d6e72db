"""What `kubesvc proxy` keeps of objects at its border, as a large cluster has 100,000 endpoints with much beside. Pure.

What many objects have in common is kept once. What is left is read by ``kubeapi.objects`` as the whole would be, but
for the names of pods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from sys import intern

from kubeapi.meta import JSON
from kubeapi.objects.endpointslice import HEADLESS_LABEL, PROXY_NAME_LABEL, SERVICE_NAME_LABEL
from kubeapi.scheme import ENDPOINTSLICES, SERVICES, Resource

_LABELS = (HEADLESS_LABEL, PROXY_NAME_LABEL, SERVICE_NAME_LABEL)
_OWN_ANNOTATIONS = "kubesvc.dev/"
_OF_METADATA = ("name", "namespace", "resourceVersion", "creationTimestamp")
_OF_ENDPOINT = ("nodeName", "zone")
_REMEMBERED = 4096
"""Most values that are remembered to be shared."""


def slim_service(obj: JSON) -> JSON:
    """Return a Service with its spec and status."""
    kept: JSON = {name: obj[name] for name in ("apiVersion", "kind", "spec", "status") if name in obj}
    return {**kept, "metadata": _metadata(obj["metadata"])}


class SlimSlices:
    """Slims EndpointSlices; remembers the conditions, ports and hints that they have in common."""

    def __init__(self) -> None:
        self._shared: dict[str, object] = {}

    def __call__(self, obj: JSON) -> JSON:
        """Return a slice with what its endpoints need to get traffic."""
        kept: JSON = {name: obj[name] for name in ("apiVersion", "kind", "addressType") if name in obj}
        endpoints = [self._endpoint(each) for each in obj.get("endpoints") or ()]
        ports = self._once(obj.get("ports"))
        return {**kept, "metadata": _metadata(obj["metadata"]), "ports": ports, "endpoints": endpoints}

    def _endpoint(self, endpoint: JSON) -> JSON:
        kept: JSON = {"addresses": endpoint.get("addresses")}
        for name in ("conditions", "hints"):
            if value := endpoint.get(name):
                kept[name] = self._once(value)
        for name in _OF_ENDPOINT:
            if isinstance(value := endpoint.get(name), str):
                kept[name] = intern(value)
        return kept

    def _once(self, value: object) -> object:
        """Return an equal value that is there already."""
        if len(self._shared) >= _REMEMBERED:
            self._shared.clear()
        return self._shared.setdefault(repr(value), value)


def slims() -> Mapping[Resource, Callable[[JSON], JSON]]:
    """Return by resource what slims its objects."""
    return {SERVICES: slim_service, ENDPOINTSLICES: SlimSlices()}


def _metadata(metadata: JSON) -> JSON:
    kept = {name: metadata[name] for name in _OF_METADATA if name in metadata}
    for name, is_kept in (("labels", _LABELS.__contains__), ("annotations", _is_own)):
        values = metadata.get(name)
        if values and (chosen := {key: value for key, value in values.items() if is_kept(key)}):
            kept[name] = chosen
    return kept


def _is_own(annotation: str) -> bool:
    return annotation.startswith(_OWN_ANNOTATIONS)

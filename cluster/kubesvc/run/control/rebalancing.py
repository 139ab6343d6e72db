"""Gives a running Service another balancing algorithm, and tells when the proxy chooses by it; for `kubesvc bench`.

Comparing algorithms on one Service, one after the other, keeps everything else as it is: address, listeners, pods. Each
change begins with a new algorithm's empty memory, and it works for a Service whose EndpointSlices are written by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.service import BALANCER_ANNOTATION, BALANCER_OPTIONS_ANNOTATION
from kubeapi.scheme import SERVICES
from kubeapi.status import StatusError
from kubeproxy.types import ServicePort
from kubesvc.why.lookup import find_service

if TYPE_CHECKING:
    from kubesvc.run.cluster import Cluster

ORIGINAL_ANNOTATION = "kubesvc.dev/bench-original"
"""What the two annotations were and are, as JSON, while a comparison runs: if it dies, the next one puts them back."""
ANNOTATIONS = (BALANCER_ANNOTATION, BALANCER_OPTIONS_ANNOTATION, ORIGINAL_ANNOTATION)
FOLLOW_SECONDS = 10.0
_LOOK_SECONDS = 0.005

Annotations = Mapping[str, str | None]
"""Values of ``ANNOTATIONS`` by name; None is one that is not there."""


async def rebalance(cluster: Cluster, service: ObjectKey, wanted: Annotations) -> dict[str, str | None]:
    """Set annotations of a Service, and return what they were, once the proxy chooses by the new ones. StatusError."""
    stored = find_service(cluster.store, service.namespace, service.name)
    annotations = stored["metadata"].get("annotations", {})
    before = {name: annotations.get(name) for name in ANNOTATIONS}
    changed = {**annotations, **wanted}
    kept = {name: value for name, value in changed.items() if value is not None}
    if kept != annotations:
        new: JSON = {**stored, "metadata": {**stored["metadata"], "annotations": kept}}
        cluster.registry.update(SERVICES, new)
    await _followed(cluster, service, kept)
    return before


async def _followed(cluster: Cluster, service: ObjectKey, annotations: Mapping[str, str]) -> None:
    """Return once the rules of the proxy are those of the annotations, and its data plane has them."""
    for _ in range(int(FOLLOW_SECONDS / _LOOK_SECONDS)):
        if all(_is_of(port, annotations) for port in _ports(cluster, service)):
            await cluster.components.proxy.plane.traffic.wait_until_applied()
            return
        await asyncio.sleep(_LOOK_SECONDS)
    message = f"the proxy does not balance {service} as its annotations say after {FOLLOW_SECONDS:g} s"
    raise StatusError(504, "Timeout", message)


def _ports(cluster: Cluster, service: ObjectKey) -> Iterator[ServicePort]:
    rules = cluster.components.proxy.rules
    return (rules.ports[name].service_port for name in rules.by_service.get(service, ()))


def _is_of(port: ServicePort, annotations: Mapping[str, str]) -> bool:
    name = annotations.get(BALANCER_ANNOTATION, "")
    # Without an algorithm of its own a Service may have the options of the configuration.
    options = annotations.get(BALANCER_OPTIONS_ANNOTATION, port.balancer_options if not name else "")
    return (port.balancer, port.balancer_options) == (name, options)


def read_rebalance(body: object) -> tuple[ObjectKey, dict[str, str | None]]:
    """Read the Service and its annotations; StatusError 400."""
    match body:
        case {"namespace": str(namespace), "name": str(name), "annotations": dict(annotations)} if all(
            each in ANNOTATIONS and (value is None or isinstance(value, str)) for each, value in annotations.items()
        ):
            return ObjectKey(namespace, name), annotations
    raise StatusError(400, "BadRequest", f"want JSON with namespace, name and annotations of {', '.join(ANNOTATIONS)}")

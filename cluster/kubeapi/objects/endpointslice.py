"""What an EndpointSlice says, as kube-proxy and the DNS server read it.

Unset conditions mean ready and serving but not terminating (types.go of k8s.io/api/discovery/v1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, key_of, labels_of
from kubeapi.objects.weight import weight_of

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
HEADLESS_LABEL = "service.kubernetes.io/headless"
PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"
NAME_SERVER_PROXY = "kubedns"
"""The value of that label where the cluster's own name server listens at a Service's address."""
_PORTS_END = 65536
_NOTHING: JSON = {}


class EndpointPort(NamedTuple):
    """One port of a slice; ``port`` is 0 if the slice has no number that a port can have."""

    name: str
    protocol: str
    port: int
    app_protocol: str


class Endpoint(NamedTuple):
    """One endpoint of a slice. ``target`` is the name of its Pod, "" if it is not a Pod."""

    addresses: tuple[str, ...]
    is_ready: bool
    is_serving: bool
    is_terminating: bool
    hostname: str
    target: str
    node_name: str
    zone: str
    zone_hints: tuple[str, ...]
    node_hints: tuple[str, ...]


class EndpointSlice(NamedTuple):
    """A part of the endpoints of ``service``, which is None if the label that names it is missing.

    ``weight`` is that of its endpoints, None where it gives none; a pod's own goes before it.
    """

    key: ObjectKey
    service: ObjectKey | None
    labels: dict[str, str]
    address_type: str
    ports: tuple[EndpointPort, ...]
    endpoints: tuple[Endpoint, ...]
    weight: int | None = None


def read_endpoint_slice(obj: JSON) -> EndpointSlice:
    """Read an EndpointSlice object."""
    return EndpointSlice(
        key=key_of(obj),
        service=service_of_slice(obj),
        labels=labels_of(obj),
        address_type=obj.get("addressType") or "IPv4",
        ports=tuple(_read_port(port) for port in obj.get("ports") or ()),
        endpoints=tuple(_read_endpoint(endpoint) for endpoint in obj.get("endpoints") or ()),
        weight=weight_of(obj),
    )


def service_of_slice(obj: JSON) -> ObjectKey | None:
    """Return the Service to which an EndpointSlice belongs; None if the label that names it is missing."""
    name = labels_of(obj).get(SERVICE_NAME_LABEL)
    return ObjectKey(obj["metadata"].get("namespace", ""), name) if name else None


def _read_port(port: JSON) -> EndpointPort:
    number = port.get("port") or 0
    return EndpointPort(
        port.get("name") or "",
        port.get("protocol") or "TCP",
        # The API accepts any number here; a listener could not bind it.
        number if 0 < number < _PORTS_END else 0,
        port.get("appProtocol") or "",
    )


def _read_endpoint(endpoint: JSON) -> Endpoint:
    # Called for every endpoint of a cluster: positional arguments take two thirds of the time of named ones.
    get = endpoint.get
    conditions = get("conditions") or _NOTHING
    hints = get("hints")
    target = get("targetRef") or _NOTHING
    return Endpoint(
        tuple(get("addresses") or ()),
        conditions.get("ready") is not False,
        conditions.get("serving") is not False,
        conditions.get("terminating") is True,
        get("hostname") or "",
        target.get("name", "") if target.get("kind") == "Pod" else "",
        get("nodeName") or "",
        get("zone") or "",
        _names(hints.get("forZones")) if hints else (),
        _names(hints.get("forNodes")) if hints else (),
    )


def _names(listed: Iterable[JSON] | None) -> tuple[str, ...]:
    return tuple(each["name"] for each in listed or ())

"""What DNS keeps of the cluster's objects: Services, EndpointSlices and Pods, slimmed on arrival. Pure.

Names are lower case. Which endpoints count follows CoreDNS ``plugin/kubernetes/object``: ready or unset; serving and
terminating are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from kubeapi.meta import JSON, is_terminating
from kubeapi.objects.endpointslice import Endpoint, read_endpoint_slice
from kubeapi.objects.pod import read_pod
from kubeapi.objects.service import read_target
from kubedns.names import MAX_LABEL, dashed, packed_address, wire_of

NO_PORT = -1
"""The number of a port that has none: it counts toward the weight of SRV records and is never shown."""

REMEMBERED = 16_384
"""Endpoints, and ports, that are remembered: one that several Services have is kept once."""

_POD_IS_OVER = ("Succeeded", "Failed", "Unknown")

ServiceKey = tuple[bytes, bytes]
"""Namespace and name, in lower case."""


class PortRecord(NamedTuple):
    """A port by name and protocol (lower case); of a Service its own port, of an endpoint the target's."""

    name: bytes
    protocol: bytes
    number: int


class ServiceRecord(NamedTuple):
    """A Service; addresses are packed. ``external_name`` is on the wire, None unless the type is ExternalName.

    An ExternalName that is an IPv4 literal, or no name at all, has the empty ``external_name``: it does not resolve.
    """

    is_headless: bool
    cluster_ips: tuple[bytes, ...]
    ports: tuple[PortRecord, ...]
    external_name: bytes | None


class EndpointRecord(NamedTuple):
    """One ready address; ``label`` is the hostname or the dashed address."""

    label: bytes
    address: bytes


class SliceRecord(NamedTuple):
    """The ready endpoints of one slice and the ports they all have."""

    service: ServiceKey
    endpoints: tuple[EndpointRecord, ...]
    ports: tuple[PortRecord, ...]


def lower(name: str) -> bytes:
    """Return a name as it is looked up."""
    return name.lower().encode()


def service_record(obj: JSON | None) -> ServiceRecord | None:
    """Return what DNS keeps of a Service; None for None."""
    if obj is None:
        return None
    target = read_target(obj)
    if target.is_external_name:
        return ServiceRecord(False, (), (), _external_name(target.external_name))
    is_headless = target.is_headless
    packed = () if is_headless else filter(None, map(packed_address, target.cluster_ips))
    ports = tuple([_port_record(each.name, each.protocol, each.port) for each in target.ports])
    return ServiceRecord(is_headless, tuple(packed), ports, None)


def _external_name(text: str) -> bytes:
    """Return the target on the wire; kube-dns served IP literals, CoreDNS does not (coredns#2164)."""
    try:
        return b"" if packed_address(text.removesuffix(".")) else wire_of(text)
    except ValueError:
        return b""


def slice_record(obj: JSON | None, *, has_pod_names: bool = False) -> SliceRecord | None:
    """Return what DNS keeps of an EndpointSlice; None for None, and for one without a Service."""
    slice_ = read_endpoint_slice(obj) if obj is not None else None
    if slice_ is None or slice_.service is None:
        return None
    ports = tuple(_port_record(each.name, each.protocol, each.port or NO_PORT) for each in slice_.ports)
    endpoints = tuple(
        record
        for each in slice_.endpoints
        if each.is_ready
        for record in _endpoint_records(each, each.hostname or (each.target if has_pod_names else ""))
    )
    return SliceRecord((lower(slice_.service.namespace), lower(slice_.service.name)), endpoints, ports)


def _endpoint_records(endpoint: Endpoint, name: str) -> Iterator[EndpointRecord]:
    for text in endpoint.addresses:
        record = _endpoint_record(text, name)
        if record is not None:  # addressType FQDN: names are no addresses
            yield record


@lru_cache(REMEMBERED)
def _endpoint_record(text: str, name: str) -> EndpointRecord | None:
    address = packed_address(text)
    if address is None:
        return None
    hostname = lower(name)
    if 0 < len(hostname) <= MAX_LABEL:
        return EndpointRecord(hostname, address)
    # An IPv4 address has only one spelling.
    return EndpointRecord(text.replace(".", "-").encode() if len(address) == 4 else dashed(ip_address(text)), address)


@lru_cache(REMEMBERED)
def _port_record(name: str, protocol: str, number: int) -> PortRecord:
    return PortRecord(lower(name), lower(protocol), number)


def pod_record(obj: JSON | None, *, is_known: bool) -> str | None:
    """Return the address of a pod, None if its phase is over, or if it was terminating when it was first seen."""
    if obj is None or (is_terminating(obj) and not is_known):
        return None
    pod = read_pod(obj)
    return None if pod.phase in _POD_IS_OVER else next(iter(pod.ips), None)

"""The index: what the cluster's objects say to DNS, slimmed at the border and keyed for lookup.

Incremental: one changed object rewrites only its own entries, and says which answers it makes stale (their owners).
Keys are lower case. Knows what exists, never what a query should be told: that is ``handler``. Which endpoints count
follows CoreDNS ``plugin/kubernetes/object``: ready or unset; serving and terminating are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import NamedTuple, TypeVar

from kubeapi.informer import Delta
from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.endpointslice import Endpoint, read_endpoint_slice
from kubeapi.objects.pod import read_pod
from kubeapi.objects.service import read_service
from kubedns.names import MAX_LABEL, dashed, packed_address, wire_of
from kubedns.types import SERIAL, Owner

NO_PORT = -1
"""The number of a port that has none: it counts toward the weight of SRV records and is never shown."""

_K = TypeVar("_K")
_V = TypeVar("_V")
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


class Records:
    """Namespaces, Services, EndpointSlices and Pods by the names and addresses that DNS asks for.

    The ``*_changed`` methods are told of deltas and return the owners that are stale now (none: nothing to tell).
    """

    def __init__(self) -> None:
        self.namespaces: set[bytes] = set()
        self.services: dict[ServiceKey, ServiceRecord] = {}
        self._slices: dict[ObjectKey, SliceRecord] = {}
        self._slices_of: dict[ServiceKey, dict[ObjectKey, SliceRecord]] = {}
        self._services_at: dict[bytes, dict[ServiceKey, None]] = {}
        self._slices_at: dict[bytes, dict[ObjectKey, None]] = {}
        self._pods: dict[ObjectKey, str] = {}
        self._pods_at: dict[tuple[bytes, str], dict[ObjectKey, None]] = {}

    def slices_of(self, service: ServiceKey) -> Sequence[SliceRecord]:
        """Return the slices of a Service that have ready endpoints or ports."""
        return tuple(self._slices_of.get(service, {}).values())

    def has_endpoints(self, service: ServiceKey) -> bool:
        """Tell whether a Service has any ready endpoint."""
        return any(each.endpoints for each in self._slices_of.get(service, {}).values())

    def service_at(self, address: bytes) -> ServiceKey | None:
        """Return the Service whose cluster IP the packed address is."""
        return next(iter(self._services_at.get(address, ())), None)

    def endpoints_at(self, address: bytes) -> Iterator[tuple[ServiceKey, EndpointRecord]]:
        """Yield the ready endpoints with the packed address, each with its Service."""
        for key in self._slices_at.get(address, ()):
            found = self._slices[key]
            for endpoint in found.endpoints:
                if endpoint.address == address:
                    yield found.service, endpoint

    def has_pod(self, namespace: bytes, address: str) -> bool:
        """Tell whether a live pod of the namespace has this very status.podIP."""
        return (namespace, address) in self._pods_at

    def namespaces_changed(self, deltas: Sequence[Delta]) -> set[Owner]:
        """Note Namespaces that came or went."""
        stale: set[Owner] = set()
        for delta in deltas:
            name = _lower(delta.key.name)
            if (name in self.namespaces) is (delta.new is not None):
                continue
            (self.namespaces.discard if delta.new is None else self.namespaces.add)(name)
            stale.add(("namespace", name, b""))
        return stale

    def services_changed(self, deltas: Sequence[Delta]) -> set[Owner]:
        """Note Services that came, changed or went."""
        stale: set[Owner] = set()
        for delta in deltas:
            key = _lower(delta.key.namespace), _lower(delta.key.name)
            old, new = self.services.get(key), _service_record(delta.new)
            if old == new:
                continue
            _put(self.services, key, new)
            addresses = _reindex(self._services_at, key, _cluster_ips(old), _cluster_ips(new))
            stale |= {("service", *key), *_address_owners(addresses)}
        return stale

    def slices_changed(self, deltas: Sequence[Delta]) -> set[Owner]:
        """Note EndpointSlices that came, changed or went."""
        stale: set[Owner] = set()
        for delta in deltas:
            old, new = self._slices.get(delta.key), _slice_record(delta.new)
            if old == new:
                continue
            _put(self._slices, delta.key, new)
            stale |= self._move_slice(delta.key, old, new)
            before, after = set(old.endpoints if old else ()), set(new.endpoints if new else ())
            _reindex(self._slices_at, delta.key, _addresses(before), _addresses(after))
            stale |= _address_owners(_addresses(before ^ after))
            if old and new and old.service != new.service:
                stale |= _address_owners(_addresses(before | after))
        return stale

    def pods_changed(self, deltas: Sequence[Delta]) -> set[Owner]:
        """Note the addresses of Pods that came, changed or went."""
        stale: set[Owner] = set()
        for delta in deltas:
            old, namespace = self._pods.get(delta.key), _lower(delta.key.namespace)
            new = _pod_address(delta.new, is_known=old is not None)
            if old == new:
                continue
            _put(self._pods, delta.key, new)
            for text in _reindex(self._pods_at, delta.key, _at(namespace, old), _at(namespace, new)):
                stale.add(("pod", namespace, text[1].encode()))
        return stale

    def _move_slice(self, key: ObjectKey, old: SliceRecord | None, new: SliceRecord | None) -> set[Owner]:
        if old is not None and (new is None or new.service != old.service):
            siblings = self._slices_of[old.service]
            del siblings[key]
            if not siblings:
                del self._slices_of[old.service]
        if new is not None:
            self._slices_of.setdefault(new.service, {})[key] = new
        return {("endpoints", *each.service) for each in (old, new) if each is not None}


class Zone:
    """Records with the serial of the zone: the time of the last change that DNS shows, in whole seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.records = Records()
        self.has_synced = False
        self._clock = clock
        self.serial = int(clock())

    def changed(self, stale: set[Owner]) -> set[Owner]:
        """Set the serial if anything is stale, and return what is stale with it."""
        now = int(self._clock())
        if not stale or now == self.serial:
            return stale
        self.serial = now
        return stale | {SERIAL}


def _reindex(index: dict[_K, dict[_V, None]], holder: _V, old: set[_K], new: set[_K]) -> set[_K]:
    for each in old - new:
        holders = index[each]
        del holders[holder]
        if not holders:
            del index[each]
    for each in new - old:
        index.setdefault(each, {})[holder] = None
    return old ^ new


def _put(index: dict[_K, _V], key: _K, value: _V | None) -> None:
    if value is None:
        index.pop(key, None)
    else:
        index[key] = value


def _lower(name: str) -> bytes:
    return name.lower().encode()


def _cluster_ips(service: ServiceRecord | None) -> set[bytes]:
    return set(service.cluster_ips) if service else set()


def _addresses(endpoints: set[EndpointRecord]) -> set[bytes]:
    return {each.address for each in endpoints}


def _address_owners(addresses: set[bytes]) -> set[Owner]:
    return {("address", each, b"") for each in addresses}


def _at(namespace: bytes, address: str | None) -> set[tuple[bytes, str]]:
    return {(namespace, address)} if address else set()


def _service_record(obj: JSON | None) -> ServiceRecord | None:
    if obj is None:
        return None
    service = read_service(obj)
    if service.is_external_name:
        return ServiceRecord(False, (), (), _external_name(service.external_name))
    packed = () if service.is_headless else tuple(map(packed_address, service.cluster_ips))
    ports = tuple(PortRecord(_lower(each.name), _lower(each.protocol), each.port) for each in service.ports)
    return ServiceRecord(service.is_headless, tuple(each for each in packed if each), ports, None)


def _external_name(text: str) -> bytes:
    """Return the target on the wire; kube-dns served IP literals, CoreDNS does not (coredns#2164)."""
    try:
        return b"" if packed_address(text.removesuffix(".")) else wire_of(text)
    except ValueError:
        return b""


def _slice_record(obj: JSON | None) -> SliceRecord | None:
    slice_ = read_endpoint_slice(obj) if obj is not None else None
    if slice_ is None or slice_.service is None:
        return None
    ports = tuple(PortRecord(_lower(each.name), _lower(each.protocol), each.port or NO_PORT) for each in slice_.ports)
    endpoints = tuple(record for each in slice_.endpoints if each.is_ready for record in _endpoint_records(each))
    return SliceRecord((_lower(slice_.service.namespace), _lower(slice_.service.name)), endpoints, ports)


def _endpoint_records(endpoint: Endpoint) -> Iterator[EndpointRecord]:
    for text in endpoint.addresses:
        try:
            address = ip_address(text)
        except ValueError:
            continue  # addressType FQDN: names are no addresses
        hostname = _lower(endpoint.hostname)
        yield EndpointRecord(hostname if 0 < len(hostname) <= MAX_LABEL else dashed(address), address.packed)


def _pod_address(obj: JSON | None, *, is_known: bool) -> str | None:
    """Return the address of a pod, None if its phase is over, or if it was first seen when it was terminating."""
    if obj is None or (is_terminating(obj) and not is_known):
        return None
    pod = read_pod(obj)
    return None if pod.phase in _POD_IS_OVER else next(iter(pod.ips), None)

"""The zone: the index of the cluster's objects by the names and addresses that DNS is asked for, and its serial. Pure.

Incremental: one changed object rewrites only its own entries, and the owners of the answers that it makes stale are
returned. Keys are lower case. Knows what exists, not what a query is answered: that is ``lookup``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from kubeapi.meta import ObjectKey
from kubeapi.watching import Delta
from kubedns.records import (
    EndpointRecord,
    ServiceKey,
    ServiceRecord,
    SliceRecord,
    lower,
    pod_record,
    service_record,
    slice_record,
)
from kubedns.types import SERIAL, Owner

_K = TypeVar("_K")
_V = TypeVar("_V")


class Records:
    """Namespaces, Services, EndpointSlices and Pods by the names and addresses that DNS asks for.

    The ``*_changed`` methods apply deltas and return the owners that are stale now. With ``exposed``, only the objects
    of these namespaces count; ``has_pod_names`` is about endpoints (``names_endpoints_by_pod``).
    """

    def __init__(self, exposed: Collection[str] = (), *, has_pod_names: bool = False) -> None:
        self._exposed = frozenset(exposed)
        self._has_pod_names = has_pod_names
        self.namespaces: set[bytes] = set()
        self.services: dict[ServiceKey, ServiceRecord] = {}
        self._slices: dict[ObjectKey, SliceRecord] = {}
        # Most have one member: a tuple of one takes a fifth of a dict's memory.
        self._slices_of: dict[ServiceKey, tuple[ObjectKey, ...]] = {}
        self._services_at: dict[bytes, tuple[ServiceKey, ...]] = {}
        self._slices_at: dict[bytes, tuple[ObjectKey, ...]] = {}
        self._pods: dict[ObjectKey, str] = {}
        self._pods_at: dict[tuple[bytes, str], tuple[ObjectKey, ...]] = {}

    def slices_of(self, service: ServiceKey) -> Sequence[SliceRecord]:
        """Return the slices of a Service that have ready endpoints or ports."""
        return [self._slices[each] for each in self._slices_of.get(service, ())]

    def has_endpoints(self, service: ServiceKey) -> bool:
        """Tell whether a Service has any ready endpoint."""
        return any(each.endpoints for each in self.slices_of(service))

    def service_at(self, address: bytes) -> ServiceKey | None:
        """Return the Service with the packed address as a cluster IP."""
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
        """Apply changes of Namespaces."""
        stale: set[Owner] = set()
        for delta in deltas:
            name = lower(delta.key.name)
            if (name in self.namespaces) is (delta.new is not None) or self._is_hidden(delta.key.name):
                continue
            if delta.new is None:
                self.namespaces.discard(name)
            else:
                self.namespaces.add(name)
            stale.add(("namespace", name, b""))
        return stale

    def services_changed(self, deltas: Sequence[Delta]) -> set[Owner]:
        """Apply changes of Services."""
        stale: set[Owner] = set()
        for delta in deltas:
            if self._is_hidden(delta.key.namespace):
                continue
            key = lower(delta.key.namespace), lower(delta.key.name)
            old, new = self.services.get(key), service_record(delta.new)
            if old == new:
                continue
            _put(self.services, key, new)
            addresses = _reindex(self._services_at, key, _cluster_ips(old), _cluster_ips(new))
            stale |= {("service", *key), *_address_owners(addresses)}
        return stale

    def slices_changed(self, deltas: Sequence[Delta]) -> set[Owner]:
        """Apply changes of EndpointSlices."""
        stale: set[Owner] = set()
        for delta in deltas:
            if self._is_hidden(delta.key.namespace):
                continue
            old = self._slices.get(delta.key)
            new = slice_record(delta.new, has_pod_names=self._has_pod_names)
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
        """Apply changes of Pods' addresses."""
        stale: set[Owner] = set()
        for delta in deltas:
            old, namespace = self._pods.get(delta.key), lower(delta.key.namespace)
            new = pod_record(delta.new, is_known=old is not None)
            if old == new:
                continue
            _put(self._pods, delta.key, new)
            for text in _reindex(self._pods_at, delta.key, _at(namespace, old), _at(namespace, new)):
                stale.add(("pod", namespace, text[1].encode()))
        return stale

    def _is_hidden(self, namespace: str) -> bool:
        return bool(self._exposed) and namespace not in self._exposed

    def _move_slice(self, key: ObjectKey, old: SliceRecord | None, new: SliceRecord | None) -> set[Owner]:
        _reindex(self._slices_of, key, {old.service} if old else set(), {new.service} if new else set())
        return {("endpoints", *each.service) for each in (old, new) if each is not None}


class Zone:
    """Records with the serial of the zone: the time of the last change that DNS shows, in whole seconds."""

    def __init__(self, clock: Callable[[], float], records: Records | None = None) -> None:
        self.records = records or Records()
        self.has_synced = False
        self._clock = clock
        self.serial = int(clock())

    def changed(self, stale: set[Owner]) -> set[Owner]:
        """Set the serial if anything is stale, and return all that is stale then."""
        now = int(self._clock())
        if not stale or now == self.serial:
            return stale
        self.serial = now
        return stale | {SERIAL}


def _reindex(index: dict[_K, tuple[_V, ...]], holder: _V, old: set[_K], new: set[_K]) -> set[_K]:
    for each in old - new:
        holders = tuple(other for other in index[each] if other != holder)
        if holders:
            index[each] = holders
        else:
            del index[each]
    for each in new - old:
        index[each] = (*index.get(each, ()), holder)
    return old ^ new


def _put(index: dict[_K, _V], key: _K, value: _V | None) -> None:
    if value is None:
        index.pop(key, None)
    else:
        index[key] = value


def _cluster_ips(service: ServiceRecord | None) -> set[bytes]:
    return set(service.cluster_ips) if service else set()


def _addresses(endpoints: set[EndpointRecord]) -> set[bytes]:
    return {each.address for each in endpoints}


def _address_owners(addresses: set[bytes]) -> set[Owner]:
    return {("address", each, b"") for each in addresses}


def _at(namespace: bytes, address: str | None) -> set[tuple[bytes, str]]:
    return {(namespace, address)} if address else set()

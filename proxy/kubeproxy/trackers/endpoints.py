"""The endpoints of each Service port, merged from EndpointSlices as they change. Pure.

Follows k8s.io/kubernetes ``pkg/proxy/endpointslicecache.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects import endpointslice as api
from kubeproxy.types import Endpoint, PortKey

_SliceEndpoints = tuple[tuple[PortKey, tuple[Endpoint, ...]], ...]
"""The endpoints of each port in one slice, sorted by ``ip:port``, each address once."""


class EndpointsChangeTracker:
    """The endpoints of every Service port, merged from all slices that name the Service."""

    def __init__(self) -> None:
        self._by_service: dict[ObjectKey, tuple[tuple[ObjectKey, _SliceEndpoints], ...]] = {}
        self._service_of: dict[ObjectKey, ObjectKey] = {}
        self._changed: set[ObjectKey] = set()

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a slice's new state, None when it is deleted."""
        before = self._service_of.pop(key, None)
        if before is not None:
            self._remove(before, key)
        if obj is None:
            return
        new = api.read_endpoint_slice(obj)
        if new.service is None or api.HEADLESS_LABEL in new.labels or api.PROXY_NAME_LABEL in new.labels:
            return
        self._service_of[key] = new.service
        self._by_service[new.service] = (*self._by_service.get(new.service, ()), (key, _read(new)))
        self._changed.add(new.service)

    def take_changes(self) -> set[ObjectKey]:
        """Return the Services of the slices that have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def endpoints(self, service: ObjectKey) -> dict[PortKey, tuple[Endpoint, ...]]:
        """Return the endpoints of each port of ``service``, sorted by ``ip:port``."""
        found: dict[PortKey, tuple[Endpoint, ...]] = {}
        for _, of_slice in self._by_service.get(service, ()):
            for port, endpoints in of_slice:
                found[port] = _merged((*found[port], *endpoints)) if port in found else endpoints
        return found

    def _remove(self, service: ObjectKey, key: ObjectKey) -> None:
        left = tuple(each for each in self._by_service[service] if each[0] != key)
        if left:
            self._by_service[service] = left
        else:
            del self._by_service[service]
        self._changed.add(service)


def _read(new: api.EndpointSlice) -> _SliceEndpoints:
    if new.address_type == "FQDN":
        return ()
    ports: dict[PortKey, tuple[Endpoint, ...]] = {}
    for port in new.ports:
        if port.port:
            key = (port.name, port.protocol, new.address_type)
            endpoints = [_endpoint(each, port.port) for each in new.endpoints if each.addresses]
            ports[key] = _merged((*ports.get(key, ()), *endpoints))
    return tuple(ports.items())


def _merged(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """Return the endpoints sorted by ``ip:port``, each once.

    Of duplicates the last one that is not terminating wins, otherwise the first (endpointslicecache.go).
    """
    found: dict[str, Endpoint] = {}
    for each in endpoints:
        if not each.is_terminating or each.address not in found:
            found[each.address] = each
    return tuple(found[address] for address in sorted(found))


def _endpoint(each: api.Endpoint, port: int) -> Endpoint:
    return Endpoint(
        ip=each.addresses[0],
        port=port,
        is_ready=each.is_ready,
        is_serving=each.is_serving,
        is_terminating=each.is_terminating,
        node_name=each.node_name,
        target=each.target,
        zone=each.zone,
        zone_hints=each.zone_hints,
        node_hints=each.node_hints,
    )

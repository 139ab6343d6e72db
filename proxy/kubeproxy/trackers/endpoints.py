"""The endpoints of each Service port, merged from EndpointSlices as they change, with the weights of Pods. Pure.

Pods without a weight cost nothing but a look at their annotations. Follows k8s.io/kubernetes
``pkg/proxy/endpointslicecache.go``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects import endpointslice as api
from kubeapi.objects.weight import weight_of
from kubeproxy.types import Endpoint, PortKey

_SliceEndpoints = tuple[tuple[PortKey, tuple[Endpoint, ...]], ...]
"""The endpoints of each port in one slice, sorted by ``ip:port``, each address once."""


_NO_WEIGHTS: Mapping[str, int] = {}


class EndpointsChangeTracker:
    """The endpoints of every Service port, merged from all slices that name the Service."""

    def __init__(self) -> None:
        self._by_service: dict[ObjectKey, tuple[tuple[ObjectKey, _SliceEndpoints], ...]] = {}
        self._service_of: dict[ObjectKey, ObjectKey] = {}
        self._changed: set[ObjectKey] = set()
        self._weights: dict[str, dict[str, int]] = {}
        """By namespace those of its pods that have one, by name."""
        self._weighed: set[ObjectKey] = set()
        """The pods whose weights have changed."""

    @property
    def is_changed(self) -> bool:
        """Whether ``take_changes`` may have something."""
        return bool(self._changed or self._weighed)

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a slice's new state, None when it is deleted."""
        before = self._service_of.get(key)
        service, endpoints = (None, ()) if obj is None else _read_slice(obj)
        if before is not None:
            if service == before and (key, endpoints) in self._by_service[before]:
                return  # something else of the slice has changed, or all slices have been listed again
            del self._service_of[key]
            self._remove(before, key)
        if service is not None:
            self._service_of[key] = service
            self._by_service[service] = (*self._by_service.get(service, ()), (key, endpoints))
            self._changed.add(service)

    def update_pod(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Pod's weight; None when it is deleted: its endpoints leave with their slice."""
        weight = None if obj is None else weight_of(obj)
        before = self._weights.get(key.namespace, _NO_WEIGHTS).get(key.name)
        if weight == before:
            return
        if obj is not None:
            self._weighed.add(key)
        if weight is not None:
            self._weights.setdefault(key.namespace, {})[key.name] = weight
        elif len(self._weights[key.namespace]) > 1:
            del self._weights[key.namespace][key.name]
        else:
            del self._weights[key.namespace]

    def take_changes(self) -> set[ObjectKey]:
        """Return the Services whose slices, or the weights of whose pods, have changed since the last call."""
        changed, self._changed = self._changed, set()
        weighed, self._weighed = self._weighed, set()
        return changed.union(self._services_of(weighed)) if weighed else changed

    def endpoints(self, service: ObjectKey) -> dict[PortKey, tuple[Endpoint, ...]]:
        """Return the endpoints of each port of ``service``, sorted by ``ip:port``."""
        found: dict[PortKey, tuple[Endpoint, ...]] = {}
        for _, of_slice in self._by_service.get(service, ()):
            for port, endpoints in of_slice:
                found[port] = _merged((*found[port], *endpoints)) if port in found else endpoints
        weights = self._weights.get(service.namespace)
        if weights is None:
            return found
        return {port: tuple(_weighed(each, weights) for each in endpoints) for port, endpoints in found.items()}

    def _services_of(self, pods: Collection[ObjectKey]) -> Iterator[ObjectKey]:
        namespaces = {each.namespace for each in pods}
        for service, slices in self._by_service.items():
            namespace = service.namespace
            if namespace in namespaces and any(
                ObjectKey(namespace, each.target) in pods
                for _, of_slice in slices
                for _, endpoints in of_slice[:1]
                for each in endpoints
            ):
                yield service

    def _remove(self, service: ObjectKey, key: ObjectKey) -> None:
        left = tuple(each for each in self._by_service[service] if each[0] != key)
        if left:
            self._by_service[service] = left
        else:
            del self._by_service[service]
        self._changed.add(service)


def _weighed(endpoint: Endpoint, weights: Mapping[str, int]) -> Endpoint:
    weight = weights.get(endpoint.target)
    return endpoint if weight is None else endpoint._replace(weight=weight)


def _read_slice(obj: JSON) -> tuple[ObjectKey | None, _SliceEndpoints]:
    """Return the Service whose endpoints a slice has, None if they are not for this proxy, and the endpoints."""
    new = api.read_endpoint_slice(obj)
    if new.service is None or api.HEADLESS_LABEL in new.labels or api.PROXY_NAME_LABEL in new.labels:
        return None, ()
    return new.service, _read(new)


def _read(new: api.EndpointSlice) -> _SliceEndpoints:
    if new.address_type == "FQDN":
        return ()
    ports: dict[PortKey, tuple[Endpoint, ...]] = {}
    for port in new.ports:
        if port.port:
            key = (port.name, port.protocol, new.address_type)
            endpoints = [_endpoint(each, port.port, new.weight) for each in new.endpoints if each.addresses]
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


def _endpoint(each: api.Endpoint, port: int, weight: int | None) -> Endpoint:
    addresses, is_ready, is_serving, is_terminating, _, target, node_name, zone, zone_hints, node_hints = each
    return Endpoint(
        addresses[0],
        port,
        is_ready,
        is_serving,
        is_terminating,
        node_name,
        target,
        zone,
        zone_hints,
        node_hints,
        1 if weight is None else weight,
    )

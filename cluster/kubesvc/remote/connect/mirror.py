"""The mirror: what the remote cluster says becomes objects of the local Store, and gateways of its pods.

It decides which Services are shown, which address each has, and which sentences tell what is not carried. It asks
nobody: the owner hands it every change. Services and EndpointSlices may come in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.endpointslice import service_of_slice
from kubeapi.objects.service import Service, read_service
from kubeapi.registry import Registry
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, SERVICES
from kubeapi.watching import Delta
from kubesvc.remote.connect.addresses import Pool
from kubesvc.remote.connect.podports import Gateways
from kubesvc.remote.connect.pods import RemotePods, Selectors
from kubesvc.remote.connect.translation import (
    is_second_family,
    local_service,
    local_slice,
    missing_of_slice,
    pods_of_slice,
    ports_of_slice,
)
from kubesvc.remote.connect.writing import drop, put

OWN = frozenset({ObjectKey("default", "kubernetes"), ObjectKey("kube-system", "kube-dns")})
"""Services that the local cluster has itself: its API and its name server."""
NOT_CARRIED = "NotCarried"
"""The reason of the events about what port-forward does not carry."""

Record = Callable[[JSON, str, str, str], None]
"""Records an event about an object: its type, reason and message."""


class Mirror:
    """Keeps the local Store equal to what is followed of the remote cluster."""

    def __init__(self, registry: Registry, services: Pool, pods: Pool, gateways: Gateways, record: Record) -> None:
        self._registry = registry
        self._store = registry.store
        self._addresses = services
        self._record = record
        self._selectors = Selectors()
        self.pods = RemotePods(self._store, pods, gateways, self._selectors.mean)
        self._services: dict[ObjectKey, Service] = {}
        self._owners: dict[ObjectKey, list[Hashable]] = {}
        self._slices: dict[ObjectKey, dict[ObjectKey, JSON]] = {}
        self._service_of: dict[ObjectKey, ObjectKey] = {}
        self._missing: dict[ObjectKey, dict[ObjectKey | None, tuple[str, ...]]] = {}
        """Of each Service the sentences of its EndpointSlices, and its own at None."""
        self._reselected: set[str] = set()
        self._namespaces: dict[str, int] = {}

    @property
    def services(self) -> Mapping[ObjectKey, Service]:
        """The mirrored Services as the remote cluster has them."""
        return self._services

    def missing(self, service: ObjectKey) -> list[str]:
        """Return what of a Service is not carried, a sentence each."""
        return list(dict.fromkeys(each for said in self._missing.get(service, {}).values() for each in said))

    def update_service(self, delta: Delta) -> None:
        """Take a change of a Service; NoAddressError."""
        if delta.key in OWN:
            return
        if delta.new is None:
            self._drop_service(delta.key)
            return
        service = read_service(delta.new)
        is_new = delta.key not in self._services
        with self._translating(service) as translate:
            translated = local_service(delta.new, translate)
        if is_new:
            self._enter_namespace(delta.key.namespace)
        self._services[delta.key] = service
        put(self._store, SERVICES, translated.obj)
        self._tell(delta.key, None, translated.missing)
        for key, obj in self._slices.get(delta.key, {}).items():
            self._write_slice(key, obj)
        if self._selectors.set(delta.key, service.selector):
            self._reselected.add(delta.key.namespace)

    def update_slice(self, delta: Delta) -> None:
        """Take a change of an EndpointSlice."""
        service = service_of_slice(delta.new) if delta.new is not None else None
        before = self._service_of.pop(delta.key, None)
        if before is not None and before != service:
            del self._slices[before][delta.key]
            self._drop_slice(before, delta.key)
        if service is not None and delta.new is not None and service not in OWN:
            self._service_of[delta.key] = service
            self._slices.setdefault(service, {})[delta.key] = delta.new
            if service in self._services:
                self._write_slice(delta.key, delta.new)

    def settle(self) -> None:
        """Finish a batch of changes."""
        if self._reselected:
            reselected, self._reselected = self._reselected, set()
            self.pods.select_again(reselected)

    def _write_slice(self, key: ObjectKey, obj: JSON) -> None:
        service = self._service_of[key]
        if is_second_family(obj, self._services[service].ip_families):
            return
        self.pods.set_endpoints(key, dict(pods_of_slice(obj)), ports_of_slice(obj))
        put(self._store, ENDPOINTSLICES, local_slice(obj, self.pods.address))
        self._tell(service, key, tuple(missing_of_slice(obj)))

    def _drop_slice(self, service: ObjectKey, key: ObjectKey) -> None:
        drop(self._store, ENDPOINTSLICES, key)
        self.pods.set_endpoints(key, {}, frozenset())
        self._missing.get(service, {}).pop(key, None)

    def _drop_service(self, key: ObjectKey) -> None:
        if self._services.pop(key, None) is None:
            return
        drop(self._store, SERVICES, key)
        for each in self._slices.get(key, {}):
            self._drop_slice(key, each)
        self._missing.pop(key, None)
        for owner in self._owners.pop(key, ()):
            self._addresses.release(owner)
        if self._selectors.set(key, {}):
            self._reselected.add(key.namespace)
        self._leave_namespace(key.namespace)

    @contextmanager
    def _translating(self, service: Service) -> Iterator[Callable[[str], str]]:
        """Yield what gives a Service its addresses; those that it had before and has no more are free afterwards."""
        taken: list[Hashable] = []

        def translate(remote: str) -> str:
            owner: Hashable = service.key if remote == service.cluster_ips[0] else remote
            address = self._addresses.take(owner, remote)
            taken.append(owner)
            return address

        try:
            yield translate
        except BaseException:
            for owner in taken:
                self._addresses.release(owner)
            raise
        for owner in self._owners.get(service.key, ()):
            self._addresses.release(owner)
        self._owners[service.key] = taken

    def _tell(self, service: ObjectKey, source: ObjectKey | None, said: tuple[str, ...]) -> None:
        """Keep what an object says is not carried; an event tells of each sentence that is new."""
        known, obj = self.missing(service), self._store.find(SERVICES, service)
        self._missing.setdefault(service, {})[source] = said
        for each in dict.fromkeys(said):
            if each not in known and obj is not None:
                self._record(obj, "Normal", NOT_CARRIED, each)

    def _enter_namespace(self, name: str) -> None:
        if self._store.find(NAMESPACES, ObjectKey("", name)) is None:
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self._registry.create(NAMESPACES, namespace)
            self._namespaces[name] = 0
        if name in self._namespaces:
            self._namespaces[name] += 1

    def _leave_namespace(self, name: str) -> None:
        if name in self._namespaces:
            self._namespaces[name] -= 1
            if not self._namespaces[name]:
                del self._namespaces[name]
                drop(self._store, NAMESPACES, ObjectKey("", name))

"""The pods of the remote cluster that matter here: each has an address of its own, and a gateway at it. Pure.

Those matter that are endpoints of a mirrored Service, and those that its selector means: `explain` tells of pods that
are no endpoints yet. A pod is served from the moment when it is an endpoint until it is deleted, so that its
connections outlive its being an endpoint, as in a cluster. Pods may also not be listed, for want of permission; then
its endpoints say what there is to know of a pod, and it goes with the last of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kubeapi.meta import JSON, ObjectKey, key_of, labels_of
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import PODS
from kubeapi.store import Store
from kubeapi.watching import Delta
from kubesvc.remote.connect.addresses import Pool
from kubesvc.remote.connect.podports import Gateways, PodPorts
from kubesvc.remote.connect.translation import CARRIED, PodReference, local_pod, pod_of_endpoint
from kubesvc.remote.connect.writing import drop, put

Endpoints = Mapping[PodReference, JSON]
"""An endpoint of each pod of one EndpointSlice."""


@dataclass
class _Pod:
    """What is known of one pod. ``slices`` are the EndpointSlices that have it, with its endpoint and its ports."""

    reference: PodReference
    obj: JSON | None = None
    is_gone: bool = False
    address: str = ""
    slices: dict[ObjectKey, tuple[JSON, frozenset[int]]] = field(default_factory=dict)
    served: PodPorts | None = None

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.reference.namespace, self.reference.name)

    @property
    def remote_address(self) -> str:
        """Its address in the remote cluster, "" before it has one."""
        for endpoint, _ in self.slices.values():
            return str(endpoint["addresses"][0])
        return next(iter(read_pod(self.obj).ips), "") if self.obj is not None else ""

    @property
    def ports(self) -> frozenset[int]:
        declared = read_pod(self.obj).ports if self.obj is not None else ()
        own = frozenset(each.port for each in declared if each.protocol == CARRIED)
        return own.union(*(ports for _, ports in self.slices.values()))


class RemotePods:
    """Follows pods and the EndpointSlices that have them. ``is_selected`` tells which pods a Service means.

    ``are_listed`` is whether there will be ``update``s.
    """

    def __init__(self, store: Store, pool: Pool, gateways: Gateways, is_selected: Callable[[JSON], bool]) -> None:
        self.are_listed = True
        self._store = store
        self._pool = pool
        self._gateways = gateways
        self._is_selected = is_selected
        self._pods: dict[PodReference, _Pod] = {}
        self._of_slices: dict[ObjectKey, tuple[PodReference, ...]] = {}

    def address(self, reference: PodReference) -> str:
        """Return the address here of a pod that ``set_endpoints`` has named."""
        return self._pods[reference].address

    def update(self, delta: Delta) -> None:
        """Take a change of a Pod."""
        after = _reference(delta.new) if delta.new is not None else None
        if delta.old is not None and (before := _reference(delta.old)) != after and before in self._pods:
            gone = self._pods[before]
            gone.obj, gone.is_gone = None, True
            self._refresh(gone)
        if after is not None:
            pod = self._pods.setdefault(after, _Pod(after))
            pod.obj = delta.new
            self._refresh(pod)

    def set_endpoints(self, key: ObjectKey, endpoints: Endpoints, ports: frozenset[int]) -> None:
        """Note the pods of an EndpointSlice; they are served when this returns. Without any the slice is gone.

        A pod that it named before and does not name now is refreshed, and forgotten if nothing else knows of it.
        """
        for reference, endpoint in endpoints.items():
            pod = self._pods.setdefault(reference, _Pod(reference))
            pod.slices[key] = endpoint, ports
            self._refresh(pod)
        before, self._of_slices[key] = self._of_slices.get(key, ()), tuple(endpoints)
        for reference in before:
            if reference not in endpoints:
                pod = self._pods[reference]
                del pod.slices[key]
                self._refresh(pod)
        if not endpoints:
            del self._of_slices[key]

    def select_again(self, namespaces: Iterable[str]) -> None:
        """Look which pods of some namespaces the Services mean now."""
        wanted = frozenset(namespaces)
        for pod in [each for each in self._pods.values() if each.reference.namespace in wanted]:
            if not pod.slices:
                self._refresh(pod)

    def _refresh(self, pod: _Pod) -> None:
        if pod.obj is None and not pod.slices:
            self._forget(pod)
            return
        if not pod.address and pod.remote_address:
            pod.address = self._pool.take(pod.reference, pod.remote_address)
        self._serve(pod)
        if pod.is_gone:
            drop(self._store, PODS, pod.key, pod.reference.uid)
        elif pod.obj is not None and (pod.served or self._is_selected(pod.obj)):
            put(self._store, PODS, local_pod(pod.obj, pod.address))
        elif pod.slices and not self.are_listed:
            endpoint, _ = next(iter(pod.slices.values()))
            put(self._store, PODS, pod_of_endpoint(pod.reference, endpoint, pod.address))
        else:
            drop(self._store, PODS, pod.key, pod.reference.uid)

    def _serve(self, pod: _Pod) -> None:
        if pod.is_gone:
            if pod.served:
                self._gateways.end(pod.reference.uid)
                pod.served = None
            return
        if pod.slices or pod.served:
            wanted = PodPorts(pod.key, pod.reference.uid, pod.address, pod.ports)
            if wanted != pod.served:
                pod.served = wanted
                self._gateways.serve(wanted)

    def _forget(self, pod: _Pod) -> None:
        del self._pods[pod.reference]
        if pod.served:
            self._gateways.end(pod.reference.uid)
        if pod.address:
            self._pool.release(pod.reference)
        drop(self._store, PODS, pod.key, pod.reference.uid)


def _reference(obj: JSON) -> PodReference:
    key = key_of(obj)
    return PodReference(key.namespace, key.name, obj["metadata"].get("uid") or key.name)


class Selectors:
    """The selectors of the mirrored Services: which pods these mean."""

    def __init__(self) -> None:
        self._by_service: dict[ObjectKey, Mapping[str, str]] = {}
        self._index: dict[tuple[str, str, str], dict[ObjectKey, Mapping[str, str]]] = {}

    def set(self, service: ObjectKey, selector: Mapping[str, str]) -> bool:
        """Note the selector of a Service, {} for none; tell whether it is another one than before."""
        before = self._by_service.pop(service, {})
        if before:
            del self._index[_first(service.namespace, before)][service]
        if selector:
            self._by_service[service] = selector
            self._index.setdefault(_first(service.namespace, selector), {})[service] = selector
        return before != selector

    def mean(self, pod: JSON) -> bool:
        """Tell whether some Service of the pod's namespace selects it."""
        namespace, labels = key_of(pod).namespace, labels_of(pod)
        return any(
            selector.items() <= labels.items()
            for name, value in labels.items()
            for selector in self._index.get((namespace, name, value), {}).values()
        )


def _first(namespace: str, selector: Mapping[str, str]) -> tuple[str, str, str]:
    name, value = next(iter(selector.items()))
    return namespace, name, value

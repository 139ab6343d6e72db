"""Finds the Store's objects by owner, by label, by selector and by Service.

Reads return the Store's present state; the indexes only say where to look. Never writes, never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import NamedTuple

from kubeapi.customresources.definitions import CustomKinds
from kubeapi.meta import JSON, ObjectKey, controller_of, key_of, labels_of, matches_labels, matches_selector
from kubeapi.objects.claim import claims_of
from kubeapi.objects.endpointslice import service_of_slice
from kubeapi.objects.ingress import ingress_addresses
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.persistentvolume import read_volume
from kubeapi.objects.service import load_balancer_addresses
from kubeapi.objects.workload import read_workload
from kubeapi.scheme import (
    CONTROLLERREVISIONS,
    DAEMONSETS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    INGRESSES,
    JOBS,
    PERSISTENTVOLUMES,
    PODS,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    SERVICES,
    STATEFULSETS,
    Resource,
)
from kubeapi.store import Store
from kubeapi.watching import Delta
from kubecontroller.index import Index, SelectorIndex

_SELECTING = (REPLICASETS, DEPLOYMENTS, REPLICATIONCONTROLLERS, STATEFULSETS, DAEMONSETS, JOBS)
"""Workloads that have a selector and own what it selects."""
_OWNED = (PODS, REPLICASETS, JOBS, CONTROLLERREVISIONS)
"""What workloads own."""


class ObjectId(NamedTuple):
    """An object among those of all resources."""

    resource: Resource
    key: ObjectKey


class Listers:
    """Finds objects; ``refresh`` brings the indexes to the Store's state."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.customs = CustomKinds(store)
        self.dependents = Index[ObjectId](_owner_uids)
        self.services = SelectorIndex(_service_selector)
        self._selectors = {resource: SelectorIndex(_match_labels) for resource in _SELECTING}
        self._controlled = {resource: Index[ObjectKey](_controller_uid) for resource in _OWNED}
        self._labelled = {resource: Index[ObjectKey](_label_pairs) for resource in _OWNED}
        self._slices = Index[ObjectKey](_service_of_slice)
        self.bound_volumes = Index[ObjectKey](_bound_claim)
        self._pods_by_claim = Index[ObjectKey](_claim_keys)
        self.load_balancers = Index[ObjectKey](load_balancer_addresses)
        self.external_ips = Index[ObjectKey](_external_ips)
        self.ingresses = Index[ObjectKey](ingress_addresses)
        self._refreshers = self._by_resource()

    def _by_resource(self) -> dict[Resource, list[Callable[[ObjectKey, JSON | None], None]]]:
        """Return what follows the objects of each resource."""
        followers: dict[Resource, list[Callable[[ObjectKey, JSON | None], None]]] = {
            SERVICES: [self.services.refresh, self.load_balancers.refresh, self.external_ips.refresh],
            ENDPOINTSLICES: [self._slices.refresh],
            INGRESSES: [self.ingresses.refresh],
            PERSISTENTVOLUMES: [self.bound_volumes.refresh],
            PODS: [self._pods_by_claim.refresh],
        }
        for indexes in (self._controlled, self._labelled, self._selectors):
            for resource, index in indexes.items():
                followers.setdefault(resource, []).append(index.refresh)
        return followers

    def refresh(self, resource: Resource, key: ObjectKey) -> None:
        """Bring the indexes to the Store's present state of one object."""
        obj = self.store.find(resource, key)
        self.dependents.refresh(ObjectId(resource, key), obj)
        for refresh in self._refreshers.get(resource, ()):
            refresh(key, obj)

    def controlled_by(self, resource: Resource, owner: JSON) -> list[JSON]:
        """Return the objects with a controller reference to ``owner``."""
        return self._present(resource, self._controlled[resource].having(owner["metadata"]["uid"]))

    def orphans(self, resource: Resource, namespace: str, selector: JSON) -> list[JSON]:
        """Return the objects without a controller that a LabelSelector selects."""
        pairs = map_at(selector, "matchLabels")
        found = self.labelled(resource, namespace, pairs) if pairs else self.store.list(resource, namespace)
        return [obj for obj in found if controller_of(obj) is None and matches_selector(selector, labels_of(obj))]

    def candidates(self, resource: Resource, owner: JSON) -> list[JSON]:
        """Return the objects that a workload controls, and the orphans that it selects."""
        orphans = self.orphans(resource, owner["metadata"]["namespace"], owner["spec"]["selector"])
        return [*self.controlled_by(resource, owner), *orphans]

    def owners_of(self, resource: Resource, delta: Delta) -> list[ObjectKey]:
        """Return the workloads of a resource that control an object before or after a change, or may adopt it."""
        keys: list[ObjectKey] = []
        namespace = delta.key.namespace
        for obj in (delta.old, delta.new):
            if obj is None:
                continue
            controller = controller_of(obj)
            if controller is None:
                keys += self.selecting(resource, namespace, labels_of(obj))
            elif controller["kind"] == resource.kind:
                keys.append(ObjectKey(namespace, controller["name"]))
        return keys

    def labelled(self, resource: Resource, namespace: str, selector: dict[str, str]) -> list[JSON]:
        """Return the objects of a namespace that have all labels of a selector that is not empty."""
        index = self._labelled[resource]
        # A walk over the objects with the rarest of the labels is enough: they must have the others too.
        rarest = min((index.having((namespace, *pair)) for pair in selector.items()), key=len)
        return [obj for obj in self._present(resource, rarest) if matches_labels(selector, labels_of(obj))]

    def selecting(self, resource: Resource, namespace: str, labels: dict[str, str]) -> list[ObjectKey]:
        """Return the workloads of a resource that select ``labels``."""
        found = self._present(resource, self._selectors[resource].selecting(namespace, labels))
        return [key_of(obj) for obj in found if matches_selector(read_workload(obj).selector, labels)]

    def slices_of(self, service: ObjectKey) -> list[JSON]:
        """Return the EndpointSlices with the Service's name as their label, whatever manages them."""
        return self._present(ENDPOINTSLICES, self._slices.having(service))

    def volumes_for(self, claim: ObjectKey) -> list[JSON]:
        """Return the PersistentVolumes that are kept for a claim or for none."""
        having = self.bound_volumes.having
        return self._present(PERSISTENTVOLUMES, [*having(claim), *having(None)])

    def pods_with_claim(self, claim: ObjectKey) -> list[JSON]:
        """Return the pods with a volume that names a claim."""
        return self._present(PODS, self._pods_by_claim.having(claim))

    def _present(self, resource: Resource, keys: Collection[ObjectKey]) -> list[JSON]:
        find = self.store.find
        return [obj for key in keys if (obj := find(resource, key)) is not None]


def _owner_uids(obj: JSON) -> Iterable[Hashable]:
    return [each.get("uid") for each in list_at(obj, "metadata", "ownerReferences")]


def _controller_uid(obj: JSON) -> Iterable[Hashable]:
    reference = controller_of(obj)
    return [reference.get("uid")] if reference else []


def _label_pairs(obj: JSON) -> Iterable[Hashable]:
    namespace = obj["metadata"].get("namespace", "")
    return [(namespace, name, value) for name, value in labels_of(obj).items()]


def _service_selector(service: JSON) -> dict[str, str] | None:
    spec = service["spec"]
    return None if spec.get("type") == "ExternalName" else spec.get("selector") or None


def _match_labels(obj: JSON) -> dict[str, str]:
    return read_workload(obj).match_labels


def _service_of_slice(obj: JSON) -> Iterable[Hashable]:
    service = service_of_slice(obj)
    return [service] if service else []


def _external_ips(service: JSON) -> Iterable[Hashable]:
    return dict.fromkeys(list_at(service, "spec", "externalIPs"))


def _bound_claim(volume: JSON) -> Iterable[Hashable]:
    reference = read_volume(volume).claim_reference
    return [None if reference is None else ObjectKey(reference.get("namespace") or "", reference.get("name") or "")]


def _claim_keys(pod: JSON) -> Iterable[Hashable]:
    return {ObjectKey(pod["metadata"]["namespace"], each.name): None for each in claims_of(pod)}

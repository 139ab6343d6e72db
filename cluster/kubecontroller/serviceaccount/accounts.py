"""The ServiceAccount ``default`` and the ConfigMap with the authority's certificate, in every namespace.

Pure. Follows k8s.io/kubernetes ``pkg/controller/serviceaccount`` (serviceaccounts_controller.go) and
``pkg/controller/certificates/rootcacertpublisher``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeapi.meta import JSON, ObjectKey, annotations_of, is_terminating
from kubeapi.objects.serviceaccount import DEFAULT_ACCOUNT, ROOT_CA, ROOT_CA_KEY
from kubeapi.scheme import CONFIGMAPS, NAMESPACES, SERVICEACCOUNTS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Create, Update
from kubecontroller.listers import Listers

_DESCRIPTION = "kubernetes.io/description"
_TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the"
    " internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes"
    " clusters."
)


class ServiceAccountController:
    """Makes the ServiceAccount ``default`` in every namespace that is not being deleted, again if it is deleted."""

    name = "service-account-controller"
    resource = NAMESPACES
    watches = (NAMESPACES, SERVICEACCOUNTS)

    def __init__(self, listers: Listers) -> None:
        self._store = listers.store

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Namespace to look at after a change."""
        return _namespaces(resource, delta, DEFAULT_ACCOUNT)

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the creation of what is missing."""
        if not _is_alive(self._store.find(NAMESPACES, key)):
            return []
        if self._store.find(SERVICEACCOUNTS, ObjectKey(key.name, DEFAULT_ACCOUNT)) is not None:
            return []
        return [Create(SERVICEACCOUNTS, _object("ServiceAccount", key.name, DEFAULT_ACCOUNT))]


class RootCAPublisher:
    """Keeps the ConfigMap kube-root-ca.crt in every namespace as it has to be; ``authority`` returns it in PEM."""

    name = "root-ca-certificate-publisher"
    resource = NAMESPACES
    watches = (NAMESPACES, CONFIGMAPS)

    def __init__(self, listers: Listers, authority: Callable[[], str]) -> None:
        self._store = listers.store
        self._authority = authority

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Namespace to look at after a change."""
        if resource is not NAMESPACES and delta.new is not None and delta.key.name == ROOT_CA:
            return [ObjectKey("", delta.key.namespace)]
        return _namespaces(resource, delta, ROOT_CA)

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the creation of what is missing, or the change of what is not as it has to be."""
        if not _is_alive(self._store.find(NAMESPACES, key)):
            return []
        content = {ROOT_CA_KEY: self._authority()}
        stored = self._store.find(CONFIGMAPS, ObjectKey(key.name, ROOT_CA))
        if stored is None:
            made = _object("ConfigMap", key.name, ROOT_CA)
            made["metadata"]["annotations"] = {_DESCRIPTION: _TEXT}
            return [Create(CONFIGMAPS, {**made, "data": content})]
        if stored.get("data") == content and annotations_of(stored).get(_DESCRIPTION):
            return []
        metadata = {**stored["metadata"], "annotations": {**annotations_of(stored), _DESCRIPTION: _TEXT}}
        return [Update(CONFIGMAPS, {**stored, "metadata": metadata, "data": content})]


def _namespaces(resource: Resource, delta: Delta, name: str) -> list[ObjectKey]:
    """Return the Namespace that is new or in which the object of a name has gone."""
    if resource is NAMESPACES:
        return [delta.key] if delta.old is None and delta.new is not None else []
    return [ObjectKey("", delta.key.namespace)] if delta.new is None and delta.key.name == name else []


def _is_alive(namespace: JSON | None) -> bool:
    return namespace is not None and not is_terminating(namespace)


def _object(kind: str, namespace: str, name: str) -> JSON:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}

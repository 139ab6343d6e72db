"""What every cluster has from the start: namespaces, classes, and the Services of the API and of DNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeapi.allocation.pools import AddressPool
from kubeapi.kinds.namespace import INITIAL_NAMESPACES
from kubeapi.meta import JSON, ObjectKey, key_of, labels_of
from kubeapi.objects.apiservice import MANAGED_LABEL
from kubeapi.objects.claim import FOLDER_PROVISIONER
from kubeapi.objects.endpointslice import NAME_SERVER_PROXY, PROXY_NAME_LABEL
from kubeapi.objects.ingress import INGRESS_CONTROLLER
from kubeapi.objects.priority import SYSTEM_CLASSES, SystemClass
from kubeapi.objects.serviceaccount import DEFAULT_ACCOUNT, ROOT_CA
from kubeapi.objects.servicecidr import DEFAULT_NAME
from kubeapi.registry.servicecidrs import repair_addresses, set_service_cidr
from kubeapi.scheme import INGRESSCLASSES, NAMESPACES, PRIORITYCLASSES, SERVICES, STORAGECLASSES

if TYPE_CHECKING:
    from kubeapi.registry.registry import Registry

DEFAULT_CLASS = "standard"
"""The StorageClass of claims that name none."""
_DNS_POSITION = 10
"""kubeadm's convention: the DNS server has the tenth address of the service CIDR."""

BOOTSTRAPPING = "kubernetes.io/bootstrapping"
"""The label of the roles and bindings that every cluster has."""

_IN_EVERY_NAMESPACE = {("ServiceAccount", DEFAULT_ACCOUNT), ("ConfigMap", ROOT_CA)}
_OWN = {
    ObjectKey("kube-system", "extension-apiserver-authentication"),
    ObjectKey("default", "kubernetes"),
    ObjectKey("kube-system", "kube-dns"),
    *(ObjectKey("", name) for name in (*INITIAL_NAMESPACES, *SYSTEM_CLASSES, DEFAULT_CLASS, DEFAULT_NAME, "kubesvc")),
}


def bootstrap(registry: Registry, *, cluster_dns: str = "") -> None:
    """Create what is not there yet, and make the IPAddresses those of the Services; see ``create_missing``."""
    create_missing(registry, cluster_dns=cluster_dns)
    repair_addresses(registry)


def create_missing(registry: Registry, *, cluster_dns: str = "") -> None:
    """Create what is not there yet; ``cluster_dns`` is the DNS server's address, by default the CIDR's tenth.

    This is called every second, so its cost must not grow with the cluster.
    """
    for name in INITIAL_NAMESPACES:
        if registry.store.find(NAMESPACES, ObjectKey("", name)) is None:
            registry.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for name, value in SYSTEM_CLASSES.items():
        if registry.store.find(PRIORITYCLASSES, ObjectKey("", name)) is None:
            registry.create(PRIORITYCLASSES, _priority_class(name, value))
    for storage_class in () if registry.store.list(STORAGECLASSES) else (_default_class(),):
        registry.create(STORAGECLASSES, storage_class)
    set_service_cidr(registry)
    pool = AddressPool(registry.config.service_cidrs[0], registry.rng)
    for service in (
        _kubernetes_service(pool.text_of(pool.pool.first)),
        _dns_service(cluster_dns or pool.text_of(pool.pool.first + _DNS_POSITION - 1)),
    ):
        if registry.store.find(SERVICES, key_of(service)) is None:
            registry.create(SERVICES, service)
    if registry.store.find(INGRESSCLASSES, key_of(_INGRESS_CLASS)) is None:
        registry.create(INGRESSCLASSES, _INGRESS_CLASS)


_INGRESS_CLASS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "kubesvc"},
    "spec": {"controller": INGRESS_CONTROLLER},
}
"""Not the default: an Ingress without a class is served as it is, and keeps the field empty, as on most clusters."""


def _default_class() -> JSON:
    """Return the class of claims that name none: a folder of this machine, which is there on every node at once."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": DEFAULT_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": FOLDER_PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }


def is_own(obj: JSON) -> bool:
    """Tell whether an object is one that the cluster makes for itself, here or by a controller in every namespace."""
    key = key_of(obj)
    is_everywhere = (obj["kind"], key.name) in _IN_EVERY_NAMESPACE
    labels = labels_of(obj)
    return key in _OWN or is_everywhere or BOOTSTRAPPING in labels or MANAGED_LABEL in labels


def _priority_class(name: str, system: SystemClass) -> JSON:
    return {
        "apiVersion": PRIORITYCLASSES.api_version,
        "kind": PRIORITYCLASSES.kind,
        "metadata": {"name": name},
        "value": system.value,
        "description": system.description,
    }


def _kubernetes_service(address: str) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": address,
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}],
        },
    }


def _dns_service(address: str) -> JSON:
    """Return Service kube-dns, labelled so that the proxy leaves it alone: the DNS server binds the address itself."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kube-dns",
            "namespace": "kube-system",
            "labels": {
                "k8s-app": "kube-dns",
                "kubernetes.io/cluster-service": "true",
                "kubernetes.io/name": "CoreDNS",
                PROXY_NAME_LABEL: NAME_SERVER_PROXY,
            },
        },
        "spec": {
            "clusterIP": address,
            "selector": {"k8s-app": "kube-dns"},
            "ports": [
                {"name": "dns", "protocol": "UDP", "port": 53, "targetPort": 53},
                {"name": "dns-tcp", "protocol": "TCP", "port": 53, "targetPort": 53},
            ],
        },
    }

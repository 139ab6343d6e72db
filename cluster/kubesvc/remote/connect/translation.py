"""Objects of the remote cluster as they are in the local one: the same, at addresses of this machine. Pure.

What port-forward cannot carry is left out where a client would wait for it in vain, so that it is refused at once, and
is said: UDP and SCTP, endpoints that are no pods, the second family of a dual-stack Service.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.endpointslice import read_endpoint_slice
from kubeapi.objects.parts import list_at, map_at, spec_of, status_of
from kubeapi.objects.service import HEADLESS, load_balancer_ingresses, read_service
from kubeproxy.types import IPV4, IPV6

CARRIED = "TCP"
"""The protocol that port-forward has (k8s.io/cri-api PortForward)."""

PODS_ALONE = "port-forward leads to pods alone"
"""Why an endpoint is not carried: the end of its sentence."""

_FQDN = "FQDN"
"""The type of addresses that are names."""
_KEPT_OF_POD = ("nodeName", "hostname", "subdomain", "readinessGates")
_KEPT_OF_CONTAINER = ("name", "image", "restartPolicy", "readinessProbe")

Translate = Callable[[str], str]
"""Returns the address of this machine for one of the remote cluster."""


class PodReference(NamedTuple):
    """The pod that an endpoint stands for. ``uid`` is its name if the slice does not say its uid."""

    namespace: str
    name: str
    uid: str


class Translated(NamedTuple):
    """An object of the local cluster, and what of the remote one's is not carried, a sentence each."""

    obj: JSON
    missing: tuple[str, ...] = ()


def local_service(obj: JSON, translate: Translate) -> Translated:
    """Return a Service at addresses of this machine."""
    service, spec = read_service(obj), dict(spec_of(obj))
    for field in ("loadBalancerIP", "loadBalancerSourceRanges", "healthCheckNodePort"):
        spec.pop(field, None)
    # An API server keeps those of an ExternalName, and warns that they mean nothing.
    externals = () if service.is_external_name else service.external_ips
    external = [translate(each) for each in externals if ":" not in each]
    if "externalIPs" in spec:
        spec["externalIPs"] = external
    if service.cluster_ips and not service.is_external_name:
        own = HEADLESS if service.is_headless else translate(service.cluster_ips[0])
        spec |= {"clusterIP": own, "clusterIPs": [own], "ipFamilies": [IPV4], "ipFamilyPolicy": "SingleStack"}
    new = {**obj, "spec": spec}
    if service.load_balancer_ips:
        ingress = [_ingress(each, translate) for each in load_balancer_ingresses(obj)]
        new["status"] = {**status_of(obj), "loadBalancer": {"ingress": [each for each in ingress if each]}}
    return Translated(new, tuple(_missing_of_service(obj)))


def _ingress(ingress: JSON, translate: Translate) -> JSON:
    if ":" in ingress.get("ip", ""):
        return {}
    return {**ingress, "ip": translate(ingress["ip"])} if ingress.get("ip") else ingress


def _missing_of_service(obj: JSON) -> Iterator[str]:
    service = read_service(obj)
    for port in service.ports:
        if port.protocol != CARRIED:
            yield f"{port.port}/{port.protocol}: port-forward carries {CARRIED} alone"
    if len(service.ip_families) > 1:
        yield "IPv6: a dual-stack Service answers by IPv4 alone"
    if service.load_balancer_source_ranges:
        yield "loadBalancerSourceRanges: clients of this machine have other addresses, so all are let in"


def missing_of_slice(obj: JSON) -> Iterator[str]:
    """Yield what is not carried of an EndpointSlice."""
    for endpoint in obj.get("endpoints") or ():
        if _pod_of(endpoint, obj) is None:
            shown = ", ".join(endpoint.get("addresses") or ())
            how = "dialled from this machine" if is_same_everywhere(endpoint) else PODS_ALONE
            yield f"endpoint {shown} is no pod: {how}"


def pods_of_slice(obj: JSON) -> Iterator[tuple[PodReference, JSON]]:
    """Yield the pods of an EndpointSlice's endpoints, each with its endpoint."""
    for endpoint in obj.get("endpoints") or ():
        if (pod := _pod_of(endpoint, obj)) is not None and endpoint.get("addresses"):
            yield pod, endpoint


def _pod_of(endpoint: JSON, obj: JSON) -> PodReference | None:
    """Return the pod of an endpoint of an EndpointSlice, None if it is none. A name is none, as for kube-proxy."""
    target = map_at(endpoint, "targetRef")
    name = target.get("name", "")
    if target.get("kind") != "Pod" or not name or obj.get("addressType") == _FQDN:
        return None
    return PodReference(obj["metadata"].get("namespace", ""), name, target.get("uid") or name)


def ports_of_slice(obj: JSON) -> frozenset[int]:
    """Return the ports of an EndpointSlice that can be carried."""
    return frozenset(each.port for each in read_endpoint_slice(obj).ports if each.protocol == CARRIED and each.port)


def is_second_family(obj: JSON, ip_families: Collection[str]) -> bool:
    """Tell whether an EndpointSlice has the addresses of a Service's pods that are not used, as it has others."""
    return obj.get("addressType") == IPV6 and IPV4 in ip_families


def local_slice(obj: JSON, addresses: Callable[[PodReference], str]) -> JSON:
    """Return an EndpointSlice at addresses of this machine, with the endpoints and ports that can be carried.

    An endpoint outside the cluster stays if its address means the same host everywhere.
    """
    endpoints = []
    for endpoint in obj.get("endpoints") or ():
        pod = _pod_of(endpoint, obj)
        if pod is not None and endpoint.get("addresses"):
            endpoints.append({**endpoint, "addresses": [addresses(pod)]})
        elif is_same_everywhere(endpoint):
            endpoints.append(endpoint)
    ports = [each for each in obj.get("ports") or () if (each.get("protocol") or CARRIED) == CARRIED]
    return {**obj, "addressType": IPV4, "endpoints": endpoints, "ports": ports}


def is_same_everywhere(endpoint: JSON) -> bool:
    """Tell whether an endpoint has a public IPv4 address, which this machine dials itself."""
    for text in endpoint.get("addresses") or ():
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if address.version != 4 or not address.is_global:
            return False
    return True


def slim_pod(obj: JSON) -> JSON:
    """Return what of a Pod is kept: no environment, no volumes, and of a node neither its ports nor its address."""
    spec, status = spec_of(obj), status_of(obj)
    kept: JSON = {name: spec[name] for name in _KEPT_OF_POD if name in spec}
    for field in ("containers", "initContainers"):
        if field in spec:
            kept[field] = [_container(each) for each in list_at(spec, field)]
    own = {name: each for name, each in status.items() if name not in ("hostIP", "hostIPs")}
    return {**obj, "spec": kept, "status": own}


def local_pod(obj: JSON, address: str) -> JSON:
    """Return a Pod (``slim_pod``) at an address of this machine, "" for one that has none yet."""
    status = {name: each for name, each in status_of(obj).items() if name not in ("podIP", "podIPs")}
    if address:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    return {**obj, "status": status}


def _container(container: JSON) -> JSON:
    kept: JSON = {name: container[name] for name in _KEPT_OF_CONTAINER if name in container}
    if container.get("ports"):
        kept["ports"] = [_port(each) for each in container["ports"]]
    return kept


def _port(port: JSON) -> JSON:
    return {name: each for name, each in port.items() if name not in ("hostPort", "hostIP")}


def pod_of_endpoint(pod: PodReference, endpoint: JSON, address: str) -> JSON:
    """Return a Pod as far as its endpoint says what it is, where Pods may not be listed."""
    is_ready = map_at(endpoint, "conditions").get("ready") is not False
    condition = {"type": "Ready", "status": "True" if is_ready else "False"}
    spec = {"containers": [], **({"nodeName": endpoint["nodeName"]} if endpoint.get("nodeName") else {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        "spec": spec,
        "status": {"phase": "Running", "conditions": [condition], "podIP": address, "podIPs": [{"ip": address}]},
    }

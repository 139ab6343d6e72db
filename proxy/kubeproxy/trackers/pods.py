"""The own addresses of pods that the host is to reach, and the ports of nodes that lead to pods. Pure.

Where pods have networks of their own, the host has no route to them: the proxy relays a pod's ports there, those that
its containers declare and those where Services, headless ones too, have it as their endpoint. A ``hostPort`` answers at
the pod's node, as the CNI plug-in portmap makes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.endpointslice import read_endpoint_slice
from kubeapi.objects.pod import PodPort, read_pod
from kubeproxy.rules import PortRule
from kubeproxy.rules.nodes import Nodes
from kubeproxy.rules.portrule import pod_port_rule
from kubeproxy.types import IPV4, Destination, Endpoint, ListenerKind, ServicePort, ServicePortName, pod_rules_key

_Port = tuple[int, str]
"""A number and a protocol."""


class _Pod(NamedTuple):
    ip: str
    node_name: str
    created: str
    ports: tuple[PodPort, ...]


class PodTracker:
    """The pods that have an IPv4 address and have not ended, by the keys of their rules (``pod_rules_key``)."""

    def __init__(self) -> None:
        self._pods: dict[ObjectKey, _Pod] = {}
        self._of_slices: dict[ObjectKey, frozenset[tuple[ObjectKey, _Port]]] = {}
        self._served: dict[ObjectKey, Counter[_Port]] = {}
        """The ports at which slices have a pod as an endpoint, and in how many of them."""
        self._changed: set[ObjectKey] = set()

    @property
    def keys(self) -> Collection[ObjectKey]:
        """The keys of the pods."""
        return self._pods.keys()

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Pod's new state, None when it is deleted."""
        key, after = pod_rules_key(key), None if obj is None else _read(obj)
        if after == self._pods.get(key):
            return
        self._changed.add(key)
        if after is None:
            del self._pods[key]
        else:
            self._pods[key] = after

    def update_slice(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record an EndpointSlice's new state, None when it is deleted."""
        before = self._of_slices.pop(key, frozenset[tuple[ObjectKey, _Port]]())
        after = frozenset(() if obj is None else _read_slice(key, obj))
        if after:
            self._of_slices[key] = after
        for pod, port in before - after:
            self._served[pod][port] -= 1
            if not self._served[pod][port]:
                del self._served[pod][port]
        for pod, port in after - before:
            self._served.setdefault(pod, Counter())[port] += 1
        changed = {pod for pod, _ in before ^ after}
        self._changed |= changed & self._pods.keys()
        for pod in changed:
            if not self._served[pod]:
                del self._served[pod]

    def take_changes(self) -> set[ObjectKey]:
        """Return the keys of the pods that have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def rules(self, key: ObjectKey, nodes: Nodes) -> tuple[PortRule, ...]:
        """Return the rules of a pod's ports, () for a pod that is gone."""
        pod = self._pods.get(key)
        if pod is None:
            return ()
        declared = {(each.port, each.protocol) for each in pod.ports}
        return tuple(_rule(key, pod, port, nodes) for port in sorted(declared | set(self._served.get(key, ()))))


def _read(obj: JSON) -> _Pod | None:
    pod = read_pod(obj)
    ip = pod.ip_of(IPV4)
    if ip is None or pod.is_finished:
        return None
    return _Pod(ip, pod.node_name, obj["metadata"].get("creationTimestamp") or "", pod.ports)


def _read_slice(key: ObjectKey, obj: JSON) -> Iterator[tuple[ObjectKey, _Port]]:
    found = read_endpoint_slice(obj)
    for endpoint in found.endpoints if found.address_type == IPV4 else ():
        if endpoint.target:
            pod = pod_rules_key(ObjectKey(key.namespace, endpoint.target))
            yield from ((pod, (port.port, port.protocol)) for port in found.ports if port.port)


def _rule(key: ObjectKey, pod: _Pod, port: _Port, nodes: Nodes) -> PortRule:
    number, protocol = port
    name = ServicePortName(key.namespace, key.name, str(number), protocol)
    target = key.name.partition("/")[2]
    endpoint = Endpoint(pod.ip, number, node_name=pod.node_name, target=target)
    wanted = [(Destination(pod.ip, number, protocol), ListenerKind.POD)]
    for each in pod.ports:
        if (each.port, each.protocol) == port and each.host_port:
            hosts = _host_addresses(each.host_ip, pod.node_name, nodes)
            wanted += [(Destination(host, each.host_port, protocol), ListenerKind.HOST_PORT) for host in hosts]
    # A pod in the network of its node declares its own port as a hostPort: it answers there by itself.
    return pod_port_rule(
        ServicePort(name, (pod.created, 0), (), number), endpoint, tuple(dict(reversed(wanted)).items())
    )


def _host_addresses(host_ip: str, node_name: str, nodes: Nodes) -> tuple[str, ...]:
    """Return the addresses where a hostPort answers: the one that it names, or those of its node."""
    if host_ip and not ip_address(host_ip).is_unspecified:
        return (host_ip,) if ":" not in host_ip else ()
    node = nodes.by_name.get(node_name)
    return tuple(each for each in node.addresses if ":" not in each) if node else ()

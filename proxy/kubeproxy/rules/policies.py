"""What NetworkPolicies let through: for each new connection between two addresses, and why. Pure.

A pod that a policy of its namespace selects is isolated in that policy's directions: then one of these policies has to
let the connection through. Both ends are asked, the source for its egress and the destination for its ingress. What
comes from the pod itself, or from and to a node, is let through: kubelet, host network and gateways are the node's, and
one network stands for all nodes. Follows the API's text (k8s.io/api ``networking/v1``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeapi.objects.networkpolicy import EGRESS, INGRESS, IPBlock, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from kubeproxy.types import Destination

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""The label that every namespace has, with its name."""


class PolicyPod(NamedTuple):
    """What policies ask of a pod with a network of its own; ``ports`` are (name, protocol, number)."""

    key: ObjectKey
    ips: tuple[str, ...]
    labels: dict[str, str]
    ports: tuple[tuple[str, str, int], ...] = ()


class Judgement(NamedTuple):
    """What the policies of one end say: ``isolating`` select the ``pod``, ``admitting`` lets through (None: none)."""

    direction: str
    pod: ObjectKey
    isolating: tuple[ObjectKey, ...]
    admitting: ObjectKey | None


@dataclass(frozen=True)
class Policies:
    """All NetworkPolicies at one moment, with the pods by their addresses. Treat the mappings as read-only.

    ``namespaces`` are their labels by their names.
    """

    policies: Mapping[ObjectKey, NetworkPolicy] = field(default_factory=dict)
    pods: Mapping[str, PolicyPod] = field(default_factory=dict)
    namespaces: Mapping[str, dict[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.policies)

    def isolating(self, pod: PolicyPod, direction: str) -> tuple[ObjectKey, ...]:
        """Return the policies that isolate a pod in a direction, by their names."""
        return tuple(
            each.key
            for each in self._by_namespace.get(pod.key.namespace, ())
            if each.rules(direction) is not None and each.pods.matches(pod.labels)
        )

    @cached_property
    def _by_namespace(self) -> dict[str, list[NetworkPolicy]]:
        found: dict[str, list[NetworkPolicy]] = {}
        for key in sorted(self.policies):
            found.setdefault(key.namespace, []).append(self.policies[key])
        return found

    def judge(self, source: str, destination: Destination) -> tuple[Judgement, ...]:
        """Return what the policies of both ends say of a new connection, () if neither is isolated.

        Neither end may be a node's own address.
        """
        return () if source == destination.address else tuple(self._judge(source, destination))

    def _judge(self, source: str, destination: Destination) -> Iterator[Judgement]:
        sender, receiver = self.pods.get(source), self.pods.get(destination.address)
        for direction, pod, peer in ((EGRESS, sender, destination.address), (INGRESS, receiver, source)):
            isolating = self.isolating(pod, direction) if pod is not None else ()
            if pod is not None and isolating:
                admitting = (each for each in isolating if self.admits(each, direction, peer, destination))
                yield Judgement(direction, pod.key, isolating, next(admitting, None))

    def admits(self, policy: ObjectKey, direction: str, peer: str, destination: Destination) -> bool:
        """Tell whether a rule of a policy lets through what has the address ``peer`` at the other end."""
        return any(
            self._has_port(rule, destination) and self._has_peer(policy.namespace, rule, peer)
            for rule in self.policies[policy].rules(direction) or ()
        )

    def _has_peer(self, namespace: str, rule: PolicyRule, address: str) -> bool:
        return not rule.peers or any(self.is_peer(each, namespace, address) for each in rule.peers)

    def is_peer(self, peer: PolicyPeer, namespace: str, address: str) -> bool:
        """Tell whether an address is meant by a peer of a policy in ``namespace``."""
        if peer.block is not None:
            return is_in_block(peer.block, address)
        pod = self.pods.get(address)
        return pod is not None and self.selects(peer, namespace, pod)

    def selects(self, peer: PolicyPeer, namespace: str, pod: PolicyPod) -> bool:
        """Tell whether a peer of a policy in ``namespace`` selects a pod."""
        if peer.namespaces is None:
            is_there = pod.key.namespace == namespace
        else:
            labels = self.namespaces.get(pod.key.namespace) or {NAMESPACE_LABEL: pod.key.namespace}
            is_there = peer.namespaces.matches(labels)
        return is_there and (peer.pods is None or peer.pods.matches(pod.labels))

    def _has_port(self, rule: PolicyRule, destination: Destination) -> bool:
        if not rule.ports:
            return True
        pod = self.pods.get(destination.address)
        return any(has_port(each, destination, pod.ports if pod is not None else ()) for each in rule.ports)


NO_POLICIES = Policies()


def denial(judged: tuple[Judgement, ...]) -> Judgement | None:
    """Return the first end whose policies let a connection not through, None if it may pass."""
    return next((each for each in judged if each.admitting is None), None)


def has_port(wanted: PolicyPort, destination: Destination, named: tuple[tuple[str, str, int], ...]) -> bool:
    """Tell whether a destination has the port that a rule names; ``named`` are those that the pod there declares."""
    if wanted.protocol != destination.protocol:
        return False
    if isinstance(wanted.port, str):
        return (wanted.port, wanted.protocol, destination.port) in named
    return wanted.port is None or wanted.port <= destination.port <= (wanted.end or wanted.port)


def is_in_block(block: IPBlock, address: str) -> bool:
    """Tell whether an address is in a block."""
    number = ip_address(address)
    return number in network(block.cidr) and not any(number in network(each) for each in block.excepts)


@lru_cache(maxsize=4096)
def network(cidr: str) -> IPv4Network | IPv6Network:
    """Return the network of a CIDR in text form."""
    return ip_network(cidr, strict=False)

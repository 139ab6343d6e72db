"""What a NetworkPolicy says (k8s.io/api ``networking/v1``): which pods it isolates, and what it lets in or out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, key_of, matches_selector
from kubeapi.objects.parts import list_at, map_at, spec_of

INGRESS, EGRESS = "Ingress", "Egress"
"""The two policyTypes: what comes to a pod, and what leaves it."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A LabelSelector as a value: two with the same ``text`` are the same."""

    text: str
    selector: JSON = field(compare=False, repr=False)

    @classmethod
    def of(cls, selector: JSON) -> Selector:
        """Return the value of a LabelSelector."""
        return cls(json.dumps(selector, sort_keys=True), selector)

    def matches(self, labels: dict[str, str]) -> bool:
        """Tell whether labels satisfy it."""
        return matches_selector(self.selector, labels)


class IPBlock(NamedTuple):
    """The addresses of a CIDR without those of ``excepts``."""

    cidr: str
    excepts: tuple[str, ...]


class PolicyPeer(NamedTuple):
    """What a rule lets in or out: a ``block``, or pods by their labels and by those of their namespaces.

    Without ``namespaces`` it is the policy's own namespace that counts, without ``pods`` all pods do.
    """

    pods: Selector | None = None
    namespaces: Selector | None = None
    block: IPBlock | None = None


class PolicyPort(NamedTuple):
    """A port of the destination: a number, the first up to ``end``, a container port's name, or any (None)."""

    protocol: str
    port: int | str | None
    end: int | None = None


class PolicyRule(NamedTuple):
    """Lets through what has one of the ``peers`` and one of the ``ports``; () are all."""

    peers: tuple[PolicyPeer, ...]
    ports: tuple[PolicyPort, ...]


class NetworkPolicy(NamedTuple):
    """``ingress`` and ``egress`` are the rules, None where the policy says nothing of that direction."""

    key: ObjectKey
    pods: Selector
    ingress: tuple[PolicyRule, ...] | None
    egress: tuple[PolicyRule, ...] | None

    def rules(self, direction: str) -> tuple[PolicyRule, ...] | None:
        """Return the rules of a direction."""
        return self.ingress if direction == INGRESS else self.egress


def read_network_policy(obj: JSON) -> NetworkPolicy:
    """Return what a NetworkPolicy says; policyTypes that are missing are as the API's default has them."""
    spec = spec_of(obj)
    types = spec.get("policyTypes") or ([INGRESS, EGRESS] if spec.get("egress") else [INGRESS])
    return NetworkPolicy(
        key_of(obj),
        Selector.of(map_at(spec, "podSelector")),
        _rules(spec, "ingress", "from") if INGRESS in types else None,
        _rules(spec, "egress", "to") if EGRESS in types else None,
    )


def _rules(spec: JSON, name: str, peers: str) -> tuple[PolicyRule, ...]:
    return tuple(
        PolicyRule(tuple(map(_peer, list_at(each, peers))), tuple(map(_port, list_at(each, "ports"))))
        for each in list_at(spec, name)
    )


def _peer(peer: JSON) -> PolicyPeer:
    block = peer.get("ipBlock")
    if block is not None:
        return PolicyPeer(block=IPBlock(block["cidr"], tuple(list_at(block, "except"))))
    return PolicyPeer(_selector(peer, "podSelector"), _selector(peer, "namespaceSelector"))


def _selector(peer: JSON, name: str) -> Selector | None:
    return None if peer.get(name) is None else Selector.of(peer[name])


def _port(port: JSON) -> PolicyPort:
    return PolicyPort(port.get("protocol") or "TCP", port.get("port"), port.get("endPort"))

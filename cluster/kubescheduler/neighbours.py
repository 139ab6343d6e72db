"""What depends on other pods: pod affinity and anti-affinity, topology spread, and ports of the node.

Pure. Follows the filters and messages of k8s.io/kubernetes ``pkg/scheduler/framework/plugins`` (interpodaffinity,
podtopologyspread, nodeports). Preferences are the sums of their weights, which upstream normalises. Any
``namespaceSelector`` of a term is taken as one that selects all namespaces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, is_terminating, labels_of, matches_selector
from kubeapi.objects.parts import list_at, map_at

AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules"
SPREAD = "node(s) didn't match pod topology spread constraints"
SPREAD_LABEL = f"{SPREAD} (missing required label)"
PORTS = "node(s) didn't have free ports for the requested pod ports"

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_SPREAD_WEIGHT = 100
"""The weight of each pod in a domain; preferred terms have weights of 1 to 100."""


class Place(NamedTuple):
    """A Node with the pods that are assigned to it."""

    node: JSON
    pods: Sequence[JSON]


def has_constraints(pod: JSON) -> bool:
    """Tell whether a pod's own spec makes its place depend on other pods."""
    affinity = map_at(pod, "spec", "affinity")
    return bool(affinity.get("podAffinity") or affinity.get("podAntiAffinity") or _spreads(pod) or node_ports(pod))


def repels(pod: JSON) -> bool:
    """Tell whether an assigned pod may keep others from its node or domain."""
    return bool(_terms(pod, "podAntiAffinity", _REQUIRED) or node_ports(pod))


class Neighbourhood:
    """All places when one pod is to be scheduled; its methods answer for that pod."""

    def __init__(self, pod: JSON, places: Iterable[Place]) -> None:
        self._pod = pod
        self._places = {each.node["metadata"]["name"]: each for each in places}
        self._spread = [(each, self._counts(each)) for each in _spreads(pod)]
        self._repelled = [
            (term["topologyKey"], _domain(place.node, term["topologyKey"]))
            for place in self._places.values()
            for other in place.pods
            for term in _terms(other, "podAntiAffinity", _REQUIRED)
            if _matches(term, other, pod)
        ]

    def why_not(self, node: JSON) -> str | None:
        """Return why other pods, or their absence, keep the pod from a node; None if they do not."""
        wanted_ports = node_ports(self._pod)
        here = self._places[node["metadata"]["name"]].pods
        if wanted_ports and any(_collide(wanted_ports, node_ports(each)) for each in here):
            return PORTS
        if (reason := self._why_not_spread(node)) is not None:
            return reason
        if not all(self._attracts(term, node) for term in _terms(self._pod, "podAffinity", _REQUIRED)):
            return AFFINITY
        if any(self._count(term, node) for term in _terms(self._pod, "podAntiAffinity", _REQUIRED)):
            return ANTI_AFFINITY
        if any(_domain(node, key) == value for key, value in self._repelled if value is not None):
            return EXISTING_ANTI_AFFINITY
        return None

    def cost(self, node: JSON) -> int:
        """Return how far a node is from the pod's preferences; the lowest is the best."""
        spread = sum(
            counts[_domain(node, each["topologyKey"])]
            for each, counts in self._spread
            if each["whenUnsatisfiable"] == "ScheduleAnyway"
        )
        return self._weight("podAntiAffinity", node) - self._weight("podAffinity", node) + _SPREAD_WEIGHT * spread

    def _weight(self, kind: str, node: JSON) -> int:
        terms = _terms(self._pod, kind, _PREFERRED)
        return sum(int(each["weight"]) * self._count(each["podAffinityTerm"], node) for each in terms)

    def _why_not_spread(self, node: JSON) -> str | None:
        for constraint, counts in self._spread:
            if constraint["whenUnsatisfiable"] != "DoNotSchedule":
                continue
            domain = _domain(node, constraint["topologyKey"])
            if domain is None:
                return SPREAD_LABEL
            own = matches_selector(map_at(constraint, "labelSelector"), labels_of(self._pod))
            # Domains without pods are in ``counts``, so that their 0 is the minimum.
            if counts[domain] + own - min(counts.values()) > constraint["maxSkew"]:
                return SPREAD
        return None

    def _counts(self, constraint: JSON) -> Counter[str | None]:
        """Return how many pods of the constraint each domain has; a domain without pods has 0."""
        counts: Counter[str | None] = Counter()
        for place in self._places.values():
            domain = _domain(place.node, constraint["topologyKey"])
            if domain is not None:
                counts[domain] += sum(_is_counted(constraint, self._pod, other) for other in place.pods)
        return counts

    def _attracts(self, term: JSON, node: JSON) -> bool:
        """Tell whether the term is met there; the first pod of a group that attracts itself may go anywhere."""
        if self._count(term, node):
            return True
        is_first = not any(_matches(term, self._pod, other) for place in self._places.values() for other in place.pods)
        return is_first and _domain(node, term["topologyKey"]) is not None and _matches(term, self._pod, self._pod)

    def _count(self, term: JSON, node: JSON) -> int:
        """Return how many pods in the node's domain match the term."""
        domain = _domain(node, term["topologyKey"])
        if domain is None:
            return 0
        return sum(
            _matches(term, self._pod, other)
            for place in self._places.values()
            if _domain(place.node, term["topologyKey"]) == domain
            for other in place.pods
        )


_NodePort = tuple[str, str, int]
"""An address of the node, a protocol and a port."""
_ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - as a manifest has it, or leaves it out


def node_ports(pod: JSON) -> set[_NodePort]:
    """Return the ports of the node that the pod needs; with host network all that it declares."""
    is_host_network = bool(pod["spec"].get("hostNetwork"))
    return {
        (port.get("hostIP") or _ALL_ADDRESSES, port.get("protocol") or "TCP", number)
        for container in list_at(pod, "spec", "containers")
        for port in list_at(container, "ports")
        if (number := port.get("hostPort") or (port["containerPort"] if is_host_network else 0))
    }


def _collide(one: set[_NodePort], other: set[_NodePort]) -> bool:
    """Tell whether two pods need the same port, at one address or at all (HostPortInfo of pkg/scheduler/framework)."""
    return any(
        (protocol, port) == (other_protocol, other_port) and (ip == other_ip or _ALL_ADDRESSES in (ip, other_ip))
        for ip, protocol, port in one
        for other_ip, other_protocol, other_port in other
    )


def _terms(pod: JSON, kind: str, strength: str) -> Sequence[JSON]:
    return list_at(pod, "spec", "affinity", kind, strength)


def _spreads(pod: JSON) -> Sequence[JSON]:
    return list_at(pod, "spec", "topologySpreadConstraints")


def _domain(node: JSON, key: str) -> str | None:
    return labels_of(node).get(key)


def _matches(term: JSON, owner: JSON, other: JSON) -> bool:
    """Tell whether ``other`` matches a term of ``owner``; a term without namespaces is about the owner's own."""
    selector = term.get("labelSelector")
    if selector is None or not matches_selector(selector, labels_of(other)):
        return False
    if term.get("namespaceSelector") is not None:
        return True
    return other["metadata"].get("namespace") in (term.get("namespaces") or [owner["metadata"].get("namespace")])


def _is_counted(constraint: JSON, pod: JSON, other: JSON) -> bool:
    is_near = other["metadata"].get("namespace") == pod["metadata"].get("namespace")
    if not is_near or is_terminating(other):
        return False
    return matches_selector(map_at(constraint, "labelSelector"), labels_of(other))


def places_of(nodes: Mapping[str, JSON], pods: Mapping[str, Mapping[ObjectKey, JSON]]) -> Iterator[Place]:
    """Return every node with its pods."""
    return (Place(node, tuple(pods.get(name, {}).values())) for name, node in nodes.items())

"""Whom a pod wants beside it, and whom not: pod affinity, anti-affinity, topology spread, and ports of the node.

Pure. Follows the filters and messages of k8s.io/kubernetes ``pkg/scheduler/framework/plugins`` (interpodaffinity,
podtopologyspread, nodeports); of what is only preferred it weighs the terms, without their normalising. A term's
``namespaceSelector`` that is not empty is taken for all namespaces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, labels_of, matches_selector

AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules"
SPREAD = "node(s) didn't match pod topology spread constraints"
SPREAD_LABEL = f"{SPREAD} (missing required label)"
PORTS = "node(s) didn't have free ports for the requested pod ports"

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_SPREAD_WEIGHT = 100
"""Of one pod too many in a domain, beside the weights of 1 to 100 that preferred terms have."""


class Place(NamedTuple):
    """A Node and the pods that are on it or on their way there."""

    node: JSON
    pods: Sequence[JSON]


def has_wishes(pod: JSON) -> bool:
    """Tell whether a pod's own description says anything of its neighbours."""
    spec = pod["spec"]
    affinity = spec.get("affinity") or {}
    return bool(affinity.get("podAffinity") or affinity.get("podAntiAffinity") or _spreads(pod) or node_ports(pod))


def repels(pod: JSON) -> bool:
    """Tell whether a pod that has its place may keep others away."""
    return bool(_terms(pod, "podAntiAffinity", _REQUIRED) or node_ports(pod))


class Neighbourhood:
    """Every place as it is when one pod is to be scheduled; answers for that pod."""

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
        """Return why the neighbours, or the lack of them, keep the pod from a node; None if they do not."""
        wanted_ports = node_ports(self._pod)
        here = self._places[node["metadata"]["name"]].pods
        if any(wanted_ports & node_ports(each) for each in here):
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

    def dislike(self, node: JSON) -> int:
        """Return how little the pod would like to be there; less is better."""
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
            own = matches_selector(constraint.get("labelSelector") or {}, labels_of(self._pod))
            if counts[domain] + own - min(counts.values()) > constraint["maxSkew"]:
                return SPREAD
        return None

    def _counts(self, constraint: JSON) -> Counter[str | None]:
        """Return how many pods that the constraint counts each domain has, also those that have none."""
        counts: Counter[str | None] = Counter()
        for place in self._places.values():
            domain = _domain(place.node, constraint["topologyKey"])
            if domain is not None:
                counts[domain] += sum(_is_counted(constraint, self._pod, other) for other in place.pods)
        return counts

    def _attracts(self, term: JSON, node: JSON) -> bool:
        """Tell whether the term is met there; the first of a group that wants its own kind may go anywhere."""
        if self._count(term, node):
            return True
        is_first = not any(_matches(term, self._pod, other) for place in self._places.values() for other in place.pods)
        return is_first and _domain(node, term["topologyKey"]) is not None and _matches(term, self._pod, self._pod)

    def _count(self, term: JSON, node: JSON) -> int:
        """Return how many pods that the term speaks of are in the node's domain."""
        domain = _domain(node, term["topologyKey"])
        if domain is None:
            return 0
        return sum(
            _matches(term, self._pod, other)
            for place in self._places.values()
            if _domain(place.node, term["topologyKey"]) == domain
            for other in place.pods
        )


def node_ports(pod: JSON) -> set[tuple[str, int]]:
    """Return the protocols and ports that the pod takes of its node: of a host-network pod all that it declares."""
    is_host_network = bool(pod["spec"].get("hostNetwork"))
    return {
        (port.get("protocol") or "TCP", number)
        for container in pod["spec"].get("containers") or ()
        for port in container.get("ports") or ()
        if (number := port.get("hostPort") or (port["containerPort"] if is_host_network else 0))
    }


def _terms(pod: JSON, kind: str, strength: str) -> list[JSON]:
    found: list[JSON] = ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(strength) or []
    return found


def _spreads(pod: JSON) -> list[JSON]:
    found: list[JSON] = pod["spec"].get("topologySpreadConstraints") or []
    return found


def _domain(node: JSON, key: str) -> str | None:
    return labels_of(node).get(key)


def _matches(term: JSON, owner: JSON, other: JSON) -> bool:
    """Tell whether a term of ``owner`` speaks of ``other``; without namespaces it speaks of the owner's own."""
    selector = term.get("labelSelector")
    if selector is None or not matches_selector(selector, labels_of(other)):
        return False
    if term.get("namespaceSelector") is not None:
        return True
    return other["metadata"].get("namespace") in (term.get("namespaces") or [owner["metadata"].get("namespace")])


def _is_counted(constraint: JSON, pod: JSON, other: JSON) -> bool:
    is_near = other["metadata"].get("namespace") == pod["metadata"].get("namespace")
    is_leaving = bool(other["metadata"].get("deletionTimestamp"))
    return is_near and not is_leaving and matches_selector(constraint.get("labelSelector") or {}, labels_of(other))


def places_of(nodes: Mapping[str, JSON], pods: Mapping[str, Mapping[ObjectKey, JSON]]) -> Iterator[Place]:
    """Return every node with its pods."""
    return (Place(node, tuple(pods.get(name, {}).values())) for name, node in nodes.items())

"""Pod affinity and anti-affinity: which nodes they allow, and which they prefer. Pure.

Follows k8s.io/kubernetes ``pkg/scheduler/framework/plugins/interpodaffinity``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kubeapi.meta import JSON, labels_of, matches_selector
from kubeapi.objects.parts import list_at
from kubeapi.objects.placement import PREFERRED, REQUIRED
from kubescheduler.nodes import NodeInfo, World
from kubescheduler.refusal import Refusal, final, resolvable

NOT_ATTRACTED = "node(s) didn't match pod affinity rules"
REPELLED = "node(s) didn't match pod anti-affinity rules"
REPELLED_BY_OTHERS = "node(s) didn't satisfy existing pods anti-affinity rules"

HARD_WEIGHT = 1
"""What the required affinity of a pod that runs counts for one that it is about (hardPodAffinityWeight)."""

_Domain = tuple[str, str]
"""A topology key, and the value that nodes have for it."""


class Affinity:
    """Answers for one pod; all pods of the world are counted when it is made."""

    def __init__(self, pod: JSON, world: World) -> None:
        self._pod = pod
        self._world = world
        self._wanted = _terms(pod, "podAffinity", REQUIRED)
        self._avoided = _terms(pod, "podAntiAffinity", REQUIRED)
        self._attracting: Counter[_Domain] = Counter()
        self._repelling: Counter[_Domain] = Counter()
        self._repelled: set[_Domain] = set()
        self._weights: Counter[_Domain] = Counter()
        for info in world.infos:
            self._count(info)

    def _count(self, info: NodeInfo) -> None:
        labels = labels_of(info.node)
        for placed in info.affine.values():
            self._count_terms_of(placed.pod, labels)
        preferred = [*self._preferences(self._pod)]
        if not self._wanted and not self._avoided and not preferred:
            return
        for placed in info.pods.values():
            other = placed.pod
            if self._wanted and all(self._matches(each, self._pod, other) for each in self._wanted):
                self._attracting.update(_domains(self._wanted, labels))
            self._repelling.update(_domains((t for t in self._avoided if self._matches(t, self._pod, other)), labels))
            for term, weight in preferred:
                if self._matches(term, self._pod, other):
                    self._weigh(term, weight, labels)

    def _count_terms_of(self, other: JSON, labels: dict[str, str]) -> None:
        """Count what a pod on a node with these labels wants of the pod."""
        avoided = _terms(other, "podAntiAffinity", REQUIRED)
        self._repelled.update(_domains((each for each in avoided if self._matches(each, other, self._pod)), labels))
        hard = ((each, HARD_WEIGHT) for each in _terms(other, "podAffinity", REQUIRED))
        for term, weight in (*hard, *self._preferences(other)):
            if self._matches(term, other, self._pod):
                self._weigh(term, weight, labels)

    def _weigh(self, term: JSON, weight: int, labels: dict[str, str]) -> None:
        for domain in _domains((term,), labels):
            self._weights[domain] += weight

    def _preferences(self, pod: JSON) -> Iterator[tuple[JSON, int]]:
        """Yield the preferred terms of a pod with their weights, which are negative for anti-affinity."""
        for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
            yield from ((each["podAffinityTerm"], sign * int(each["weight"])) for each in _terms(pod, kind, PREFERRED))

    def _matches(self, term: JSON, owner: JSON, other: JSON) -> bool:
        """Tell whether ``other`` matches a term of ``owner``; without namespaces it is about the owner's own."""
        selector = term.get("labelSelector")
        if selector is None or not matches_selector(selector, labels_of(other)):
            return False
        namespace, spaces = other["metadata"].get("namespace", ""), term.get("namespaceSelector")
        if spaces is not None and matches_selector(spaces, dict(self._world.namespace_labels(namespace))):
            return True
        named = list_at(term, "namespaces")
        if not named and spaces is None:
            return bool(namespace == owner["metadata"].get("namespace", ""))
        return namespace in named

    def refusal(self, node: JSON) -> Refusal | None:
        """Return why other pods, or their absence, keep the pod from a node; None if they do not."""
        labels = labels_of(node)
        if self._wanted and not self._is_attracted(labels):
            return final(NOT_ATTRACTED)
        if any(self._repelling[each] for each in _domains(self._avoided, labels)):
            return resolvable(REPELLED)
        if any(labels.get(key) == value for key, value in self._repelled):
            return resolvable(REPELLED_BY_OTHERS)
        return None

    def _is_attracted(self, labels: dict[str, str]) -> bool:
        """Tell whether all terms are met there; the first pod of a group that attracts itself may go anywhere."""
        domains = list(_domains(self._wanted, labels))
        if len(domains) < len(self._wanted):
            return False
        if all(self._attracting[each] for each in domains):
            return True
        is_first = not any(self._attracting.values())
        return is_first and all(self._matches(each, self._pod, self._pod) for each in self._wanted)

    def scores(self, nodes: Sequence[JSON]) -> list[int]:
        """Return how much each of the nodes is preferred, 0 to 100."""
        weights = [
            sum(self._weights[domain] for domain in self._weights if labels_of(node).get(domain[0]) == domain[1])
            for node in nodes
        ]
        least, span = min(weights), max(weights) - min(weights)
        return [int(100 * ((each - least) / span)) if span else 0 for each in weights]


def pod_affinity(pod: JSON, world: World) -> Affinity | None:
    """Return a pod's affinity, None if neither it nor any other pod has some."""
    affinity = pod["spec"].get("affinity") or ()
    has_own = "podAffinity" in affinity or "podAntiAffinity" in affinity
    return Affinity(pod, world) if has_own or any(each.affine for each in world.infos) else None


def _terms(pod: JSON, kind: str, strength: str) -> Sequence[JSON]:
    return list_at(pod, "spec", "affinity", kind, strength)


def _domains(terms: Sequence[JSON] | Iterator[JSON], labels: dict[str, str]) -> Iterator[_Domain]:
    """Yield the domain of each term in which a node with these labels is."""
    for term in terms:
        key = term["topologyKey"]
        if key in labels:
            yield key, labels[key]

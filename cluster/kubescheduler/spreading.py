"""Topology spread constraints: which nodes they allow, and which they prefer. Pure.

Pods without constraints of their own are spread over nodes and zones with those of the same owner, rather than with
those that the owner's and the Services' selectors select. Follows k8s.io/kubernetes
``pkg/scheduler/framework/plugins/podtopologyspread``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import log

from kubeapi.meta import JSON, controller_of, is_terminating, labels_of, matches_selector
from kubeapi.objects.node import ZONE_LABEL
from kubeapi.objects.parts import list_at
from kubeapi.objects.placement import matches_node, tolerates
from kubescheduler.nodes import NodeInfo, World
from kubescheduler.refusal import Refusal, final, resolvable

UNEVEN = "node(s) didn't match pod topology spread constraints"
NO_LABEL = f"{UNEVEN} (missing required label)"
HOST_LABEL = "kubernetes.io/hostname"
DEFAULTS: tuple[tuple[str, int], ...] = ((HOST_LABEL, 3), (ZONE_LABEL, 5))
"""Topology keys and skews of the constraints that all pods of a workload have (systemDefaultConstraints)."""
SPREAD_OWNERS = ("ReplicaSet", "ReplicationController", "StatefulSet")
"""The kinds of these workloads (helper.DefaultSelector)."""


class Spread:
    """Answers for the constraints of one pod that must be met; its pods are counted when it is made."""

    def __init__(self, pod: JSON, constraints: Sequence[JSON], infos: Iterable[NodeInfo]) -> None:
        self._pod = pod
        keys = [each["topologyKey"] for each in constraints]
        counted = [info for info in infos if all(key in labels_of(info.node) for key in keys)]
        self._constraints = [(each, _counts(pod, each, counted)) for each in constraints]

    def refusal(self, node: JSON) -> Refusal | None:
        """Return why the constraints keep the pod from a node; None if they do not."""
        for constraint, counts in self._constraints:
            domain = labels_of(node).get(constraint["topologyKey"])
            if domain is None:
                return final(NO_LABEL)
            # Domains without pods are in ``counts``, so that their 0 is the least.
            least = min(counts.values(), default=0) if len(counts) >= (constraint.get("minDomains") or 1) else 0
            own = _selects(constraint, self._pod)
            if counts and counts[domain] + own - least > constraint["maxSkew"]:
                return resolvable(UNEVEN)
        return None


def pod_spread(pod: JSON, world: World) -> Spread | None:
    """Return the constraints of a pod that must be met, None without."""
    hard = [each for each in _constraints(pod) if each["whenUnsatisfiable"] == "DoNotSchedule"]
    return Spread(pod, hard, world.infos) if hard else None


def spread_scores(pod: JSON, owner: str, fitting: Sequence[NodeInfo], world: World) -> list[int]:
    """Return how much each of the fitting nodes is preferred so that pods are spread, 0 to 100; [] without wishes."""
    if own := _constraints(pod):
        soft = [each for each in own if each["whenUnsatisfiable"] == "ScheduleAnyway"]
        keys = [each["topologyKey"] for each in soft]
        rated = [info for info in fitting if all(key in labels_of(info.node) for key in keys)]
        wishes = [_Wish(each["topologyKey"], each["maxSkew"], _counter(pod, each)) for each in soft]
    else:
        wishes = [_Wish(key, skew, lambda info: info.owners[owner]) for key, skew in DEFAULTS]
        rated = list(fitting) if _owner_kind(pod) in SPREAD_OWNERS else []
    if not wishes or not rated:
        return []
    sums = {info.name: 0.0 for info in rated}
    for wish in wishes:
        for name, score in wish.scores(rated, world.infos):
            sums[name] += score
    return _normalised(fitting, {name: round(score) for name, score in sums.items()})


class _Wish:
    """A constraint that should be met: ``count`` returns how many of its pods a node has."""

    def __init__(self, key: str, skew: int, count: Callable[[NodeInfo], int]) -> None:
        self._key, self._skew, self._count = key, skew, count

    def scores(self, rated: Sequence[NodeInfo], infos: Sequence[NodeInfo]) -> Iterator[tuple[str, float]]:
        """Yield the names of the nodes that have the key, each with its count, weighted by the number of domains."""
        key, count = self._key, self._count
        domain_of = {info.name: labels_of(info.node).get(key) for info in infos}
        # Nodes without the label are a domain of their own for the weight, as in initPreScoreState.
        domains = dict.fromkeys((domain_of[each.name] for each in rated), 0)
        weight = log((len(rated) if key == HOST_LABEL else len(domains)) + 2)
        for info in infos:
            if (domain := domain_of[info.name]) in domains:
                domains[domain] += count(info)
        for info in rated:
            if (domain := domain_of[info.name]) is not None:
                yield info.name, domains[domain] * weight + (self._skew - 1)


def _normalised(fitting: Sequence[NodeInfo], sums: dict[str, int]) -> list[int]:
    least, most = min(sums.values()), max(sums.values())
    if not most:
        return [100 if each.name in sums else 0 for each in fitting]
    return [100 * (most + least - sums[each.name]) // most if each.name in sums else 0 for each in fitting]


def _owner_kind(pod: JSON) -> str:
    owner = controller_of(pod)
    return owner["kind"] if owner is not None else ""


def _constraints(pod: JSON) -> Sequence[JSON]:
    return list_at(pod, "spec", "topologySpreadConstraints")


def _counts(pod: JSON, constraint: JSON, infos: Iterable[NodeInfo]) -> Counter[str]:
    """Return how many pods of the constraint each domain has; a domain without pods has 0."""
    counts: Counter[str] = Counter()
    count = _counter(pod, constraint)
    for info in infos:
        if _is_included(pod, constraint, info.node):
            counts[labels_of(info.node)[constraint["topologyKey"]]] += count(info)
    return counts


def _counter(pod: JSON, constraint: JSON) -> Callable[[NodeInfo], int]:
    namespace = pod["metadata"].get("namespace")

    def count(info: NodeInfo) -> int:
        if not _is_included(pod, constraint, info.node):
            return 0
        others = (each.pod for each in info.pods.values())
        return sum(
            each["metadata"].get("namespace") == namespace and not is_terminating(each) and _selects(constraint, each)
            for each in others
        )

    return count


def _is_included(pod: JSON, constraint: JSON, node: JSON) -> bool:
    """Tell whether a node's pods count (matchNodeInclusionPolicies): by default if the pod may be there."""
    if constraint.get("nodeAffinityPolicy") != "Ignore" and not matches_node(pod["spec"], node):
        return False
    if constraint.get("nodeTaintsPolicy") != "Honor":
        return True
    tolerations = list_at(pod, "spec", "tolerations")
    hard = (each for each in list_at(node, "spec", "taints") if each.get("effect") in ("NoSchedule", "NoExecute"))
    return all(tolerates(tolerations, each) for each in hard)


def _selects(constraint: JSON, pod: JSON) -> bool:
    selector = constraint.get("labelSelector")
    return selector is not None and matches_selector(selector, labels_of(pod))

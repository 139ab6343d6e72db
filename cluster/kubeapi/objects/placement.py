"""Which nodes a pod's spec allows: its node selector, its node affinity, its tolerations. Pure.

Follows k8s.io/component-helpers ``scheduling/corev1`` (nodeaffinity, helpers.go); the scheduler and the controller of
DaemonSets ask it alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeapi.meta import JSON, labels_of, satisfies
from kubeapi.objects.parts import list_at, map_at

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def matches_node(spec: JSON, node: JSON) -> bool:
    """Tell whether a Node has the labels of a pod's nodeSelector and satisfies its required affinity."""
    labels = labels_of(node)
    if any(labels.get(name) != value for name, value in map_at(spec, "nodeSelector").items()):
        return False
    required = map_at(spec, "affinity", "nodeAffinity").get(REQUIRED)
    return required is None or satisfies_terms(list_at(required, "nodeSelectorTerms"), node)


def satisfies_terms(terms: Iterable[JSON], node: JSON) -> bool:
    """Tell whether a Node matches any of the terms of a node selector."""
    return any(_matches_term(term, node) for term in terms)


def named_nodes(spec: JSON) -> set[str] | None:
    """Return the nodes that a pod's required affinity names, None if it does not confine it to some by their names."""
    found: set[str] = set()
    terms = list_at(spec, "affinity", "nodeAffinity", REQUIRED, "nodeSelectorTerms")
    for term in terms:
        fields = [each for each in list_at(term, "matchFields") if each.get("operator") == "In"]
        if not fields:
            return None
        found |= set.intersection(*(set(each["values"]) for each in fields))
    return found if terms else None


def node_preference(spec: JSON, node: JSON) -> int:
    """Return the sum of the weights of the preferred terms that match the Node."""
    preferred = list_at(spec, "affinity", "nodeAffinity", PREFERRED)
    return sum(each["weight"] for each in preferred if _matches_term(each["preference"], node))


def tolerates(tolerations: Sequence[JSON], taint: JSON) -> bool:
    """Tell whether a toleration covers the taint (ToleratesTaint)."""
    for each in tolerations:
        if each.get("effect") not in {None, "", taint.get("effect")}:
            continue
        if each.get("key") not in {None, "", taint["key"]}:
            continue
        if each.get("operator") == "Exists" or (each.get("key") and each.get("value", "") == taint.get("value", "")):
            return True
    return False


def _matches_term(term: JSON, node: JSON) -> bool:
    expressions, fields = list_at(term, "matchExpressions"), list_at(term, "matchFields")
    if not expressions and not fields:
        return False
    names = {"metadata.name": node["metadata"]["name"]}
    return all(_satisfies(each, labels_of(node)) for each in expressions) and all(
        _satisfies(each, names) for each in fields
    )


def _satisfies(requirement: JSON, labels: dict[str, str]) -> bool:
    """Tell whether labels satisfy a requirement; here, unlike in a LabelSelector, it may compare numbers."""
    operator = requirement["operator"]
    if operator not in ("Gt", "Lt"):
        return satisfies(requirement, labels)
    try:
        left, right = int(labels.get(requirement["key"], "")), int(list_at(requirement, "values")[0])
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right

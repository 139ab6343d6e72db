"""Node affinity: whether a Node satisfies what a pod requires, and how much of what it prefers.

Pure. Follows k8s.io/component-helpers ``scheduling/corev1/nodeaffinity``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, labels_of, satisfies
from kubeapi.objects.parts import list_at, map_at


def satisfies_node_affinity(pod: JSON, node: JSON) -> bool:
    """Tell whether any required term matches the Node; a pod without required terms fits everywhere."""
    affinity = map_at(pod, "spec", "affinity", "nodeAffinity")
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_matches_term(term, node) for term in list_at(required, "nodeSelectorTerms"))


def node_preference(pod: JSON, node: JSON) -> int:
    """Return the sum of the weights of the preferred terms that match the Node."""
    preferred = list_at(pod, "spec", "affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution")
    return sum(each["weight"] for each in preferred if _matches_term(each["preference"], node))


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

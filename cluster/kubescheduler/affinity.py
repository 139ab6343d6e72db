"""Whether a Node satisfies a pod's required node affinity, and how many of its preferences.

Pure. Follows
k8s.io/component-helpers ``scheduling/corev1/nodeaffinity``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, labels_of


def satisfies_node_affinity(pod: JSON, node: JSON) -> bool:
    """Tell whether any required term matches the Node; a pod without required terms fits everywhere."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_matches_term(term, node) for term in required.get("nodeSelectorTerms") or ())


def node_preference(pod: JSON, node: JSON) -> int:
    """Return the weights of the preferred terms that match the Node."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return sum(each["weight"] for each in preferred if _matches_term(each["preference"], node))


def _matches_term(term: JSON, node: JSON) -> bool:
    expressions = term.get("matchExpressions") or []
    fields = term.get("matchFields") or []
    if not expressions and not fields:
        return False
    names = {"metadata.name": node["metadata"]["name"]}
    return all(_satisfies(each, labels_of(node)) for each in expressions) and all(
        _satisfies(each, names) for each in fields
    )


def _satisfies(requirement: JSON, labels: dict[str, str]) -> bool:
    label, values = requirement["key"], requirement.get("values") or []
    value = labels.get(label)
    match requirement["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            return _compares(value, operator, values)
    return False


def _compares(value: str | None, operator: str, values: list[str]) -> bool:
    try:
        left, right = int(value or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right

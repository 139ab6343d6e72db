"""What affinity, tolerations and topologySpreadConstraints must be (pkg/apis/core/validation)."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    required,
    unsupported,
)
from kubeapi.validation.metadata import validate_selector
from kubeapi.validation.names import dns1123_label, dns1123_subdomain, label_value, qualified_name

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_COMPARISONS = ("Lt", "Gt")
_SCHEDULE_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_NODE_POLICIES = ("Honor", "Ignore")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NOT_AN_OPERATOR = "not a valid selector operator"
_NOT_POSITIVE = "must be greater than zero"
_IN_BOTH = "exists in both matchLabelKeys and labelSelector"


def validate_affinity(affinity: JSON, path: str) -> Faults:
    """Yield the faults of nodeAffinity, podAffinity and podAntiAffinity."""
    nodes = affinity.get("nodeAffinity", {})
    if _REQUIRED in nodes:
        yield from validate_node_selector(nodes[_REQUIRED], f"{path}.nodeAffinity.{_REQUIRED}")
    for index, preferred in enumerate(nodes.get(_PREFERRED, ())):
        where = f"{path}.nodeAffinity.{_PREFERRED}[{index}]"
        yield from _validate_weight(preferred, where)
        yield from _validate_node_term(preferred.get("preference", {}), f"{where}.preference")
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = affinity.get(kind, {})
        for index, term in enumerate(pods.get(_REQUIRED, ())):
            yield from _validate_pod_term(term, f"{path}.{kind}.{_REQUIRED}[{index}]")
        for index, preferred in enumerate(pods.get(_PREFERRED, ())):
            where = f"{path}.{kind}.{_PREFERRED}[{index}]"
            yield from _validate_weight(preferred, where)
            yield from _validate_pod_term(preferred.get("podAffinityTerm", {}), f"{where}.podAffinityTerm")


def validate_node_selector(selector: JSON, path: str) -> Faults:
    """Yield the faults of the terms of which a node must match one."""
    terms = selector.get("nodeSelectorTerms") or ()
    if not terms:
        yield required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(terms):
        yield from _validate_node_term(term, f"{path}.nodeSelectorTerms[{index}]")


def _validate_weight(preferred: JSON, path: str) -> Faults:
    weight = preferred.get("weight", 0)
    if not 1 <= weight <= 100:
        yield invalid(f"{path}.weight", weight, "must be in the range 1-100")


def _validate_node_term(term: JSON, path: str) -> Faults:
    for index, requirement in enumerate(term.get("matchExpressions", ())):
        yield from _validate_node_requirement(requirement, f"{path}.matchExpressions[{index}]")
    for index, requirement in enumerate(term.get("matchFields", ())):
        yield from _validate_node_field(requirement, f"{path}.matchFields[{index}]")


def _validate_node_requirement(requirement: JSON, path: str) -> Faults:
    operator, values, key = requirement.get("operator", ""), requirement.get("values", ()), requirement.get("key", "")
    if operator in ("In", "NotIn"):
        if not values:
            yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            yield required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        yield invalid(f"{path}.operator", operator, _NOT_AN_OPERATOR)
    yield from each_invalid(f"{path}.key", key, qualified_name(key))


def _validate_node_field(requirement: JSON, path: str) -> Faults:
    operator, values, key = requirement.get("operator", ""), requirement.get("values", ()), requirement.get("key", "")
    if operator not in ("In", "NotIn"):
        yield invalid(f"{path}.operator", operator, _NOT_AN_OPERATOR)
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield required(f"{path}.values", detail)
    if key != "metadata.name":
        yield invalid(f"{path}.key", key, "not a valid field selector key")
        return
    for index, value in enumerate(values):
        yield from each_invalid(f"{path}.values[{index}]", value, dns1123_subdomain(value))


def _validate_pod_term(term: JSON, path: str) -> Faults:
    for field in ("labelSelector", "namespaceSelector"):
        yield from validate_selector(term.get(field, {}), f"{path}.{field}")
    for name in term.get("namespaces", ()):
        yield from each_invalid(f"{path}.namespace", name, dns1123_label(name))
    matched, mismatched = term.get("matchLabelKeys", ()), term.get("mismatchLabelKeys", ())
    for field, keys in (("matchLabelKeys", matched), ("mismatchLabelKeys", mismatched)):
        if keys and "labelSelector" not in term:
            yield forbidden(f"{path}.{field}", "must not be specified when labelSelector is not set")
            continue
        for index, key in enumerate(keys):
            yield from each_invalid(f"{path}.{field}[{index}]", key, qualified_name(key))
    yield from _validate_selected_twice(term.get("labelSelector", {}), matched, path)
    for index, key in enumerate(matched):
        if key in mismatched:
            yield invalid(f"{path}.matchLabelKeys[{index}]", key, "exists in both matchLabelKeys and mismatchLabelKeys")
    key = term.get("topologyKey", "")
    if not key:
        yield required(f"{path}.topologyKey", "can not be empty")
    yield from each_invalid(f"{path}.topologyKey", key, qualified_name(key))


def _validate_selected_twice(selector: JSON, matched: Sequence[str], path: str) -> Faults:
    """Yield what matchLabelKeys repeats: upstream adds the pod's own value of each key to matchExpressions first."""
    seen = set(selector.get("matchLabels", {}))
    for requirement in selector.get("matchExpressions", ()):
        key = requirement.get("key", "")
        if key in matched and key in seen:
            yield invalid(f"{path}[{matched.index(key)}]", key, _IN_BOTH)
        seen.add(key)


def validate_tolerations(tolerations: Sequence[JSON], path: str) -> Faults:
    """Yield the faults of tolerations."""
    for index, each in enumerate(tolerations):
        where, key, operator = f"{path}[{index}]", each.get("key", ""), each.get("operator", "")
        value, effect = each.get("value", ""), each.get("effect", "")
        if key:
            yield from each_invalid(f"{where}.key", key, qualified_name(key))
        elif operator != "Exists":
            detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            yield invalid(f"{where}.operator", operator, detail)
        if "tolerationSeconds" in each and effect != "NoExecute":
            yield invalid(f"{where}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
        if operator in ("Equal", ""):
            if faults := label_value(value):
                yield invalid(f"{where}.operator", value, ";".join(faults))
        elif operator != "Exists":
            # Lt and Gt are behind a gate, and refused in words that name them.
            known = ("Equal", "Exists", *_COMPARISONS) if operator in _COMPARISONS else ("Equal", "Exists")
            yield unsupported(f"{where}.operator", operator, known)
        elif value:
            yield invalid(f"{where}.operator", value, "value must be empty when `operator` is 'Exists'")
        if effect and effect not in _EFFECTS:
            yield unsupported(f"{where}.effect", effect, _EFFECTS)


def validate_spreading(constraints: Sequence[JSON], path: str) -> Faults:
    """Yield the faults of topologySpreadConstraints."""
    kinds = [(each.get("topologyKey", ""), each.get("whenUnsatisfiable", "")) for each in constraints]
    for index, (constraint, (key, action)) in enumerate(zip(constraints, kinds, strict=True)):
        where, skew, minimum = f"{path}[{index}]", constraint.get("maxSkew", 0), constraint.get("minDomains")
        if skew <= 0:
            yield invalid(f"{where}.maxSkew", skew, _NOT_POSITIVE)
        if not key:
            yield required(f"{where}.topologyKey", "can not be empty")
        if action not in _SCHEDULE_ACTIONS:
            yield unsupported(f"{where}.whenUnsatisfiable", action, _SCHEDULE_ACTIONS)
        if (key, action) in kinds[index + 1 :]:
            yield duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
        if minimum is not None and minimum <= 0:
            yield invalid(f"{where}.minDomains", minimum, _NOT_POSITIVE)
        if minimum is not None and action != "DoNotSchedule":
            detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            yield invalid(f"{where}.minDomains", minimum, detail)
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if constraint.get(field, "Honor") not in _NODE_POLICIES:
                yield unsupported(f"{where}.{field}", constraint[field], _NODE_POLICIES)
        yield from _validate_spread_keys(constraint, where)
        yield from validate_selector(constraint.get("labelSelector", {}), f"{where}.labelSelector")


def _validate_spread_keys(constraint: JSON, path: str) -> Faults:
    keys = constraint.get("matchLabelKeys", ())
    if keys and constraint.get("labelSelector") is None:
        yield forbidden(f"{path}.matchLabelKeys", "must not be specified when labelSelector is not set")
    for index, key in enumerate(keys):
        yield from each_invalid(f"{path}.matchLabelKeys[{index}]", key, qualified_name(key))
    yield from _validate_selected_twice(map_at(constraint, "labelSelector"), keys, path)

"""The faults of what a policy or a binding matches (``pkg/apis/admissionregistration/validation``). Pure."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    one_of,
    required,
    unsupported,
)
from kubeapi.validation.metadata import validate_selector
from kubeapi.validation.names import dns1123_subdomain, path_segment
from kubeapi.validation.webhooks import validate_rule

_ACTIONS = frozenset(("Audit", "Deny", "Warn"))
_WRITES = frozenset(("*", "CONNECT", "CREATE", "UPDATE"))
_EXCLUSIVE = "name and selector are mutually exclusive"


def validate_match_resources(resources: JSON, path: str) -> Faults:
    """Yield the faults of MatchResources."""
    yield from one_of(f"{path}.matchPolicy", resources.get("matchPolicy"), frozenset(("Equivalent", "Exact")))
    for field in ("namespaceSelector", "objectSelector"):
        if resources.get(field) is None:
            yield required(f"{path}.{field}")
        else:
            yield from validate_selector(map_at(resources, field), f"{path}.{field}")
    for field in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(list_at(resources, field)):
            where, seen = f"{path}.{field}[{index}]", set[str]()
            for number, name in enumerate(list_at(rule, "resourceNames")):
                yield from each_invalid(f"{where}.resourceNames[{number}]", name, path_segment(name))
                if name in seen:
                    yield duplicate(f"{where}.resourceNames[{number}]", name)
                seen.add(name)
            yield from validate_rule(rule, where)


def validate_binding(binding: JSON) -> Faults:
    """Yield the faults of what the bindings of both kinds of policies have."""
    spec: JSON = spec_of(binding)
    name = spec.get("policyName", "")
    if not name:
        yield required("spec.policyName")
    else:
        yield from each_invalid("spec.policyName", name, dns1123_subdomain(name))
    if spec.get("paramRef") is not None:
        yield from _param_faults(map_at(spec, "paramRef"), "spec.paramRef")
    if spec.get("matchResources") is not None:
        yield from validate_match_resources(map_at(spec, "matchResources"), "spec.matchResources")


def validate_validating_binding(binding: JSON) -> Faults:
    """Yield the faults of a ValidatingAdmissionPolicyBinding."""
    yield from validate_binding(binding)
    path, actions, seen = "spec.validationActions", list_at(spec_of(binding), "validationActions"), set[str]()
    for index, each in enumerate(actions):
        if each not in _ACTIONS:
            yield unsupported(f"{path}[{index}]", each, _ACTIONS)
        if each in seen:
            yield duplicate(f"{path}[{index}]", each)
        seen.add(each)
    if {"Deny", "Warn"} <= seen:
        why = "repeating the same validation failure information in the API response and headers serves no purpose"
        yield invalid(path, list(actions), f"must not contain both Deny and Warn ({why})")
    if not actions:
        yield required(path)


def validate_mutating_binding(binding: JSON) -> Faults:
    """Yield the faults of a MutatingAdmissionPolicyBinding."""
    yield from validate_binding(binding)
    yield from write_faults(map_at(spec_of(binding), "matchResources"), "spec.matchResources")


def write_faults(resources: JSON, path: str) -> Faults:
    """Yield the operations that no mutation can be asked about."""
    for rule in list_at(resources, "resourceRules"):
        for each in list_at(rule, "operations"):
            if each not in _WRITES:
                yield unsupported(f"{path}.resourceRules.operations", each, _WRITES)


def _param_faults(ref: JSON, path: str) -> Faults:
    name, selector = ref.get("name", ""), ref.get("selector")
    if name:
        yield from each_invalid(f"{path}.name", name, path_segment(name))
        if selector is not None:
            yield forbidden(f"{path}.name", _EXCLUSIVE)
    if selector is not None:
        yield from validate_selector(selector, f"{path}.selector")
        if name:
            yield forbidden(f"{path}.selector", _EXCLUSIVE)
    if not name and selector is None:
        yield required(path, "one of name or selector must be specified")
    action = ref.get("parameterNotFoundAction")
    if not action:
        yield required(f"{path}.parameterNotFoundAction")
    elif action not in ("Allow", "Deny"):
        yield unsupported(f"{path}.parameterNotFoundAction", action, ("Deny", "Allow"))

"""What roles and bindings must be (pkg/apis/rbac/v1/defaults.go, pkg/apis/rbac/validation). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.validation.faults import Faults, each_invalid, invalid, required, struct_text, unsupported
from kubeapi.validation.metadata import validate_selector
from kubeapi.validation.names import dns1123_subdomain, path_segment

GROUP = "rbac.authorization.k8s.io"
_ROLE_FIELDS = {"apiGroup": "APIGroup", "kind": "Kind", "name": "Name"}
_SUBJECTS = ("ServiceAccount", "User", "Group")


def validate_rules(role: JSON, *, is_namespaced: bool) -> Faults:
    """Yield the faults of a role's rules."""
    for index, rule in enumerate(list_at(role, "rules")):
        path, urls = f"rules[{index}]", list_at(rule, "nonResourceURLs")
        if not rule.get("verbs"):
            yield required(f"{path}.verbs", "verbs must contain at least one value")
        if urls:
            if is_namespaced:
                yield invalid(f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs")
            if any(rule.get(field) for field in ("apiGroups", "resources", "resourceNames")):
                detail = "rules cannot apply to both regular resources and non-resource URLs"
                yield invalid(f"{path}.nonResourceURLs", urls, detail)
            continue
        if not rule.get("apiGroups"):
            yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{path}.resources", "resource rules must supply at least one resource")


def validate_aggregation(role: JSON) -> Faults:
    """Yield the faults of a ClusterRole's aggregationRule."""
    rule = role.get("aggregationRule")
    if rule is None:
        return
    path, selectors = "aggregationRule.clusterRoleSelectors", list_at(rule, "clusterRoleSelectors")
    if not selectors:
        yield required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")
    for index, selector in enumerate(selectors):
        yield from validate_selector(selector, f"{path}[{index}]")


def set_binding_defaults(binding: JSON) -> None:
    """Fill in the groups of the role and of the subjects."""
    role = binding.get("roleRef")
    if role is not None and not role.get("apiGroup"):
        role["apiGroup"] = GROUP
    for subject in list_at(binding, "subjects"):
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = GROUP


def validate_binding(binding: JSON, roles: Sequence[str], *, is_namespaced: bool) -> Faults:
    """Yield the faults of a binding, which may refer to the kinds ``roles``."""
    role = map_at(binding, "roleRef")
    if role.get("apiGroup") != GROUP:
        yield unsupported("roleRef.apiGroup", role.get("apiGroup", ""), (GROUP,))
    if role.get("kind") not in roles:
        yield unsupported("roleRef.kind", role.get("kind", ""), roles)
    if not role.get("name"):
        yield required("roleRef.name")
    else:
        yield from each_invalid("roleRef.name", role["name"], path_segment(role["name"]))
    for index, subject in enumerate(list_at(binding, "subjects")):
        yield from _validate_subject(subject, f"subjects[{index}]", is_namespaced=is_namespaced)


def _validate_subject(subject: JSON, path: str, *, is_namespaced: bool) -> Faults:
    kind, name, group = (subject.get(field, "") for field in ("kind", "name", "apiGroup"))
    if not name:
        yield required(f"{path}.name")
    if kind == "ServiceAccount":
        yield from each_invalid(f"{path}.name", name, dns1123_subdomain(name)) if name else ()
        if group:
            yield unsupported(f"{path}.apiGroup", group, ("",))
        if not is_namespaced and not subject.get("namespace"):
            yield required(f"{path}.namespace")
    elif kind not in _SUBJECTS:
        yield unsupported(f"{path}.kind", kind, _SUBJECTS)
    elif group != GROUP:
        yield unsupported(f"{path}.apiGroup", group, (GROUP,))


def validate_binding_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault if a binding is to refer to another role, which a real server shows by the names that Go has."""
    role = new.get("roleRef")
    if role != old.get("roleRef"):
        shown = {in_go: map_at(new, "roleRef").get(name, "") for name, in_go in _ROLE_FIELDS.items()}
        yield invalid("roleRef", struct_text(shown), "field is immutable")

"""What roles and bindings allow a user (k8s.io/kubernetes ``pkg/registry/rbac/validation``, ``plugin/.../rbac``). Pure.

A role that does not exist allows nothing, and is a fault that the answer tells of. Group ``system:masters`` needs no
binding to do everything, as in every cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kubeapi.kind import Objects
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.parts import list_at
from kubeapi.scheme import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from kubeapi.status import aggregated
from kubeapi.users import MASTERS, User, account_user_name
from kubeapiserver.auth.attributes import Attributes

ALL = "*"


class Verdict(NamedTuple):
    """Whether something is allowed, why, and the bindings that could not be followed."""

    is_allowed: bool
    reason: str = ""
    fault: str = ""


class Granted(NamedTuple):
    """A rule that applies to a user and what grants it, or the fault of a binding that grants nothing."""

    rule: JSON | None
    source: str


def decide(user: User, attributes: Attributes, objects: Objects) -> Verdict:
    """Return whether a user may do something."""
    if MASTERS in user.groups:
        return Verdict(True)
    faults: list[str] = []
    for rule, source in rules_for(user, attributes.namespace, objects):
        if rule is None:
            faults.append(source)
        elif rule_allows(rule, attributes):
            return Verdict(True, f"RBAC: allowed by {source}")
    return Verdict(False, f"RBAC: {aggregated(faults)}" if faults else "")


def rules_for(user: User, namespace: str, objects: Objects) -> Iterator[Granted]:
    """Yield the rules that apply to a user, in a namespace ("": those of the whole cluster alone)."""
    for binding in objects.list(CLUSTERROLEBINDINGS):
        yield from _granted(binding, user, "", objects)
    if namespace:
        for binding in objects.list(ROLEBINDINGS, namespace):
            yield from _granted(binding, user, namespace, objects)


def rules_document(user: User, namespace: str, objects: Objects) -> JSON:
    """Return the status of a SelfSubjectRulesReview."""
    granted = list(rules_for(user, namespace, objects))
    rules = [each.rule for each in granted if each.rule is not None]
    fields = ("verbs", "apiGroups", "resources", "resourceNames")
    document: JSON = {
        "resourceRules": [_part(each, fields) for each in rules if each.get("resources")],
        "nonResourceRules": [
            _part(each, ("verbs", "nonResourceURLs")) for each in rules if each.get("nonResourceURLs")
        ],
        "incomplete": False,
    }
    faults = [each.source for each in granted if each.rule is None]
    return {**document, "evaluationError": aggregated(faults)} if faults else document


def rule_allows(rule: JSON, attributes: Attributes) -> bool:
    """Tell whether one rule of a role allows something."""
    if not _has(list_at(rule, "verbs"), attributes.verb):
        return False
    if attributes.path:
        return any(_path_matches(each, attributes.path) for each in list_at(rule, "nonResourceURLs"))
    names = list_at(rule, "resourceNames")
    return (
        _has(list_at(rule, "apiGroups"), attributes.group)
        and _resource_matches(list_at(rule, "resources"), attributes)
        and (not names or attributes.name in names)
    )


def _granted(binding: JSON, user: User, namespace: str, objects: Objects) -> Iterator[Granted]:
    subject = next((each for each in list_at(binding, "subjects") if _is_subject(each, user, namespace)), None)
    if subject is None:
        return
    reference = binding["roleRef"]
    resource, place = (ROLES, namespace) if reference.get("kind") == "Role" else (CLUSTERROLES, "")
    role = objects.find(resource, ObjectKey(place, reference.get("name", "")))
    if role is None:
        yield Granted(None, f'{resource.kind.lower()}.{resource.group} "{reference.get("name", "")}" not found')
        return
    source = _described(binding, subject, namespace)
    for rule in list_at(role, "rules"):
        yield Granted(rule, source)


def _is_subject(subject: JSON, user: User, namespace: str) -> bool:
    name = subject.get("name", "")
    match subject.get("kind"):
        case "User":
            return bool(user.name == name)
        case "Group":
            return name in user.groups
        case "ServiceAccount":
            place = subject.get("namespace") or namespace
            return bool(place) and user.name == account_user_name(ObjectKey(place, name))
    return False


def _described(binding: JSON, subject: JSON, namespace: str) -> str:
    """Return a binding as the reason of a review names it."""
    key, reference = key_of(binding), binding["roleRef"]
    own = f'RoleBinding "{key.name}/{key.namespace}"' if key.namespace else f'ClusterRoleBinding "{key.name}"'
    name = subject.get("name", "")
    if subject.get("kind") == "ServiceAccount":
        name = f"{name}/{subject.get('namespace') or namespace}"
    role = f'{reference.get("kind")} "{reference.get("name")}"'
    return f'{own} of {role} to {subject.get("kind")} "{name}"'


def _has(allowed: Sequence[str], asked: str) -> bool:
    return ALL in allowed or asked in allowed


def _resource_matches(resources: Sequence[str], attributes: Attributes) -> bool:
    part = attributes.subresource
    asked = f"{attributes.resource}/{part}" if part else attributes.resource
    return _has(resources, asked) or (bool(part) and f"*/{part}" in resources)


def _path_matches(pattern: str, path: str) -> bool:
    is_prefix = pattern.endswith("*") and path.startswith(pattern.rstrip("*"))
    return pattern in (ALL, path) or is_prefix


def _part(rule: JSON, fields: tuple[str, ...]) -> JSON:
    return {field: rule[field] for field in fields if rule.get(field)}

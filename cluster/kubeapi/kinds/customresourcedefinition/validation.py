"""The faults of a CustomResourceDefinition (apiextensions-apiserver ``apis/apiextensions/validation``). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kubeapi.kinds.customresourcedefinition.versions import shared_faults, version_faults
from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.conditions import is_condition_true
from kubeapi.objects.parts import list_at, map_at
from kubeapi.validation.faults import Faults, forbidden, invalid, one_of, required, unsupported
from kubeapi.validation.names import dns1035_label, dns1123_subdomain

APPROVED = "api-approved.kubernetes.io"
"""The annotation that a definition in one of Kubernetes' own groups needs."""

_REVIEW_VERSIONS = ("webhook", "conversionReviewVersions")
_MIXED_CASE = "may have mixed case, but should otherwise match: "
_PROTECTED = re.compile(r"(.+\.)?(k8s\.io|kubernetes\.io)")


def validate(crd: JSON) -> Faults:
    """Yield the faults of a definition, new or changed."""
    spec, name = crd["spec"], crd["metadata"].get("name", "")
    wanted = f"{spec.get('names', {}).get('plural', '')}.{spec.get('group', '')}"
    if name and name != wanted and not crd["metadata"].get("resourceVersion"):  # of a new one
        yield invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    yield from _group_faults(spec.get("group", ""))
    yield from one_of("spec.scope", spec.get("scope"), ("Cluster", "Namespaced"))
    yield from version_faults(spec)
    yield from _names_faults(spec.get("names", {}))
    yield from shared_faults(spec)
    yield from _conversion_faults(spec.get("conversion", {}))
    yield from _stored_faults(crd)
    if spec.get("preserveUnknownFields"):
        detail = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        )
        yield invalid("spec.preserveUnknownFields", value=True, detail=detail)


def _stored_faults(crd: JSON) -> Faults:
    names = [each.get("name") for each in list_at(crd, "spec", "versions")]
    stored = list_at(crd, "status", "storedVersions")
    if not stored:
        yield invalid("status.storedVersions", None, "must have at least one stored version")
    for index, each in enumerate(stored):
        if each not in names:
            detail = (
                f"missing from spec.versions; {each} was previously a storage version, and must remain in spec.versions"
                f" until a storage migration ensures no data remains persisted in {each} and removes {each} from"
                " status.storedVersions"
            )
            yield invalid(f"status.storedVersions[{index}]", each, detail)


def validate_create(crd: JSON) -> Faults:
    """Yield what only a new definition may not have."""
    if not _PROTECTED.fullmatch(crd["spec"].get("group", "")):
        return
    value, where = annotations_of(crd).get(APPROVED, ""), f"metadata.annotations[{APPROVED}]"
    about = "protected groups must have approval annotation"
    see = "see https://github.com/kubernetes/enhancements/pull/1111"
    if not value:
        yield required(where, f'{about} "{APPROVED}", {see}')
    elif not value.startswith(("unapproved", "https://", "http://")):
        yield invalid(
            where, value, f'{about} "{APPROVED}" with either a URL or a reason starting with "unapproved", {see}'
        )


def validate_update(new: JSON, old: JSON) -> Faults:
    """Yield what may not change."""
    fixed: list[tuple[str, ...]] = [("group",), ("names", "plural")]
    if is_condition_true(old, "Established"):
        fixed = [("scope",), ("names", "kind"), *fixed]
    for path in fixed:
        before, after = _at(old["spec"], path), _at(new["spec"], path)
        if before != after:
            yield invalid(f"spec.{'.'.join(path)}", after, "field is immutable")


def _at(obj: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        obj = obj.get(name, {})
    return obj or ""


def _group_faults(group: str) -> Faults:
    if not group:
        yield required("spec.group")
    elif faults := dns1123_subdomain(group):
        yield invalid("spec.group", group, ",".join(faults))
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")


def _names_faults(names: JSON) -> Faults:
    for each in ("plural", "singular", "kind", "listKind"):
        if not names.get(each):
            yield required(f"spec.names.{each}")
    for each in ("plural", "singular"):
        if names.get(each) and (faults := dns1035_label(names[each])):
            yield invalid(f"spec.names.{each}", names[each], ",".join(faults))
    for each in ("kind", "listKind"):
        if names.get(each) and (faults := dns1035_label(names[each].lower())):
            yield invalid(f"spec.names.{each}", names[each], _MIXED_CASE + ",".join(faults))
    for field in ("shortNames", "categories"):
        for index, each in enumerate(names.get(field, ())):
            if faults := dns1035_label(each):
                yield invalid(f"spec.names.{field}[{index}]", each, ",".join(faults))
    if names.get("kind") and names["kind"] == names.get("listKind"):
        yield invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same")


def _conversion_faults(conversion: JSON) -> Iterator[Any]:
    strategy, webhook = conversion.get("strategy", ""), conversion.get("webhook")
    path = "spec.conversion"
    if not strategy:
        yield required(f"{path}.strategy")
    elif strategy not in ("None", "Webhook"):
        yield unsupported(f"{path}.strategy", strategy, ("None", "Webhook"))
    if strategy != "Webhook":
        if webhook:
            detail = "should not be set when strategy is not set to Webhook"
            yield forbidden(f"{path}.webhookClientConfig", detail)
        return
    client, versions = map_at(conversion, "webhook", "clientConfig"), [*list_at(conversion, *_REVIEW_VERSIONS)]
    if not client:
        yield required(f"{path}.webhookClientConfig", "required when strategy is set to Webhook")
    elif ("url" in client) == ("service" in client):
        yield required(f"{path}.webhookClientConfig", "exactly one of url or service is required")
    if not versions:
        yield required(f"{path}.conversionReviewVersions")
    elif not {"v1", "v1beta1"} & {*versions}:
        yield invalid(f"{path}.conversionReviewVersions", versions, "must include at least one of v1, v1beta1")

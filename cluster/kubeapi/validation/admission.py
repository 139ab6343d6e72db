"""What the kinds of admissionregistration.k8s.io share: their defaults, and warnings of what has no effect. Pure.

Follows ``pkg/apis/admissionregistration/v1/defaults.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, spec_of
from kubeapi.registryconfig import RegistryConfig
from kubeapi.status import FieldError
from kubeapi.validation.warnings import verbatim

Warn = Callable[[JSON | None, JSON, RegistryConfig], Iterable[FieldError]]
"""As ``Kind.warnings``."""


def without_effect(what: str) -> Warn:
    """Return the warning of a new object of a kind that is stored and not acted on."""

    def warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterable[FieldError]:
        if before is None:
            yield verbatim("", f"{after['kind']} {after['metadata']['name']} is stored without effect: kubesvc {what}")

    return warnings


def set_webhook_defaults(obj: JSON) -> None:
    """Fill in the defaults of the webhooks of a configuration."""
    for webhook in obj.get("webhooks", ()):
        webhook.setdefault("failurePolicy", "Fail")
        _set_match_defaults(webhook)
        webhook.setdefault("timeoutSeconds", 10)
        if obj.get("kind") == "MutatingWebhookConfiguration":
            webhook.setdefault("reinvocationPolicy", "Never")
        service = webhook.get("clientConfig", {}).get("service")
        if service is not None:
            service.setdefault("port", 443)
        for rule in webhook.get("rules", ()):
            rule.setdefault("scope", "*")


def set_policy_defaults(obj: JSON) -> None:
    """Fill in the defaults of a policy."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    if "matchConstraints" in spec:
        _set_resources_defaults(spec["matchConstraints"])


def set_binding_defaults(obj: JSON) -> None:
    """Fill in the defaults of the binding of a policy."""
    resources = obj.setdefault("spec", {}).get("matchResources")
    if resources is not None:
        _set_resources_defaults(resources)


def _set_resources_defaults(resources: JSON) -> None:
    _set_match_defaults(resources)
    for field in ("resourceRules", "excludeResourceRules"):
        for rule in list_at(resources, field):
            rule.setdefault("scope", "*")


def _set_match_defaults(obj: JSON) -> None:
    obj.setdefault("matchPolicy", "Equivalent")
    obj.setdefault("namespaceSelector", {})
    obj.setdefault("objectSelector", {})


def audit_warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterable[FieldError]:
    """Yield a warning of what a new policy or binding wants to be in the audit log, which there is not."""
    spec = spec_of(after)
    if before is None and (list_at(spec, "auditAnnotations") or "Audit" in list_at(spec, "validationActions")):
        yield verbatim("spec", "kubesvc writes no audit log: action Audit and auditAnnotations have no effect")

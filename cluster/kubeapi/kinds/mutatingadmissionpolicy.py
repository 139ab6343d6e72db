"""MutatingAdmissionPolicy (k8s.io/api admissionregistration/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.scheme import MUTATINGADMISSIONPOLICIES
from kubeapi.validation.admission import set_policy_defaults, without_effect

KIND = Kind(
    resource=MUTATINGADMISSIONPOLICIES,
    categories=("api-extensions",),
    set_defaults=set_policy_defaults,
    desired_state=content_of,
    warnings=without_effect("evaluates no admission policies"),
)

"""MutatingAdmissionPolicyBinding (k8s.io/api admissionregistration/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.scheme import MUTATINGADMISSIONPOLICYBINDINGS
from kubeapi.validation.admission import set_binding_defaults, without_effect

KIND = Kind(
    resource=MUTATINGADMISSIONPOLICYBINDINGS,
    categories=("api-extensions",),
    set_defaults=set_binding_defaults,
    desired_state=content_of,
    warnings=without_effect("evaluates no admission policies"),
)

"""MutatingAdmissionPolicyBinding (k8s.io/api admissionregistration/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.policies.matching import validate_mutating_binding
from kubeapi.scheme import MUTATINGADMISSIONPOLICYBINDINGS
from kubeapi.validation.admission import set_binding_defaults

KIND = Kind(
    resource=MUTATINGADMISSIONPOLICYBINDINGS,
    categories=("api-extensions",),
    reviews_writes=True,
    set_defaults=set_binding_defaults,
    desired_state=content_of,
    validate=validate_mutating_binding,
)

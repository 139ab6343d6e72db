"""ValidatingAdmissionPolicyBinding (k8s.io/api admissionregistration/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.policies.matching import validate_validating_binding
from kubeapi.scheme import VALIDATINGADMISSIONPOLICYBINDINGS
from kubeapi.validation.admission import audit_warnings, set_binding_defaults

KIND = Kind(
    resource=VALIDATINGADMISSIONPOLICYBINDINGS,
    categories=("api-extensions",),
    reviews_writes=True,
    set_defaults=set_binding_defaults,
    desired_state=content_of,
    validate=validate_validating_binding,
    warnings=audit_warnings,
)

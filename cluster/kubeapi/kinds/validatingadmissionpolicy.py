"""ValidatingAdmissionPolicy (k8s.io/api admissionregistration/v1)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.meta import JSON
from kubeapi.scheme import VALIDATINGADMISSIONPOLICIES
from kubeapi.validation.admission import audit_warnings, set_policy_defaults
from kubeapi.validation.faults import Faults


def _validate(obj: JSON) -> Faults:
    from kubeapi.policies.validation import validate_validating_policy  # no cluster without policies needs CEL

    return validate_validating_policy(obj)


KIND = Kind(
    resource=VALIDATINGADMISSIONPOLICIES,
    categories=("api-extensions",),
    reviews_writes=True,
    subresources=(STATUS,),
    set_defaults=set_policy_defaults,
    desired_state=content_of,
    validate=_validate,
    warnings=audit_warnings,
)

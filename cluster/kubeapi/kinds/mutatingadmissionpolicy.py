"""MutatingAdmissionPolicy (k8s.io/api admissionregistration/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.meta import JSON
from kubeapi.scheme import MUTATINGADMISSIONPOLICIES
from kubeapi.validation.admission import set_policy_defaults
from kubeapi.validation.faults import Faults


def _validate(obj: JSON) -> Faults:
    from kubeapi.policies.validation import validate_mutating_policy  # no cluster without policies needs CEL

    return validate_mutating_policy(obj)


KIND = Kind(
    resource=MUTATINGADMISSIONPOLICIES,
    categories=("api-extensions",),
    reviews_writes=True,
    set_defaults=set_policy_defaults,
    desired_state=content_of,
    validate=_validate,
)

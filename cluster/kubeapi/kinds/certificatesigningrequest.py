"""CertificateSigningRequest (pkg/registry/certificates/certificates/strategy.go): approved, and not signed."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, Subresource
from kubeapi.meta import JSON
from kubeapi.scheme import CERTIFICATESIGNINGREQUESTS
from kubeapi.validation.admission import without_effect
from kubeapi.validation.faults import Faults, required

_REQUESTOR = {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}
"""The user that has the cluster's token."""


def _prepare_for_create(obj: JSON) -> None:
    obj["spec"] = {**obj.get("spec", {}), **_REQUESTOR}
    obj.pop("status", None)


def _prepare_for_update(new: JSON, old: JSON) -> None:
    new["spec"] = old.get("spec", {})


def _validate(obj: JSON) -> Faults:
    spec = obj.get("spec", {})
    if not spec.get("usages"):
        yield required("spec.usages")
    if not spec.get("signerName"):
        yield required("spec.signerName")
    if not spec.get("request"):
        yield required("spec.request")


KIND = Kind(
    resource=CERTIFICATESIGNINGREQUESTS,
    subresources=(Subresource("approval"), STATUS),
    field_labels=("spec.signerName",),
    prepare_for_create=_prepare_for_create,
    prepare_for_update=_prepare_for_update,
    validate=_validate,
    warnings=without_effect("signs no certificates"),
)

"""CertificateSigningRequest (pkg/registry/certificates/certificates/strategy.go): approved, and not signed."""

from __future__ import annotations

from base64 import b64decode

from kubeapi.kind import STATUS, Kind, Subresource
from kubeapi.meta import JSON
from kubeapi.scheme import CERTIFICATESIGNINGREQUESTS
from kubeapi.serialization.pem import read_blocks
from kubeapi.validation.admission import without_effect
from kubeapi.validation.faults import Faults, invalid, required

_BLOCK = "CERTIFICATE REQUEST"
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
    elif not _is_request(spec["request"]):
        yield invalid("spec.request", spec["request"], f"PEM block type must be {_BLOCK}")


def _is_request(text: str) -> bool:
    """Tell whether the first block of a PEM text, which is base64 once more, is a request (ParseCSR)."""
    block = next(read_blocks(b64decode(text).decode(errors="replace")), None)
    return block is not None and block.kind == _BLOCK


KIND = Kind(
    resource=CERTIFICATESIGNINGREQUESTS,
    subresources=(Subresource("approval"), STATUS),
    field_labels=("spec.signerName",),
    prepare_for_create=_prepare_for_create,
    prepare_for_update=_prepare_for_update,
    validate=_validate,
    warnings=without_effect("signs no certificates"),
)

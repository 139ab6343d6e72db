"""ClusterTrustBundle (pkg/apis/certificates/validation): certificates of authorities, for projected volumes."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.meta import JSON
from kubeapi.scheme import CLUSTERTRUSTBUNDLES
from kubeapi.serialization.pem import Block, read_blocks
from kubeapi.validation.faults import Faults, each_invalid, invalid, too_long
from kubeapi.validation.signers import bundle_name_faults, validate_signer

_PATH = "spec.trustBundle"
_LONGEST = 1 << 20
_OMITTED = "<value omitted>"


def _any_name(_name: str) -> tuple[str, ...]:
    """Find no fault: the name's rule depends on the signer."""
    return ()


def _validate(obj: JSON) -> Faults:
    spec, metadata = obj.get("spec", {}), obj["metadata"]
    signer, name = spec.get("signerName", ""), metadata.get("name", "")
    yield from each_invalid("metadata.name", name, bundle_name_faults(name, signer))
    if signer:
        yield from validate_signer(signer, "spec.signerName")
    yield from _validate_bundle(spec.get("trustBundle", ""))


def _validate_bundle(text: str) -> Faults:
    if len(text) > _LONGEST:
        yield too_long(_PATH, _LONGEST)
        return
    blocks = list(read_blocks(text))
    faults = [fault for index, block in enumerate(blocks) if (fault := _block_fault(index, block))]
    if not blocks:
        faults = ["at least one trust anchor must be provided"]
    yield from each_invalid(_PATH, _OMITTED, faults)
    if not faults:
        yield from each_invalid(_PATH, _OMITTED, _repetitions([each.content for each in blocks]))


def _block_fault(index: int, block: Block) -> str:
    if block.kind != "CERTIFICATE":
        return f"entry {index} has bad block type: {block.kind}"
    if block.has_headers:
        return f"entry {index} has PEM block headers"
    if not block.is_certificate:
        return f"entry {index} does not parse as X.509"
    return "" if block.is_authority else f"entry {index} does not have the CA bit set"


def _repetitions(contents: list[bytes]) -> list[str]:
    places = {each: [str(at) for at, other in enumerate(contents) if other == each] for each in contents}
    return [f"duplicate trust anchor (indices [{' '.join(each)}])" for each in places.values() if len(each) > 1]


def _validate_update(new: JSON, old: JSON) -> Faults:
    signer = new.get("spec", {}).get("signerName", "")
    if signer != old.get("spec", {}).get("signerName", ""):
        yield invalid("spec.signerName", signer, "field is immutable")


KIND = Kind(
    resource=CLUSTERTRUSTBUNDLES,
    field_labels=("spec.signerName",),
    desired_state=content_of,
    validate_name=_any_name,
    validate=_validate,
    validate_update=_validate_update,
)

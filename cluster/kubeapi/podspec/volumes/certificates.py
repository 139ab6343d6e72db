"""What the certificates of a projected volume must be (pkg/apis/core/validation validateProjectionSources)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.podspec.volumes.paths import non_reserved_path
from kubeapi.validation.faults import Faults, each_invalid, invalid, required, unsupported
from kubeapi.validation.metadata import validate_selector
from kubeapi.validation.signers import bundle_name_faults, is_of_kubernetes, signer_of, validate_signer

CERTIFICATE_PATHS = ("credentialBundlePath", "keyPath", "certificateChainPath")
_KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
_SHORTEST, _LONGEST, _LONGEST_OF_KUBERNETES = 3600, 91 * 86400, 86400
"""Seconds that a certificate may be asked for."""


def validate_trust(source: JSON, path: str) -> Faults:
    """Yield the faults of a ``clusterTrustBundle``."""
    name, signer = source.get("name"), source.get("signerName")
    if name is not None and signer is not None:
        yield invalid(path, source, "only one of name and signerName may be used")
    elif name is not None:
        yield from _validate_name(name, source, path)
    elif signer is not None:
        yield from validate_signer(signer, f"{path}.signerName")
        if selector := source.get("labelSelector"):
            yield from validate_selector(selector, f"{path}.labelSelector")
    else:
        yield required(path, "either name or signerName must be specified")
    if not source.get("path"):
        yield required(f"{path}.path")
    yield from non_reserved_path(source.get("path", ""), f"{path}.path")


def _validate_name(name: str, source: JSON, path: str) -> Faults:
    if not name:
        yield required(f"{path}.name", "must be a valid object name")
    faults = bundle_name_faults(name, signer_of(name))
    yield from each_invalid(f"{path}.name", name, [f"not a valid clustertrustbundlename: {each}" for each in faults])
    if source.get("labelSelector") is not None:
        detail = "labelSelector must be unset if name is specified"
        yield invalid(f"{path}.labelSelector", source["labelSelector"], detail)


def validate_certificate(source: JSON, path: str) -> Faults:
    """Yield the faults of a ``podCertificate``."""
    signer, seconds = source.get("signerName", ""), source.get("maxExpirationSeconds")
    yield from validate_signer(signer, f"{path}.signerName")
    if source.get("keyType", "") not in _KEY_TYPES:
        yield unsupported(f"{path}.keyType", source.get("keyType", ""), _KEY_TYPES)
    longest = _LONGEST_OF_KUBERNETES if is_of_kubernetes(signer) else _LONGEST
    where = f"{path}.maxExpirationSeconds"
    if seconds is not None and seconds < _SHORTEST:
        yield invalid(where, seconds, f"if provided, maxExpirationSeconds must be >= {_SHORTEST}")
    if seconds is not None and seconds > longest:
        yield invalid(where, seconds, f"if provided, maxExpirationSeconds must be <= {longest}")
    given = [each for each in CERTIFICATE_PATHS if source.get(each)]
    for each in given:
        yield from non_reserved_path(source[each], f"{path}.{each}")
    if not given:
        yield required(path, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath")

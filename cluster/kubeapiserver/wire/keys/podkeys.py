"""The keys of pods' certificates, and requests that prove that somebody has them. `cryptography` is imported on use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

_EXPONENT = 65537
_RSA_BITS = {"RSA3072": 3072, "RSA4096": 4096}
_ECDSA_BITS = {"ECDSAP256": 256, "ECDSAP384": 384, "ECDSAP521": 521}


def make_key(kind: str) -> tuple[bytes, bytes]:
    """Return a new private key (PKCS #8, PEM) and a request of it without a subject (PKCS #10, DER).

    ``kind`` is a ``keyType`` of the API; ValueError for another one. An RSA key takes as long as a second.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    key = _new_key(kind)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, algorithm)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return text, request.public_bytes(serialization.Encoding.DER)


def _new_key(kind: str) -> CertificateIssuerPrivateKeyTypes:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if kind in _RSA_BITS:
        return rsa.generate_private_key(_EXPONENT, _RSA_BITS[kind])
    if kind in _ECDSA_BITS:
        curves = {curve.key_size: curve for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())}
        return ec.generate_private_key(curves[_ECDSA_BITS[kind]])
    if kind == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    raise ValueError(f'unknown key type "{kind}"')

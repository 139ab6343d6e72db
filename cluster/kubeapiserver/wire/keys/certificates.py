"""The certificates of a cluster: made on first use, kept in a file each, and replaced when they no longer fit.

One is the API server's, one that with which it comes to extension API servers. The PEM file has the key, its
certificate and that of the authority which signed it. The authority's key is
discarded after this one signature, so that no other certificate can be signed by what a kubeconfig trusts. The first
line of the file describes the certificate, as reading it would need `cryptography`, which is slow to import.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kubehost.io.privatefiles import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import CertificateBuilder, KeyUsage, ObjectIdentifier, SubjectAlternativeName

VALID_SECONDS = 5 * 365 * 86400
RENEW_SECONDS = 30 * 86400
"""A certificate that is valid for less than this is replaced."""
EARLIER_SECONDS = 300
"""Certificates are valid from a little before they are made, as clocks differ."""
_END = "-----END CERTIFICATE-----\n"
_BEGIN = "-----BEGIN CERTIFICATE-----\n"


@dataclass(frozen=True)
class Certificate:
    """The file with the key and certificates, and the authority's certificate (PEM) for the other side."""

    path: Path
    authority: str

    def context(self) -> ssl.SSLContext:
        """Return the TLS settings of the server; OSError (ssl.SSLError) if the file cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.path)
        context.set_alpn_protocols(["http/1.1"])
        return context


def server_certificate(
    path: Path, addresses: Sequence[str], names: Sequence[str], now: float, subject: str = "kube-apiserver"
) -> Certificate:
    """Return the certificate for exactly these addresses and names, made now unless the file has it; OSError.

    ``now`` is in seconds since the epoch, ``subject`` the common name. The file's mode is 0600.
    """
    wanted = {"addresses": sorted(set(addresses)), "names": sorted(set(names))}

    def sign() -> str:
        from cryptography.x509.oid import ExtendedKeyUsageOID

        return _make(subject, now, ExtendedKeyUsageOID.SERVER_AUTH, _alternative_names(addresses, names))

    return _certificate(path, wanted, now, sign)


def client_certificate(path: Path, subject: str, now: float) -> Certificate:
    """Return the certificate of a client with a common name, made now unless the file has it; OSError."""

    def sign() -> str:
        from cryptography.x509.oid import ExtendedKeyUsageOID

        return _make(subject, now, ExtendedKeyUsageOID.CLIENT_AUTH)

    return _certificate(path, {"subject": [subject]}, now, sign)


def _certificate(path: Path, wanted: dict[str, list[str]], now: float, sign: Callable[[], str]) -> Certificate:
    kept = _kept(path, wanted, now)
    if kept is None:
        kept = json.dumps({**wanted, "notAfter": now + VALID_SECONDS}) + "\n" + sign()
        write_private(path, kept)
    return Certificate(path, _BEGIN + kept.rpartition(_BEGIN)[2])


def _kept(path: Path, wanted: dict[str, list[str]], now: float) -> str | None:
    """Return the file's text if it is complete, made for the same, and valid for long enough."""
    try:
        text = path.read_text()
        described = json.loads(text.partition("\n")[0])
    except (OSError, ValueError):
        return None
    if not isinstance(described, dict) or not text.endswith(_END):
        return None
    not_after = described.pop("notAfter", 0)
    is_long_valid = isinstance(not_after, float) and now + RENEW_SECONDS < not_after <= now + VALID_SECONDS
    return text if is_long_valid and described == wanted else None


def _make(
    subject: str, now: float, usage: ObjectIdentifier, alternative_names: SubjectAlternativeName | None = None
) -> str:
    """Return the subject's key, its certificate and the authority's, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = _signed(
        _builder("kubesvc-ca", authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage("key_cert_sign"), critical=True)
        .add_extension(identifier, critical=False),
        authority_key,
    )
    builder = (
        _builder(subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    if alternative_names is not None:
        builder = builder.add_extension(alternative_names, critical=False)
    return _pem(key) + _signed(builder, authority_key) + authority


def _alternative_names(addresses: Sequence[str], names: Sequence[str]) -> SubjectAlternativeName:
    from ipaddress import ip_address

    from cryptography import x509

    stated = [*(x509.IPAddress(ip_address(each)) for each in addresses), *(x509.DNSName(each) for each in names)]
    return x509.SubjectAlternativeName(stated)


def _builder(name: str, key: EllipticCurvePrivateKey, now: float) -> CertificateBuilder:
    """Return a certificate of the authority for a key and a common name."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubesvc-ca")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(now - EARLIER_SECONDS, UTC))
        .not_valid_after(datetime.fromtimestamp(now + VALID_SECONDS, UTC))
    )


def _key_usage(allowed: str) -> KeyUsage:
    """Return the key usage that allows one thing."""
    from cryptography import x509

    usages = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{each: each == allowed for each in usages})


def _signed(certificate: CertificateBuilder, authority_key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import hashes, serialization

    return certificate.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization as form

    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()

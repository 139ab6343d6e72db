"""The server's certificate: made on first use, kept in one file, made anew when it no longer fits.

One PEM file holds the server's key, its certificate and that of the authority which signed it. The authority's own key
is thrown away after that one signature, so nothing else can ever be signed by what a kubeconfig trusts. A line before
the PEM blocks says what the certificate is for: `cryptography` is slow to import, and needed only to make one.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

VALID_SECONDS = 5 * 365 * 86400
RENEW_SECONDS = 30 * 86400
"""A certificate is replaced when it is valid for less than this."""
EARLIER_SECONDS = 300
"""Certificates begin to be valid a little before they are made, as clocks differ."""
_END = "-----END CERTIFICATE-----\n"
_BEGIN = "-----BEGIN CERTIFICATE-----\n"


@dataclass(frozen=True)
class ServerCertificate:
    """Where the key and certificates are, and the authority's certificate for those who have to trust it (PEM)."""

    path: Path
    authority: str

    def context(self) -> ssl.SSLContext:
        """Return the TLS settings of the server; OSError (ssl.SSLError) if the file cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.path)
        context.set_alpn_protocols(["http/1.1"])
        return context


def server_certificate(path: Path, addresses: Sequence[str], names: Sequence[str], now: float) -> ServerCertificate:
    """Return the certificate for exactly these addresses and names, made now unless the file has it; OSError.

    ``now`` is in seconds since the epoch. The file is its owner's alone.
    """
    wanted = {"addresses": sorted(set(addresses)), "names": sorted(set(names))}
    kept = _kept(path, wanted, now)
    if kept is None:
        kept = json.dumps({**wanted, "notAfter": now + VALID_SECONDS}) + "\n" + _make(addresses, names, now)
        _write(path, kept)
    return ServerCertificate(path, _BEGIN + kept.rpartition(_BEGIN)[2])


def _kept(path: Path, wanted: dict[str, list[str]], now: float) -> str | None:
    """Return the file's text if it is complete, for the same addresses, and valid for long enough."""
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


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, so that a crash leaves the old or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)


def _make(addresses: Sequence[str], names: Sequence[str], now: float) -> str:
    """Return the server's key, its certificate and the authority's, in PEM."""
    from datetime import UTC, datetime
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubesvc-ca")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    usages = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    signs = x509.KeyUsage(**{**usages, "key_cert_sign": True})
    serves = x509.KeyUsage(**{**usages, "digital_signature": True})
    alternatives = [*(x509.IPAddress(ip_address(each)) for each in addresses), *(x509.DNSName(each) for each in names)]

    def builder(name: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.fromtimestamp(now - EARLIER_SECONDS, UTC))
            .not_valid_after(datetime.fromtimestamp(now + VALID_SECONDS, UTC))
        )

    authority = (
        builder(issuer, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signs, critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        builder(subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(serves, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return b"".join((private, server.public_bytes(pem), authority.public_bytes(pem))).decode()

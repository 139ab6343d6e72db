"""The key that signs ServiceAccounts' tokens: made on first use, and kept in a file.

`cryptography` is imported with the first token: a cluster without pods that have one never needs it.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kubeapi.meta import JSON
from kubeapi.serviceaccounts.jwt import ALGORITHM
from kubehost.io.privatefiles import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_BYTES = 32
"""Of a coordinate of a point of P-256, and of r and s."""


class SigningKey:
    """A key for ES256 in the file ``path`` (PEM, mode 0600). Every method raises OSError if it cannot be kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def key_id(self) -> str:
        """The name of the key in the head of its tokens: the hash of its public part."""
        point = self._x + self._y
        return _text(hashlib.sha256(b"\x04" + point).digest())

    def sign(self, message: bytes) -> bytes:
        """Return r and s, 32 bytes each."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_BYTES, "big") + s.to_bytes(_BYTES, "big")

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key has signed the message."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        if len(signature) != 2 * _BYTES:
            return False
        r, s = (int.from_bytes(signature[start : start + _BYTES], "big") for start in (0, _BYTES))
        try:
            self._key.public_key().verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def public_key(self) -> JSON:
        """Return the public key as a JSON Web Key."""
        point = {"x": _text(self._x), "y": _text(self._y)}
        return {"use": "sig", "kty": "EC", "kid": self.key_id, "crv": "P-256", "alg": ALGORITHM, **point}

    @cached_property
    def _key(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            kept = form.load_pem_private_key(self._path.read_bytes(), None)
        except (FileNotFoundError, ValueError):
            kept = None
        if isinstance(kept, ec.EllipticCurvePrivateKey) and isinstance(kept.curve, ec.SECP256R1):
            return kept
        made = ec.generate_private_key(ec.SECP256R1())
        text = made.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        write_private(self._path, text)
        return made

    @cached_property
    def _x(self) -> bytes:
        return self._key.public_key().public_numbers().x.to_bytes(_BYTES, "big")

    @cached_property
    def _y(self) -> bytes:
        return self._key.public_key().public_numbers().y.to_bytes(_BYTES, "big")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

"""JSON Web Tokens with one signature (RFC 7515, compact serialization; RFC 7519). Pure: a ``Signer`` has the key."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Protocol

from kubeapi.meta import JSON

ALGORITHM = "ES256"


class Signer(Protocol):
    """A private key for ES256."""

    @property
    def key_id(self) -> str:
        """The name of the key in the head of its tokens."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message: r and s, 32 bytes each."""
        ...

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key has signed the message."""
        ...

    def public_key(self) -> JSON:
        """Return the public key as a JSON Web Key (RFC 7517)."""
        ...


def encode(claims: JSON, signer: Signer) -> str:
    """Return the signed token of some claims."""
    head = {"alg": ALGORITHM, "kid": signer.key_id}
    message = b".".join(_pack(_line(each)) for each in (head, claims))
    return b".".join((message, _pack(signer.sign(message)))).decode()


def decode(token: str, signer: Signer) -> JSON | None:
    """Return the claims of a token that ``signer`` has signed, None for any other text."""
    claims = read_claims(token)
    if claims is None:
        return None
    message, _, signature = token.rpartition(".")
    try:
        is_genuine = signer.verifies(message.encode(), _unpack(signature))
    except ValueError:
        return None
    return claims if is_genuine else None


def read_claims(token: str) -> JSON | None:
    """Return what a token says of itself, whatever signed it; None for a text that is no token for ES256."""
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        return None
    try:
        head, claims = (json.loads(_unpack(each)) for each in parts[:2])
    except (ValueError, RecursionError):
        return None
    is_ours = isinstance(head, dict) and head.get("alg") == ALGORITHM
    return claims if is_ours and isinstance(claims, dict) else None


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _pack(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _unpack(text: str) -> bytes:
    """Return the bytes of base64url without padding; ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None

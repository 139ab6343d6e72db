"""An issuer of tokens with a key that needs no cryptography: a hash of a secret and the message."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.serviceaccounts.issuer import TokenIssuer

ISSUER = "https://kubernetes.default.svc.cluster.local"


class FakeSigner:
    """Signs with a secret that the test knows."""

    def __init__(self, secret: bytes = b"secret") -> None:
        self._secret = secret
        self.key_id = "key"

    def sign(self, message: bytes) -> bytes:
        """Return the hash."""
        return hmac.digest(self._secret, message, hashlib.sha512)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Tell whether the hash is right."""
        return hmac.compare_digest(self.sign(message), signature)

    def public_key(self) -> JSON:
        """Return its name alone."""
        return {"kid": self.key_id}


def token_issuer(registry: Registry, clock: Callable[[], float]) -> TokenIssuer:
    """Return the issuer of a cluster."""
    return TokenIssuer(registry, FakeSigner(), clock, ISSUER)

"""The issuer of ServiceAccounts' tokens: it makes them, and tells whose a token is. Pure.

Follows k8s.io/kubernetes ``pkg/serviceaccount`` (jwt.go, openidmetadata.go) and
``pkg/registry/core/serviceaccount/storage/token.go``.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.serviceaccount import TOKEN_SECONDS
from kubeapi.registry import Registry
from kubeapi.scheme import NODES
from kubeapi.serviceaccounts.claims import (
    LEGACY_ISSUER,
    Bound,
    Lifetime,
    TokenError,
    bound_claims,
    legacy_claims,
    user_of,
)
from kubeapi.serviceaccounts.jwt import ALGORITHM, Signer, decode, encode, read_claims
from kubeapi.users import User

EXTENDED_SECONDS = 365 * 86400
"""How long a pod's token really holds, for clients that do not read it again (ExpirationExtensionSeconds)."""
_REMEMBERED = 1024
"""Tokens whose signature is known to be good, so that a client's next request costs no verification."""

CONFIGURATION_PATH, KEYS_PATH = "/.well-known/openid-configuration", "/openid/v1/jwks"
"""Where others find the issuer's keys (OpenID Connect Discovery)."""


class Authenticated(NamedTuple):
    """The user of a token, and those of the wanted audiences that it is for."""

    user: User
    audiences: tuple[str, ...]


class TokenIssuer:
    """``address`` is the issuer's URL and the API's own audience; ``signer`` is asked when the first token is made."""

    def __init__(self, registry: Registry, signer: Signer, clock: Callable[[], float], address: str) -> None:
        self.address = address
        self._registry = registry
        self._objects = registry.store
        self._signer = signer
        self._clock = clock
        self._genuine: OrderedDict[str, JSON] = OrderedDict()

    @property
    def audiences(self) -> tuple[str, ...]:
        """The audiences of the API server itself."""
        return (self.address,)

    def issue(self, account: JSON, audiences: Sequence[str], seconds: int, bound: JSON | None = None) -> str:
        """Return a token of a ServiceAccount for some audiences; with ``bound`` (an object) it ends with that one."""
        now = self._clock()
        is_pod = bound is not None and bound["kind"] == "Pod"
        is_extended = is_pod and seconds == TOKEN_SECONDS and tuple(audiences) == self.audiences
        end, warn_after = (EXTENDED_SECONDS, now + seconds) if is_extended else (seconds, 0)
        token_id = str(uuid.UUID(int=self._registry.rng.getrandbits(128), version=4))
        references = self._references(bound) if bound is not None else []
        claims = bound_claims(account, audiences, Lifetime(now, now + end, warn_after), references, token_id)
        return self._remember({"iss": self.address, **claims})

    def issue_legacy(self, account: JSON, secret: JSON) -> str:
        """Return the token for a Secret of a ServiceAccount."""
        return self._remember(legacy_claims(account, secret))

    def authenticate(self, token: str, audiences: Sequence[str] = ()) -> Authenticated | None:
        """Return whose token it is; None if it is none of this issuer's. TokenError if it does not hold (any more).

        It must be for one of ``audiences``, by default the API server's.
        """
        claims = self._claims(token)
        if claims is None:
            return None
        wanted = tuple(audiences) or self.audiences
        is_legacy = claims.get("iss") == LEGACY_ISSUER
        given = self.audiences if is_legacy else tuple(claims.get("aud") or ())
        common = tuple(each for each in given if each in wanted)
        if not common:
            names = " ".join(f'"{each}"' for each in given), " ".join(f'"{each}"' for each in wanted)
            raise TokenError("token audiences [{}] is invalid for the target audiences [{}]".format(*names))
        return Authenticated(user_of(claims, self._objects, self._clock()), common)

    def configuration(self) -> JSON:
        """Return the document of OpenID Connect Discovery."""
        return {
            "issuer": self.address,
            "jwks_uri": f"{self.address}{KEYS_PATH}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }

    def keys(self) -> JSON:
        """Return the public keys."""
        return {"keys": [self._signer.public_key()]}

    def _references(self, bound: JSON) -> list[Bound]:
        """Return what a token is bound to: an object, and with a Pod its node, which is only told."""
        found = [_reference(bound)]
        node_name = bound["spec"].get("nodeName") if bound["kind"] == "Pod" else ""
        if node_name:
            node = self._objects.find(NODES, ObjectKey("", node_name))
            found.insert(0, _reference(node) if node else Bound("node", node_name, ""))
        return found

    def _remember(self, claims: JSON) -> str:
        token = encode(claims, self._signer)
        self._keep(token, claims)
        return token

    def _claims(self, token: str) -> JSON | None:
        known = self._genuine.get(token)
        if known is not None:
            self._genuine.move_to_end(token)
            return known
        said = read_claims(token)
        if said is None or said.get("iss") not in (self.address, LEGACY_ISSUER):
            return None
        claims = decode(token, self._signer)
        if claims is None:
            return None
        self._keep(token, claims)
        return claims

    def _keep(self, token: str, claims: JSON) -> None:
        self._genuine[token] = claims
        if len(self._genuine) > _REMEMBERED:
            self._genuine.popitem(last=False)


def _reference(obj: JSON) -> Bound:
    return Bound(obj["kind"].lower(), obj["metadata"]["name"], obj["metadata"]["uid"])

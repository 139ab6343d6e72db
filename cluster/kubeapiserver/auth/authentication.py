"""Whose a bearer token is: the cluster's own, which is the administrator's, or a ServiceAccount's. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubeapi.serviceaccounts.claims import TokenError
from kubeapi.serviceaccounts.issuer import Authenticated, TokenIssuer
from kubeapi.users import ADMINISTRATOR, User

_BEARER = "bearer "
_INVALID = "invalid bearer token"


class Authenticator:
    """``token`` is the administrator's; without an ``issuer`` there are no others."""

    def __init__(self, token: str, issuer: TokenIssuer | None = None) -> None:
        self.issuer = issuer
        self._token = token.encode()

    def user(self, headers: Mapping[str, str]) -> User | None:
        """Return the user of a request; None without a token that holds."""
        authorization = headers.get("authorization", "")
        if authorization[: len(_BEARER)].lower() != _BEARER:
            return None
        given = authorization[len(_BEARER) :].strip()
        if hmac.compare_digest(given.encode(errors="surrogateescape"), self._token):  # in constant time
            return ADMINISTRATOR
        found = self.review(given)
        return found.authenticated.user if found.authenticated is not None else None

    def review(self, token: str, audiences: Sequence[str] = ()) -> Review:
        """Return whose token it is, or why it is nobody's (the filters of apiserver ``pkg/authentication/request``)."""
        if hmac.compare_digest(token.encode(errors="surrogateescape"), self._token):
            wanted = tuple(audiences) or (self.issuer.audiences if self.issuer else ())
            return Review(Authenticated(ADMINISTRATOR, wanted))
        try:
            found = self.issuer.authenticate(token, audiences) if self.issuer is not None else None
        except TokenError as error:
            return Review(None, f"[{_INVALID}, {error}]")
        return Review(found, "" if found else _INVALID)


class Review(NamedTuple):
    """The answer to whose a token is; ``fault`` says why it is nobody's."""

    authenticated: Authenticated | None
    fault: str = ""

"""What a ServiceAccount's token says, and whether that still holds. Pure.

Follows k8s.io/kubernetes ``pkg/serviceaccount`` (claims.go: bound tokens; legacy.go: those in Secrets).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kubeapi.kind import Objects
from kubeapi.meta import JSON, ObjectKey, is_terminating, parse_time
from kubeapi.objects.parts import map_at
from kubeapi.scheme import NODES, PODS, SECRETS, SERVICEACCOUNTS
from kubeapi.users import AUTHENTICATED, User, account_groups, account_user_name

LEGACY_ISSUER = "kubernetes/serviceaccount"
_LEEWAY = 60.0
"""Seconds by which clocks may differ (go-jose's DefaultLeeway)."""
_KUBERNETES = "kubernetes.io"
_LEGACY = "kubernetes.io/serviceaccount/"
_BINDABLE = {"secret": SECRETS, "pod": PODS, "node": NODES}
_POD, _NODE, _CREDENTIAL = (f"authentication.kubernetes.io/{each}" for each in ("pod-", "node-", "credential-id"))


class TokenError(Exception):
    """The token does not hold; the text is the real server's."""


class Lifetime(NamedTuple):
    """When a token begins and ends, in seconds since the epoch; ``warn_after`` 0: the API warns of no such token."""

    begin: float
    end: float
    warn_after: float = 0


class Bound(NamedTuple):
    """An object with which a token ends: its kind in lower case (``pod``, ``secret``, ``node``), name and uid."""

    kind: str
    name: str
    uid: str


def bound_claims(
    account: JSON, audiences: Sequence[str], lifetime: Lifetime, bound: Sequence[Bound], token_id: str
) -> JSON:
    """Return the claims of a token of TokenRequest, but for its issuer."""
    metadata = account["metadata"]
    private: JSON = {"namespace": metadata["namespace"]}
    private |= {each.kind: {"name": each.name, "uid": each.uid} for each in bound}
    private["serviceaccount"] = {"name": metadata["name"], "uid": metadata["uid"]}
    if lifetime.warn_after:
        private["warnafter"] = int(lifetime.warn_after)
    return {
        "aud": list(audiences),
        "exp": int(lifetime.end),
        "iat": int(lifetime.begin),
        "jti": token_id,
        _KUBERNETES: private,
        "nbf": int(lifetime.begin),
        "sub": account_user_name(ObjectKey(metadata["namespace"], metadata["name"])),
    }


def legacy_claims(account: JSON, secret: JSON) -> JSON:
    """Return the claims of the token in a Secret, which never ends."""
    metadata = account["metadata"]
    return {
        "iss": LEGACY_ISSUER,
        f"{_LEGACY}namespace": metadata["namespace"],
        f"{_LEGACY}secret.name": secret["metadata"]["name"],
        f"{_LEGACY}service-account.name": metadata["name"],
        f"{_LEGACY}service-account.uid": metadata["uid"],
        "sub": account_user_name(ObjectKey(metadata["namespace"], metadata["name"])),
    }


def user_of(claims: JSON, objects: Objects, now: float) -> User:
    """Return the user of a genuine token; TokenError if the token or what it is bound to has ended."""
    if claims.get("iss") == LEGACY_ISSUER:
        return _legacy_user(claims, objects)
    if now > _number(claims, "exp") + _LEEWAY:
        raise TokenError("service account token has expired")
    if now < _number(claims, "nbf") - _LEEWAY:
        raise TokenError("service account token is not valid yet")
    private = map_at(claims, _KUBERNETES)
    namespace, account = private.get("namespace", ""), map_at(private, "serviceaccount")
    uid = _check_account(objects, ObjectKey(namespace, account.get("name", "")), account.get("uid", ""), now)
    for kind in _BINDABLE:
        if kind in private and not (kind == "node" and "pod" in private):
            _check_bound(objects, kind, namespace, private[kind], now)
    return _user(namespace, account["name"], uid, _extra(claims, private))


def _legacy_user(claims: JSON, objects: Objects) -> User:
    said = {name: str(claims.get(f"{_LEGACY}{name}", "")) for name in ("namespace", "secret.name")}
    namespace, secret_name = said["namespace"], said["secret.name"]
    name, uid = (str(claims.get(f"{_LEGACY}service-account.{each}", "")) for each in ("name", "uid"))
    if objects.find(SECRETS, ObjectKey(namespace, secret_name)) is None:
        raise TokenError("service account token has been invalidated")
    return _user(namespace, name, _check_account(objects, ObjectKey(namespace, name), uid, 0), {})


def _check_account(objects: Objects, key: ObjectKey, uid: str, now: float) -> str:
    account = objects.find(SERVICEACCOUNTS, key)
    if account is None:
        raise TokenError(f'serviceaccounts "{key.name}" not found')
    stored = account["metadata"]["uid"]
    if stored != uid:
        raise TokenError(f"service account UID ({stored}) does not match claim ({uid})")
    if _is_gone(account, now):
        raise TokenError(f"service account {key} has been deleted")
    return str(stored)


def _check_bound(objects: Objects, kind: str, namespace: str, reference: Any, now: float) -> None:
    name, uid = reference.get("name", ""), reference.get("uid", "")
    obj = objects.find(_BINDABLE[kind], ObjectKey("" if kind == "node" else namespace, name))
    if obj is None or _is_gone(obj, now):
        raise TokenError("service account token has been invalidated")
    stored = obj["metadata"]["uid"]
    if stored != uid:
        raise TokenError(f"{kind} UID ({stored}) does not match service account {kind} ref claim ({uid})")


def _is_gone(obj: JSON, now: float) -> bool:
    return is_terminating(obj) and parse_time(obj["metadata"]["deletionTimestamp"]) < now - _LEEWAY


def _extra(claims: JSON, private: JSON) -> dict[str, list[str]]:
    extra: dict[str, list[str]] = {}
    if "jti" in claims:
        extra[_CREDENTIAL] = [f"JTI={claims['jti']}"]
    for prefix, kind in ((_NODE, "node"), (_POD, "pod")):
        for part in ("name", "uid"):
            if text := map_at(private, kind).get(part):
                extra[f"{prefix}{part}"] = [text]
    return extra


def _user(namespace: str, name: str, uid: str, extra: dict[str, list[str]]) -> User:
    groups = (*account_groups(namespace), AUTHENTICATED)
    return User(account_user_name(ObjectKey(namespace, name)), groups, uid, extra)


def _number(claims: JSON, field: str) -> float:
    value = claims.get(field)
    return float(value) if isinstance(value, int | float) else 0.0

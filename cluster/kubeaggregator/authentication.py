"""How an extension API server knows the user of a request: the headers, and what it trusts them by. Pure.

Follows client-go ``transport/round_trippers.go`` (SetAuthProxyHeaders), kube-apiserver's
``controller/clusterauthenticationtrust`` and the flags of kubeadm.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from kubeapi.meta import JSON
from kubeapi.users import MASTERS, User

PROXY_NAME = "front-proxy-client"
"""The common name of the certificate with which requests are forwarded."""
NAMESPACE, CONFIG_NAME = "kube-system", "extension-apiserver-authentication"
"""The ConfigMap that tells extension API servers which certificates to trust."""

CHECKER = User("system:kube-aggregator", (MASTERS,))
"""The user that asks whether a server answers, and for its discovery."""
OLD_CHECKER = User("system:kube-aggregator", ())
"""The one that asks for the older form of discovery."""
SPECIFIER = User("system:aggregator", ())
"""The user that asks for OpenAPI documents."""

_PREFIX, _EXTRA = "x-remote-", "X-Remote-Extra-"
_KEPT = frozenset("!#$&'*+-.^_`|~")
"""What a header's name may have beside letters and digits; all else, and the percent sign, is escaped."""


def user_headers(user: User) -> Iterator[tuple[str, str]]:
    """Yield the headers that name the user of a request."""
    yield "X-Remote-User", user.name
    if user.uid:
        yield "X-Remote-Uid", user.uid
    for group in user.groups:
        yield "X-Remote-Group", group
    for key, values in user.extra.items():
        for value in values:
            yield _EXTRA + _escaped(key), value


def is_identity(header: str) -> bool:
    """Tell whether a header names the user of a request: what a client sends of these is not forwarded."""
    return header.lower().startswith((_PREFIX, "impersonate-"))


def _escaped(key: str) -> str:
    return "".join(each if _is_kept(each) else "".join(f"%{byte:02X}" for byte in each.encode()) for each in key)


def _is_kept(letter: str) -> bool:
    return letter in _KEPT or (letter.isascii() and letter.isalnum())


def trust_config(client_authority: str, proxy_authority: str) -> JSON:
    """Return the ConfigMap; both authorities are certificates in PEM."""
    lists = {
        "requestheader-allowed-names": [PROXY_NAME],
        "requestheader-extra-headers-prefix": [_EXTRA],
        "requestheader-group-headers": ["X-Remote-Group"],
        "requestheader-username-headers": ["X-Remote-User"],
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_NAME, "namespace": NAMESPACE},
        "data": {
            "client-ca-file": client_authority,
            **{name: json.dumps(names) for name, names in lists.items()},
            "requestheader-client-ca-file": proxy_authority,
        },
    }

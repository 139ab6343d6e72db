"""Credentials that expire: what plugins print and tokens say, and until when they hold. Pure.

Follows client-go ``plugin/pkg/client/auth/exec`` and ``.../oidc``.
"""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple
from urllib.parse import quote

from kubeapi.meta import parse_time
from kubeclient.kubeconfig.access import NO_PEM, ConfigError, ExecPlugin, Impersonation, Pem, Server, User

EXPIRY_MARGIN_SECONDS = 10.0
"""Credentials are renewed so long before they expire, as clocks differ (oidc's expiryDelta)."""
TOKEN_FILE_SECONDS = 60.0
"""How long a token from a file is used before the file is read again (transport's cachingTokenSource)."""

CERTIFICATE_FILE_SECONDS = 300.0
"""How long a client certificate from a file is used before the file is read again (CertCallbackRefreshDuration)."""
_OF_HEADER_NAMES = "!#$&'*+^`|"
"""What stays as it is in the name of a header, besides letters, digits and ``-._~``."""


class Credential(NamedTuple):
    """What is sent with a request: a bearer token, a client certificate, or both. ``expires_at`` None: never."""

    authorization: str = ""
    certificate: Pem = NO_PEM
    key: Pem = NO_PEM
    expires_at: float | None = None

    def is_due(self, now: float) -> bool:
        """Tell whether it must be renewed."""
        return self.expires_at is not None and now >= self.expires_at - EXPIRY_MARGIN_SECONDS


def static_credential(user: User) -> Credential:
    """Return the token or password that the kubeconfig itself has."""
    authorization = ""
    if user.token:
        authorization = f"Bearer {user.token}"
    elif user.username or user.password:
        pair = f"{user.username}:{user.password}".encode()
        authorization = f"Basic {base64.b64encode(pair).decode()}"
    return Credential(authorization)


def read_exec_credential(text: bytes, plugin: ExecPlugin, server: str) -> Credential:
    """Return the credential that a plugin has printed; ConfigError if it is none."""
    where = f"{plugin.command}, the exec plugin for {server}"
    try:
        printed = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError(f"{where}: what it prints is no JSON; run it by hand to see why") from None
    status = printed.get("status") if isinstance(printed, dict) else None
    if not isinstance(status, dict) or printed.get("kind") != "ExecCredential":
        raise ConfigError(f"{where}: it prints no ExecCredential with a status; run it by hand to see why")
    if printed.get("apiVersion") != plugin.api_version:
        message = f"{where}: it prints {printed.get('apiVersion')}, but the kubeconfig says {plugin.api_version}"
        raise ConfigError(f"{message}; make the two agree")
    token, certificate, key = (
        str(status.get(name) or "") for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if not token and not (certificate and key):
        raise ConfigError(f"{where}: its status has neither a token nor a certificate with its key")
    return Credential(
        f"Bearer {token}" if token else "",
        Pem(certificate.encode(errors="replace")),
        Pem(key.encode(errors="replace")),
        _expiry(status.get("expirationTimestamp"), where),
    )


def _expiry(text: Any, where: str) -> float | None:
    if not text:
        return None
    try:
        return parse_time(str(text))
    except ValueError:
        raise ConfigError(f"{where}: expirationTimestamp {text!r} is no time (RFC 3339)") from None


def exec_info(plugin: ExecPlugin, server: Server, authority: bytes) -> str:
    """Return KUBERNETES_EXEC_INFO: what a plugin is told."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.has_cluster:
        about: dict[str, Any] = {
            "server": server.url,
            "tls-server-name": server.name,
            "insecure-skip-tls-verify": server.is_insecure,
            "certificate-authority-data": base64.b64encode(authority).decode(),
            "proxy-url": server.proxy,
            "config": plugin.cluster_config,
        }
        spec["cluster"] = {name: value for name, value in about.items() if value}
    return json.dumps({"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec})


def token_expiry(token: str) -> float | None:
    """Return when a JSON Web Token expires, in seconds; None for a text that is none, or says nothing."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    expiry = claims.get("exp") if isinstance(claims, dict) else None
    return float(expiry) if isinstance(expiry, int | float) else None


def impersonation_headers(acts_as: Impersonation) -> list[tuple[str, str]]:
    """Return the headers that ask to act as another user (client-go ``transport`` impersonatingRoundTripper)."""
    headers = [("Impersonate-User", acts_as.user)] if acts_as.user else []
    headers += [("Impersonate-Uid", acts_as.uid)] if acts_as.uid else []
    headers += [("Impersonate-Group", group) for group in acts_as.groups]
    headers += [(f"Impersonate-Extra-{_escaped(name)}", value) for name, values in acts_as.extra for value in values]
    return headers


def _escaped(name: str) -> str:
    """Return the name of an extra field as headers have it (headerKeyEscape)."""
    return quote(name, safe=_OF_HEADER_NAMES)

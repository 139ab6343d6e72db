"""Renews the token of an OpenID Connect user by its refresh token (client-go ``plugin/pkg/client/auth/oidc``).

The new tokens stay in this process: unlike kubectl, nothing here writes the user's kubeconfig.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from typing import Any
from urllib.parse import urlencode, urlsplit

from kubeclient.endpoint import endpoint_of
from kubeclient.http.io.connecting import Route
from kubeclient.http.io.connections import Connections, Request
from kubeclient.http.io.tls import make_context
from kubeclient.kubeconfig.access import NO_PEM, ConfigError, OpenIDConnect, Server

SECONDS = 30.0
_DISCOVERY = ".well-known/openid-configuration"
_FORM = "application/x-www-form-urlencoded"


async def refreshed(oidc: OpenIDConnect) -> OpenIDConnect:
    """Return the user with new tokens; ConfigError if the issuer gives none."""
    if not oidc.refresh_token:
        raise ConfigError(f"the id-token of {oidc.issuer} has expired, and there is no refresh-token; log in again")
    form = {"grant_type": "refresh_token", "refresh_token": oidc.refresh_token, "client_id": oidc.client_id}
    secret = {"client_secret": oidc.client_secret} if oidc.client_secret else {}
    try:
        async with asyncio.timeout(SECONDS):
            discovered = await _ask(oidc, f"{oidc.issuer.rstrip('/')}/{_DISCOVERY}")
            given = await _ask(oidc, str(discovered["token_endpoint"]), {**form, **secret})
        return oidc._replace(
            id_token=str(given["id_token"]), refresh_token=str(given.get("refresh_token", oidc.refresh_token))
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = f"it names no {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{oidc.issuer} gives no new id-token: {reason}; log in again") from None


async def _ask(oidc: OpenIDConnect, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON object at a URL: with GET, or with POST for a form. OSError, ValueError, TypeError."""
    endpoint = endpoint_of(url)
    target = urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl() or "/"
    connections = Connections(Route(endpoint, make_context(Server(endpoint.url, oidc.authority), NO_PEM, NO_PEM)))
    wanted = Request("GET", target, [])
    if form is not None:
        wanted = Request("POST", target, [("Content-Type", _FORM)], urlencode(form).encode())
    with closing(connections), closing(await connections.send(wanted, SECONDS)) as answer:
        if answer.status not in range(200, 300):
            message = f"{url} answers {answer.status}"
            raise ValueError(message)
        return dict(json.loads(b"".join([each async for each in answer.chunks()])))

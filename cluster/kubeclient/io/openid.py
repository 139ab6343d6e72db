"""Renews the token of an OpenID Connect user by its refresh token (client-go ``plugin/pkg/client/auth/oidc``).

The new tokens stay in this process: unlike kubectl, nothing here writes the user's kubeconfig.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import aiohttp

from kubeclient.access import ConfigError, OpenIDConnect, Pem, Server
from kubeclient.io.tls import make_context

SECONDS = 30.0
_DISCOVERY = ".well-known/openid-configuration"


async def refreshed(oidc: OpenIDConnect) -> OpenIDConnect:
    """Return the user with new tokens; ConfigError if the issuer gives none."""
    if not oidc.refresh_token:
        raise ConfigError(f"the id-token of {oidc.issuer} has expired, and there is no refresh-token; log in again")
    context = make_context(Server(oidc.issuer, oidc.authority), Pem(), Pem())
    connector = aiohttp.TCPConnector(ssl=context or True)
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            discovered = await _ask(session, "GET", f"{oidc.issuer.rstrip('/')}/{_DISCOVERY}")
            form = {"grant_type": "refresh_token", "refresh_token": oidc.refresh_token, "client_id": oidc.client_id}
            secret = {"client_secret": oidc.client_secret} if oidc.client_secret else {}
            given = await _ask(session, "POST", str(discovered["token_endpoint"]), data={**form, **secret})
            return replace(
                oidc, id_token=str(given["id_token"]), refresh_token=str(given.get("refresh_token", oidc.refresh_token))
            )
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, TypeError, KeyError) as error:
        reason = f"it names no {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{oidc.issuer} gives no new id-token: {reason}; log in again") from None


async def _ask(session: aiohttp.ClientSession, method: str, url: str, **options: Any) -> dict[str, Any]:
    async with session.request(method, url, **options) as answer:
        answer.raise_for_status()
        return dict(await answer.json(content_type=None))

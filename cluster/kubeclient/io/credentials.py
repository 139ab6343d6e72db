"""The user's credentials, renewed before they expire and when the server refuses them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any

from kubeclient.http.io.tls import content_of
from kubeclient.kubeconfig.access import Access, ConfigError, ExecPlugin, OpenIDConnect, Pem
from kubeclient.kubeconfig.credentials import (
    CERTIFICATE_FILE_SECONDS,
    TOKEN_FILE_SECONDS,
    Credential,
    exec_info,
    read_exec_credential,
    static_credential,
    token_expiry,
)
from kubeclient.kubeconfig.io.loading import read_file

PLUGIN_SECONDS = 120.0
"""How long a plugin may take: long enough to log in by a browser, whose address it prints."""
MOST_BYTES = 1 << 20
"""What a plugin may print; client-go has no bound, but one that prints for ever would take all memory."""
STDERR = 2
WORDS_KEPT = 500
"""Bytes of what a plugin said last that are in the error."""


class Credentials:
    """What is sent as the user. ``clock`` is in seconds since the epoch, as the times of plugins and tokens are."""

    def __init__(self, access: Access, clock: Callable[[], float]) -> None:
        self._access = access
        self._clock = clock
        self._lock = asyncio.Lock()
        self._current: Credential | None = None
        self._oidc = access.user.oidc
        self._is_refused = False

    async def current(self) -> Credential:
        """Return the credential, renewed if it is due. ConfigError if it cannot be had."""
        async with self._lock:
            if self._current is None or self._current.is_due(self._clock()):
                self._current = self._certified(await self._renew())
            return self._current

    def refuse(self, credential: Credential) -> bool:
        """Drop a credential that the server has refused; tell whether there can be another one."""
        user = self._access.user
        if self._current is credential and (user.plugin or user.token_file or user.oidc or user.certificate.file):
            self._current, self._is_refused = None, True
        return self._current is not credential

    async def _renew(self) -> Credential:
        user = self._access.user
        static = static_credential(user)
        if user.token_file:
            token = read_file(user.token_file).decode("ascii", "replace").strip()
            if not token:
                raise ConfigError(f"{user.token_file}: the token file is empty")
            return static._replace(authorization=f"Bearer {token}", expires_at=self._clock() + TOKEN_FILE_SECONDS)
        if user.plugin is not None and not static.authorization:
            server = self._access.server
            told = exec_info(user.plugin, server, content_of(server.authority) if user.plugin.has_cluster else b"")
            return read_exec_credential(await _run(user.plugin, told), user.plugin, server.url)
        if self._oidc is not None:
            return static._replace(**await self._id_token(self._oidc))
        return static

    def _certified(self, credential: Credential) -> Credential:
        """Return a credential with the user's certificate, unless a plugin has given one; its files may be renewed."""
        user = self._access.user
        if credential.certificate or not user.certificate:
            return credential
        certificate, key = (Pem(content_of(each), each.file) for each in (user.certificate, user.key))
        due = self._clock() + CERTIFICATE_FILE_SECONDS if user.certificate.file else None
        expiries = [each for each in (credential.expires_at, due) if each is not None]
        return Credential(credential.authorization, certificate, key, min(expiries, default=None))

    async def _id_token(self, oidc: OpenIDConnect) -> dict[str, Any]:
        """Return the id-token's fields of the credential; a new token if the old one is due, or was refused."""
        expiry = token_expiry(oidc.id_token)
        if self._is_refused or not oidc.id_token or Credential(expires_at=expiry).is_due(self._clock()):
            # Imported here, as few users log in so.
            from kubeclient.io.openid import refreshed

            self._oidc = oidc = await refreshed(oidc)
            self._is_refused = False
        return {"authorization": f"Bearer {oidc.id_token}", "expires_at": token_expiry(oidc.id_token)}


async def _run(plugin: ExecPlugin, told: str) -> bytes:
    """Return what a plugin prints; ConfigError if it cannot be run, fails or takes too long."""
    process = await _start(plugin, told)
    try:
        async with asyncio.timeout(PLUGIN_SECONDS):
            printed, said = await asyncio.gather(_printed(process), _pass_on(process))
            await process.wait()
    except TimeoutError:
        raise ConfigError(f"the exec plugin {plugin.command} has not ended after {PLUGIN_SECONDS:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if len(printed) > MOST_BYTES:
        what = f"more than {MOST_BYTES >> 20} MiB, and an ExecCredential has a few KiB"
        raise ConfigError(f"the exec plugin {plugin.command} prints {what}; run it by hand to see why")
    if process.returncode:
        words = said.decode("utf-8", "replace").strip()
        message = f"the exec plugin {plugin.command} ended with status {process.returncode}"
        raise ConfigError(f"{message}: {words}" if words else message)
    return printed


async def _printed(process: asyncio.subprocess.Process) -> bytes:
    """Return what a plugin prints; one that prints too much is killed, and the rest of it is dropped."""
    assert process.stdout is not None
    printed = b""
    while chunk := await process.stdout.read(65536):
        if len(printed) <= MOST_BYTES:
            printed += chunk
        elif process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    return printed


async def _pass_on(process: asyncio.subprocess.Process) -> bytes:
    """Show the user what a plugin says, as kubectl does; returns the last of it."""
    assert process.stderr is not None
    said = b""
    while chunk := await process.stderr.read(4096):
        with contextlib.suppress(OSError):
            os.write(STDERR, chunk)
        said = (said + chunk)[-WORDS_KEPT:]
    return said


async def _start(plugin: ExecPlugin, told: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": told}
    if environment.get("SSL_CERT_FILE") == os.devnull:
        # This program's own, to start faster; see the TLS context.
        del environment["SSL_CERT_FILE"]
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        return await asyncio.create_subprocess_exec(
            plugin.command, *plugin.args, env=environment, stdin=null, stdout=pipe, stderr=pipe
        )
    except OSError as error:
        hint = f"; {plugin.install_hint.strip()}" if plugin.install_hint else ""
        raise ConfigError(f"the exec plugin {plugin.command} cannot be run: {error.strerror}{hint}") from None

"""TLS settings of servers, made of certificates in PEM: one for each certificate, chosen by the name that is asked for.

The standard library reads certificates from files only, so each is in a file of memory (memfd_create(2)) for a moment.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable

from kubeproxy.ingress.certificates import Certificates, KeyPair

Server = ssl.SSLObject | ssl.SSLSocket


class _Unraisable:
    """In place of ``sys.unraisablehook``: passes over clients' server names that are not ASCII.

    The standard library decodes a name before it calls ``sni_callback``, and reports one that it cannot decode there;
    the handshake fails then, which is all that the client learns. Any client could fill the log that way.
    """

    _previous: Callable[[sys.UnraisableHookArgs], object] | None = None

    def install(self) -> None:
        """Take the hook's place, once."""
        if self._previous is None:
            self._previous, sys.unraisablehook = sys.unraisablehook, self._report

    def _report(self, told: sys.UnraisableHookArgs) -> None:
        is_server_name = told.exc_type is UnicodeDecodeError and isinstance(told.object, bytes)
        if self._previous is not None and not is_server_name:
            self._previous(told)


_UNRAISABLE = _Unraisable()


def server_context(pair: KeyPair) -> ssl.SSLContext:
    """Return the settings of a server with a certificate; OSError (ssl.SSLError) if that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(pair.certificate + b"\n" + pair.key)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=_no_password)
    finally:
        os.close(descriptor)
    return context


def fault_of(pair: KeyPair) -> str:
    """Return why a certificate cannot be used, "" if it can."""
    try:
        server_context(pair)
    except ssl.SSLError as error:
        return _FAULTS.get(error.reason, str(error.reason or error).lower().replace("_", " "))
    except (OSError, ValueError) as error:
        return str(error)
    return ""


_FAULTS = {
    "KEY_VALUES_MISMATCH": "its key is not that of its certificate",
    "NO_START_LINE": "there is no PEM block in it",
    None: "it is not PEM",
}
"""OpenSSL's reasons in words."""


def _no_password() -> str:
    """Without it OpenSSL asks on the terminal."""
    raise ValueError("its key is encrypted")


class Contexts:
    """The settings of all certificates in use."""

    def __init__(self) -> None:
        self._by_pair: dict[KeyPair, ssl.SSLContext] = {}

    def front(self, certificates: Callable[[], Certificates]) -> ssl.SSLContext:
        """Return settings that choose among the certificates of that moment by each client's SNI."""

        def choose(server: Server, name: str | None, _context: ssl.SSLContext) -> None:
            server.context = self._of(certificates().find(name))

        _UNRAISABLE.install()
        context = server_context(certificates().default)
        context.sni_callback = choose
        return context

    def retain(self, certificates: Certificates) -> None:
        """Forget all settings but those of these certificates."""
        kept = {certificates.default, *certificates.by_name.values()}
        self._by_pair = {pair: each for pair, each in self._by_pair.items() if pair in kept}

    def _of(self, pair: KeyPair) -> ssl.SSLContext:
        found = self._by_pair.get(pair)
        if found is None:
            found = self._by_pair[pair] = server_context(pair)
        return found

"""agnhost's ``mtlsserver`` and ``mtlsclient``: two ends of a connection that both show a certificate.

The server answers with the SPIFFE identity in the client's certificate. Follows k8s.io/kubernetes
``test/images/agnhost/mtlsserver`` and ``mtlsclient``; unlike there, a client's certificate that does not hold ends the
handshake. They block, a thread for each connection.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import http.client
import http.server
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from kubeapi.serialization.pem import certificate_block, read_blocks
from kubelet.servers.agnhost.golog import log
from kubelet.spec.server import ServerError

PATH = "/spiffe-echo"
PAUSE_SECONDS = 10.0
SECONDS = 30.0
_REQUIRED = "SPIFFE client certificate authentication required\n"


def server_context(credentials: str, trust: str) -> ssl.SSLContext:
    """Return a context that asks clients for a certificate; ServerError. Both are files in PEM."""
    return _context(ssl.PROTOCOL_TLS_SERVER, credentials, trust)


def _context(protocol: int, credentials: str, trust: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.verify_mode = ssl.CERT_OPTIONAL
    # Certificates of SPIFFE may have no subject, which Go does not mind either.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=anchors(Path(trust).read_text(), Path(credentials).read_text()))
        context.load_cert_chain(credentials)
    except OSError as error:
        raise ServerError(f"while loading {trust} and {credentials}: {error.strerror or error}") from error
    return context


def anchors(trust: str, credentials: str) -> str:
    """Return the certificates that begin a chain: those of ``trust``, both in PEM.

    OpenSSL cannot tell the certificates of an authority apart that has no name, as that of Kubernetes' own suite: in
    place of its first one those of our own chain count that it has signed.
    """
    own = [each.content for each in read_blocks(credentials) if each.kind == "CERTIFICATE"][1:]
    found: list[bytes] = []
    for block in read_blocks(trust):
        below = [each for each in own if is_signed_without_name(each, block.content)]
        found += below or [block.content]
    return "".join(map(certificate_block, found))


def is_signed_without_name(certificate: bytes, authority: bytes) -> bool:
    """Tell whether an authority without a name has signed a certificate, both in DER; False without libcrypto."""
    path = ctypes.util.find_library("crypto")
    if path is None:
        return False
    library = ctypes.CDLL(path)
    for name in ("d2i_X509", "X509_get0_pubkey", "X509_get_subject_name"):
        getattr(library, name).restype = ctypes.c_void_p
    signed, signer = (_parsed(library, each) for each in (certificate, authority))
    if signed.value is None or signer.value is None:
        return False
    try:
        subject = ctypes.c_void_p(library.X509_get_subject_name(signer))
        key = ctypes.c_void_p(library.X509_get0_pubkey(signer))
        return bool(library.X509_NAME_entry_count(subject) == 0 and library.X509_verify(signed, key) == 1)
    finally:
        for each in (signed, signer):
            library.X509_free(each)


def _parsed(library: ctypes.CDLL, content: bytes) -> ctypes.c_void_p:
    """Return a certificate of OpenSSL, null for what is none; the caller frees it."""
    start = ctypes.c_char_p(content)
    return ctypes.c_void_p(library.d2i_X509(None, ctypes.byref(start), ctypes.c_long(len(content))))


def serve(listener: socket.socket, options: Mapping[str, Any]) -> NoReturn:
    """Serve on ``listener`` for ever; ServerError if ``credentials`` or ``trust`` cannot be read."""
    context = server_context(options["credentials"], options["trust"])
    listener.setblocking(True)
    server = _Server(listener.getsockname(), _Handler, bind_and_activate=False)
    server.socket.close()
    # The handshake is made by the thread of a connection, so that a silent client holds up nobody.
    server.socket = context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
    raise SystemExit(0)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        log(f"http: TLS handshake error from {client_address}: {sys.exc_info()[1]}")


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = SECONDS

    def do_GET(self) -> None:
        if self.path != PATH:
            self._answer(404, "404 page not found\n")
            return
        assert isinstance(self.connection, ssl.SSLSocket)
        found = self.connection.getpeercert()
        names: Any = found.get("subjectAltName", ()) if found else ()
        identities = [value for kind, value in names if kind == "URI"]
        if not found:
            self._answer(401, _REQUIRED)
        elif len(identities) != 1:
            log(f"SPIFFE client certificate did not have 1 URI SAN, count: {len(identities)}")
            self._answer(401, "Malformed SPIFFE certificate\n")
        else:
            self._answer(200, f"Client Identity: {identities[0]}")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server
        """Write no access log."""


def poll(options: Mapping[str, Any], _environment: Mapping[str, str]) -> int:
    """Fetch ``options["url"]`` every ten seconds, and log what comes back."""
    while True:
        time.sleep(PAUSE_SECONDS)
        try:
            log(f"Got response body: {fetch(options['url'], options['credentials'], options['trust'])}")
        except (OSError, ServerError, http.client.HTTPException) as error:
            log(f"while sending requests to the server: {error}")


def fetch(url: str, credentials: str, trust: str) -> str:
    """Return the body at a URL; OSError, ServerError, http.client.HTTPException. Both files are read anew."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, credentials, trust)
    split = urlsplit(url)
    connection = http.client.HTTPSConnection(split.netloc, timeout=SECONDS, context=context)
    try:
        connection.request("GET", split.path or "/")
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise OSError(f'non-2xx status {answer.status} "{answer.status} {answer.reason}"')
    return body

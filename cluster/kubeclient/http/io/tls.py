"""The TLS of one API server: its authorities, and the client's certificate."""

from __future__ import annotations

import os
import ssl

from kubeclient.kubeconfig.access import ConfigError, Pem, Server
from kubeclient.kubeconfig.io.loading import read_file


def content_of(pem: Pem) -> bytes:
    """Return the bytes of a certificate or key; ConfigError if its file cannot be read."""
    return pem.content or (read_file(pem.file) if pem.file else b"")


def make_context(server: Server, certificate: Pem, key: Pem) -> ssl.SSLContext | None:
    """Return the context for connections to a server, None if it is asked without TLS. ConfigError.

    The kubeconfig's authorities alone are trusted, as by kubectl; the machine's own where it names none.
    """
    if not server.url.startswith("https://"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if server.is_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif server.authority:
        _trust(context, server.authority)
    else:
        _trust_machine(context)
    if certificate:
        _present(context, certificate, key)
    return context


def _trust(context: ssl.SSLContext, authority: Pem) -> None:
    where = authority.file or "certificate-authority-data"
    try:
        context.load_verify_locations(cadata=content_of(authority).decode())
    except (ssl.SSLError, ValueError):
        raise ConfigError(f"{where} has no certificate in PEM form; copy the cluster's CA certificate there") from None


def _trust_machine(context: ssl.SSLContext) -> None:
    """Trust the machine's authorities. An SSL_CERT_FILE of /dev/null is this program's own, to start faster."""
    if os.environ.get(ssl.get_default_verify_paths().openssl_cafile_env) != os.devnull:
        context.load_default_certs()
        return
    paths = ssl.get_default_verify_paths()
    file, folder = paths.openssl_cafile, paths.openssl_capath
    context.load_verify_locations(
        cafile=file if os.path.isfile(file) else None,  # noqa: PTH113 - text from the library
        capath=folder if os.path.isdir(folder) else None,  # noqa: PTH112
    )


def _present(context: ssl.SSLContext, certificate: Pem, key: Pem) -> None:
    """Show a client certificate. The library takes files only; this one has no name, and ends with its descriptor."""
    file = os.memfd_create("client certificate", os.MFD_CLOEXEC)
    try:
        os.write(file, content_of(certificate).rstrip() + b"\n" + content_of(key))
        context.load_cert_chain(f"/proc/self/fd/{file}", password=_no_password)
    except ssl.SSLError as error:
        where = " and ".join(each.file or f"{name}-data" for name, each in (("certificate", certificate), ("key", key)))
        reason = f"({error.reason})" if error.reason else ""
        raise ConfigError(f"the client certificate cannot be used: {where} are no PEM pair {reason}".rstrip()) from None
    finally:
        os.close(file)


def _no_password() -> str:
    """Give an encrypted key no password, so that it is an error: the library would ask on the terminal."""
    return ""

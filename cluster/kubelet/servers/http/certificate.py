"""The certificate with which porter speaks TLS: that of the image agnhost."""

from __future__ import annotations

import os
import ssl

from kubelet.images.localhost import CERTIFICATE, KEY


def server_context(files: tuple[str, str] | None = None) -> ssl.SSLContext:
    """Return a context that serves with it, or with the certificate and key in ``files``; OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if files is not None:
        context.load_cert_chain(*files)
        return context
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, f"{KEY}{CERTIFICATE}".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context

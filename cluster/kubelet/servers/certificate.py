"""The certificate with which porter speaks TLS: for localhost, signed by itself, valid until 2126.

Its key is public on purpose, as agnhost's own is: clients of a test server accept any certificate.
"""

from __future__ import annotations

import os
import ssl

CERTIFICATE_AND_KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6aSWKbQ/GhGr7lm6
WrX3ugm9a56C8hIznxRR8A5CbuKhRANCAAR2v+8clrVLK8Ndk/7gsCADt3fiKZb5
LFbIa616eCjPpLaGqgIHb4qt18ebg8K32IeVskQw5PrR1LIWhXdo579I
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBrjCCAVSgAwIBAgIUebA2AwOCa6K5UYIlKZOhFvf33rYwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzExMDgxMloYDzIxMjYxMDMw
MTEwODEyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR2v+8clrVLK8Ndk/7gsCADt3fiKZb5LFbIa616eCjPpLaGqgIHb4qt
18ebg8K32IeVskQw5PrR1LIWhXdo579Io4GBMH8wHQYDVR0OBBYEFHq0edKcHEDT
6nrms/42xDpT9jLIMB8GA1UdIwQYMBaAFHq0edKcHEDT6nrms/42xDpT9jLIMA8G
A1UdEwEB/wQFMAMBAf8wLAYDVR0RBCUwI4IJbG9jYWxob3N0hwR/AAABhxAAAAAA
AAAAAAAAAAAAAAABMAoGCCqGSM49BAMCA0gAMEUCIAoWsPm6mygSczgQ55tR9B7s
Z7eJ1Xe+zunnoCHzfGLeAiEAkMzNRyRYB80ibi8SBxhSpmoudGG2zRv1EnZo0jRq
tbI=
-----END CERTIFICATE-----
"""


def server_context() -> ssl.SSLContext:
    """Return a context that serves with it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, CERTIFICATE_AND_KEY.encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context

"""Why a request did not get an answer, in words that say how to mend it: errors of sockets and TLS."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime

from kubeclient.endpoint import endpoint_of
from kubeclient.http.io.connecting import NoWayError
from kubeclient.kubeconfig.access import Access

_EXPIRED, _NOT_YET = 10, 9
"""X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_CERT_NOT_YET_VALID."""

_CUT = (ConnectionResetError, BrokenPipeError)


def named(access: Access) -> str:
    """Return the name of the server in texts of errors."""
    return f"the API server {access.server.url} (context {access.context} of {access.source})"


def explain(error: BaseException, access: Access, now: float) -> ConnectionError | TimeoutError:
    """Return the error to raise for a request that failed on its way. ``now`` is in seconds since the epoch."""
    server = named(access)
    if isinstance(error, TimeoutError):
        return TimeoutError(f"{server} does not answer in time: it is overloaded, or a proxy on the way holds it back")
    if isinstance(error, ssl.CertificateError):
        return ConnectionError(f"{server} cannot be trusted: {_certificate(error, access, now)}")
    if isinstance(error, _CUT):
        return ConnectionError(f"{server} has ended the connection: {_reason(error)}")
    through = f" through its proxy {endpoint_of(access.server.proxy).url}" if access.server.proxy else ""
    return ConnectionError(f"{server} cannot be reached{through}: {_unreached(error)}")


def _unreached(error: BaseException) -> str:
    return str(error) if isinstance(error, NoWayError) else f"{_reason(error)}; is it running, at this address?"


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return f"its TLS fails ({error.reason or error})"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        # The event loops have other texts of their own.
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


def _certificate(error: ssl.CertificateError, access: Access, now: float) -> str:
    if error.verify_code in (_EXPIRED, _NOT_YET):
        clock = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"{error.verify_message}; this machine's clock says {clock}: if that is wrong, set it"
    if "ismatch" in error.verify_message:
        return f"{error.verify_message}; see server and tls-server-name in {access.source}"
    message = f"{error.verify_message}: certificate-authority in {access.source} has not signed its certificate"
    return f"{message}; get the cluster's kubeconfig anew"

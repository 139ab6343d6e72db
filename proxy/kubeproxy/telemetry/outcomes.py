"""How connections, flows and requests end, and why attempts fail: the words of ``connections`` and of /metrics.

The values are public: the ``state`` and ``failures[].reason`` of `kubesvc connections -o json` and the label ``reason``
of ``kubesvc_proxy_connection_errors_total``. Pure.
"""

from __future__ import annotations

import errno
from enum import IntEnum, StrEnum


class Outcome(StrEnum):
    """A member is its text, so it may be compared with one, counted and written as JSON.

    Python 3.11 calls a function for each ``Outcome.NAME``: code that runs for every connection keeps the members that
    it needs in names of its module.
    """

    CLOSED = "closed"
    """Both sides ended in order; every other outcome is an error."""
    RESET = "reset"
    SHUTDOWN = "shutdown"
    INTERNAL_ERROR = "internal_error"
    """A fault of the proxy itself."""
    HALF_CLOSED_TIMEOUT = "half_closed_timeout"
    TUNNEL_TIMEOUT = "tunnel_timeout"
    NO_ENDPOINTS = "no_endpoints"
    NO_RULE = "no_rule"
    """No Ingress leads anywhere from there."""
    UNREACHABLE = "unreachable"
    """No endpoint could be connected."""

    CLIENT_RESET = "client_reset"
    CLIENT_ENDED = "client_ended"
    CLIENT_TIMEOUT = "client_timeout"
    BAD_REQUEST = "bad_request"

    UPSTREAM_RESET = "upstream_reset"
    UPSTREAM_ENDED = "upstream_ended"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    BAD_ANSWER = "bad_answer"
    ENDED_BEFORE_ANSWER = "ended_before_answer"
    """A kept connection to an endpoint was closed just as it was used again."""

    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_UNREACHABLE = "connect_unreachable"
    CONNECT_FAILED = "connect_failed"
    """Any other error of connect()."""
    TOO_MANY_OPEN_FILES = "too_many_open_files"
    PROXY_LOOP = "proxy_loop"

    ENDPOINT_GONE = "endpoint_gone"
    """The endpoint of a flow left the Service."""
    NETWORK_GONE = "network_gone"
    """The network of the client or of the endpoint has ended, with all that was in it."""
    DATAGRAM_DROPPED = "datagram_dropped"
    EARLY_DROP = "early_drop"
    """The table of UDP flows was full."""
    NO_ROUTE = "no_route"
    PORT_UNREACHABLE = "port_unreachable"
    RECEIVE_FAILED = "receive_failed"
    REFUSAL_NOT_PASSED_ON = "refusal_not_passed_on"


class Result(IntEnum):
    """How a connection or a request went, as Envoy's outlier detection tells them apart."""

    SUCCESS = 0
    SERVER_ERROR = 1
    """HTTP 500, 501, 505 and above."""
    GATEWAY_ERROR = 2
    """HTTP 502, 503, 504."""
    LOCAL_ERROR = 3
    """No connection, a reset or a time-out before the answer."""


def result_of(status: int) -> Result:
    """Return how a request went that was answered with an HTTP status."""
    if status < 500:
        return Result.SUCCESS
    return Result.GATEWAY_ERROR if 502 <= status <= 504 else Result.SERVER_ERROR


CONNECT_OUTCOMES = {
    errno.ECONNREFUSED: Outcome.CONNECT_REFUSED,
    errno.ETIMEDOUT: Outcome.CONNECT_TIMEOUT,
    errno.EMFILE: Outcome.TOO_MANY_OPEN_FILES,
    errno.ENFILE: Outcome.TOO_MANY_OPEN_FILES,
    errno.EHOSTUNREACH: Outcome.CONNECT_UNREACHABLE,
    errno.ENETUNREACH: Outcome.CONNECT_UNREACHABLE,
    errno.ENETDOWN: Outcome.NETWORK_GONE,  # of the pods: their agent was lost, and its successor is not there yet
    errno.ELOOP: Outcome.PROXY_LOOP,  # set by the proxy itself: connect() never returns it
}
"""By the error number of connect(); every other error is CONNECT_FAILED."""


def http_error(status: int) -> str:
    """Return the label under which answers that the proxy makes itself are counted."""
    return f"http_{status}"

"""How a request went, in the words of reports: the same on sockets and in simulation. Pure."""

from __future__ import annotations

ANSWERED = "answered"
"""Went well; everything else is an error."""
TIMED_OUT = "timed out"
REFUSED = "connection never opened"
CUT_OFF = "connection closed before the answer"
MALFORMED = "malformed answer"
NO_ENDPOINT = "no endpoint"
"""The simulation's: on sockets it is the proxy that refuses the connection or answers 503."""


def outcome_of(status: int) -> str:
    """Return the outcome of a request that was answered with an HTTP status: from 400 on it is an error."""
    return ANSWERED if status < 400 else f"status {status}"

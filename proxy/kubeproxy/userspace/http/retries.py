"""Whether a request may be sent again after its connection failed (RFC 9110 9.2.2), and how many may be. Pure.

The budget is Finagle's (``RetryBudget``): a fifth of the requests and ten a second, so that an outage is not made worse
by the retries against it.
"""

from __future__ import annotations

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE", b"PROPFIND", b"REPORT", b"SEARCH"))
"""RFC 9110 9.2.2; the last three by RFC 4918, RFC 3253 and RFC 5323."""

MOST_REPEATS = 3
"""How often one request is sent again after it had been sent: HAProxy's ``retries``."""

REQUESTS_PER_RETRY = 5
MIN_RETRIES_PER_SECOND = 10.0
RESERVE_SECONDS = 10.0
"""For how long unused retries are kept: Finagle's ttl."""

_RESERVE = MIN_RETRIES_PER_SECOND * RESERVE_SECONDS * REQUESTS_PER_RETRY


class RetryBudget:
    """Retries that may still be made; counted in requests, which add up without rounding."""

    __slots__ = ("_balance", "_checked")

    def __init__(self, now: float) -> None:
        self._balance = _RESERVE
        self._checked = now

    def deposit(self) -> None:
        """Count a request that is no retry."""
        self._balance += 1

    def withdraw(self, now: float) -> bool:
        """Take one retry, if there is one."""
        earned = (now - self._checked) * MIN_RETRIES_PER_SECOND * REQUESTS_PER_RETRY
        self._balance = min(self._balance + earned, _RESERVE)
        self._checked = now
        if self._balance < REQUESTS_PER_RETRY:
            return False
        self._balance -= REQUESTS_PER_RETRY
        return True


def is_repeatable(method: bytes, *, was_sent: bool, has_body_gone: bool) -> bool:
    """Tell whether a request may be sent again after its connection failed before any answer.

    ``was_sent``: some of it had left, so that an endpoint may have read it and acted on it, however its connection has
    ended since: a proxy must not repeat what is not idempotent then (RFC 9110 9.2.2, RFC 9112 9.3.1).
    ``has_body_gone``: some of its body has been sent on and is not kept.
    """
    return not has_body_gone and (not was_sent or method in IDEMPOTENT)

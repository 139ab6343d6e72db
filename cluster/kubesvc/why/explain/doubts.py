"""What the proxy knows against endpoints: the last attempts failed, or they lead back to the Service. Pure.

The evidence is that of ``kubesvc connections``: before the first connection nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeproxy.targets import Loop
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.telemetry.recent import ConnectionRecord

SOON_FORGOTTEN_SECONDS = 60.0
"""How long a failed attempt counts: without a later attempt, the endpoint may be up again by now."""

_ANSWERLESS = (Outcome.UPSTREAM_TIMEOUT, Outcome.UPSTREAM_RESET, Outcome.UPSTREAM_ENDED, Outcome.BAD_ANSWER)
"""Outcomes of HTTP requests to an endpoint that was connected and did not answer."""

_HINTS: Mapping[str, str] = {
    Outcome.CONNECT_REFUSED: "; no program listens there, or one that binds 127.0.0.1 only",
}
"""What a failure most often comes from."""

Doubts = Mapping[str, str]
"""By endpoint (``ip:port``) a clause: what is known against it."""

NO_DOUBTS: Doubts = {}


class _Failing(NamedTuple):
    reason: str
    attempts: int
    at: float


def doubts_of(service: ObjectKey, records: Iterable[ConnectionRecord], loops: Iterable[Loop], now: float) -> Doubts:
    """Return what is known against the endpoints of a Service, ``now`` in seconds of the records' clock."""
    failing: dict[str, _Failing] = {}
    for record in records:
        if record.route.port_name.service == service:
            _weigh(record, failing)
    doubts = {address: _said(each, now) for address, each in failing.items() if now - each.at < SOON_FORGOTTEN_SECONDS}
    return doubts | {each.endpoint: "is not dialled: it leads back to this Service, without end" for each in loops}


def _weigh(record: ConnectionRecord, failing: dict[str, _Failing]) -> None:
    """Record what one connection shows about its endpoints; it replaces what earlier ones have shown."""
    at = record.began_at if record.ended_at is None else record.ended_at
    for address, reason in record.failures:
        before = failing.get(address)
        failing[address] = _Failing(reason, before.attempts + 1 if before else 1, at)
    address = record.choice.address if record.choice else ""
    if not address or (record.failures and record.failures[-1][0] == address and not _is_answered_flow(record)):
        return
    if record.outcome in _ANSWERLESS:
        before = failing.get(address)
        failing[address] = _Failing(record.outcome, before.attempts + 1 if before else 1, at)
    elif record.bytes_to_client or (record.outcome == Outcome.CLOSED and record.protocol != "udp"):
        failing.pop(address, None)


def _said(failing: _Failing, now: float) -> str:
    hint = _HINTS.get(failing.reason, "")
    return f"did not answer: {_attempts(failing)} failed ({failing.reason}), {_ago(now - failing.at)} ago{hint}"


def _is_answered_flow(record: ConnectionRecord) -> bool:
    return record.protocol == "udp" and record.bytes_to_client > 0


def _attempts(failing: _Failing) -> str:
    return "the last attempt" if failing.attempts == 1 else f"the last {failing.attempts} attempts"


def _ago(seconds: float) -> str:
    return f"{max(0, round(seconds))} s"

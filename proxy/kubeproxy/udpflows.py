"""Which UDP flows there are, which have been idle for too long, and which one has to go when there is no room.

UDP knows no connections, so what belongs together is decided by time, as Linux's connection tracking does for
kube-proxy (net/netfilter/nf_conntrack_proto_udp.c and early_drop() of nf_conntrack_core.c). Pure: the clock's readings
are passed in. Never opens or closes a socket. Every step costs the same for one flow and for thousands.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from enum import IntEnum
from typing import Generic, TypeVar

UNREPLIED_SECONDS = 30.0
"""net.netfilter.nf_conntrack_udp_timeout: how long a question waits for its answer, or for the next question."""

STREAM_SECONDS = 120.0
"""net.netfilter.nf_conntrack_udp_timeout_stream: how long a conversation may pause."""

STREAM_AFTER_SECONDS = 2.0
"""A flow that is still used both ways after this time is a stream, no single question with its answer."""

MAX_FLOWS = 16384
"""Flows of one proxy at the most, each with a socket of its own."""

REFUSALS_PER_SECOND = 50.0
REFUSALS_AT_ONCE = 50.0
"""Refusals passed on by one listener; the burst is the kernel's net.ipv4.icmp_msgs_burst."""


def flow_limit(open_files: int) -> int:
    """Return how many flows fit beside everything else, given RLIMIT_NOFILE (negative when there is no limit)."""
    return MAX_FLOWS if open_files < 0 else max(1, min(MAX_FLOWS, open_files // 2))


class FlowState(IntEnum):
    """The smaller, the sooner a flow has to go when there is no room."""

    UNREPLIED = 0
    REPLIED = 1
    STREAM = 2


TIMEOUTS = (UNREPLIED_SECONDS, UNREPLIED_SECONDS, STREAM_SECONDS)
"""Seconds without a datagram, by state, after which a flow is over."""


class TrackedFlow:
    """What the table notes of a flow; times are those of the proxy's clock, in seconds."""

    __slots__ = ("began_at", "seen_at", "state")

    def __init__(self) -> None:
        self.began_at = 0.0
        self.seen_at = 0.0
        self.state = FlowState.UNREPLIED


F = TypeVar("F", bound=TrackedFlow)


class FlowTable(Generic[F]):
    """At most ``limit`` flows. In each state the one that has been idle the longest comes first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._states: tuple[OrderedDict[F, None], ...] = tuple(OrderedDict() for _ in FlowState)

    def __len__(self) -> int:
        return sum(map(len, self._states))

    def __iter__(self) -> Iterator[F]:
        for flows in self._states:
            yield from flows

    @property
    def is_full(self) -> bool:
        """Whether a flow has to go before another can come."""
        return len(self) >= self.limit

    def add(self, flow: F, now: float) -> None:
        """Take a new flow in."""
        flow.began_at = flow.seen_at = now
        flow.state = FlowState.UNREPLIED
        self._states[FlowState.UNREPLIED][flow] = None

    def remove(self, flow: F) -> None:
        """Forget a flow."""
        del self._states[flow.state][flow]

    def sent(self, flow: F, now: float) -> None:
        """Note a datagram of the client."""
        flow.seen_at = now
        if flow.state is FlowState.REPLIED and now - flow.began_at > STREAM_AFTER_SECONDS:
            self._promote(flow, FlowState.STREAM)
        else:
            self._states[flow.state].move_to_end(flow)

    def replied(self, flow: F, now: float) -> None:
        """Note a datagram of the endpoint."""
        if flow.state is FlowState.UNREPLIED:
            self._promote(flow, FlowState.REPLIED)
        self.sent(flow, now)

    def expired(self, now: float) -> list[F]:
        """Return the flows that have been idle for too long; looks at these and no others."""
        found: list[F] = []
        for flows, timeout in zip(self._states, TIMEOUTS, strict=True):
            for flow in flows:
                if now - flow.seen_at < timeout:
                    break
                found.append(flow)
        return found

    def victim(self) -> F | None:
        """Return the flow that goes first when there is no room: one without a reply, else the longest idle."""
        return next(iter(self), None)

    def _promote(self, flow: F, state: FlowState) -> None:
        del self._states[flow.state][flow]
        flow.state = state
        self._states[state][flow] = None


class RefusalBudget:
    """A token bucket: how many more refusals may be passed on now."""

    __slots__ = ("_at", "_left")

    def __init__(self) -> None:
        self._left = REFUSALS_AT_ONCE
        self._at = 0.0

    def spend(self, now: float) -> bool:
        """Take one, if there is one."""
        self._left = min(REFUSALS_AT_ONCE, self._left + (now - self._at) * REFUSALS_PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

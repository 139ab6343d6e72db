"""Which UDP flows there are, which have been idle for too long, and which one is dropped when there is no room.

UDP has no connections, so what belongs together is decided by time, as Linux's connection tracking does for
kube-proxy (net/netfilter/nf_conntrack_proto_udp.c and early_drop() of nf_conntrack_core.c). Pure: the
time is passed in. Every step costs the same for one flow and for thousands.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import islice
from typing import Generic, TypeVar

from kubeproxy.config import STREAM_SECONDS, UNREPLIED_SECONDS

STREAM_AFTER_SECONDS = 2.0
"""A flow that is still used both ways after this time is a stream, not a single query with its reply."""

MAX_FLOWS = 16384
"""Most flows of one proxy; each has a socket of its own."""

VICTIM_CANDIDATES = 8
"""Flows of which one is dropped: NF_CT_EVICTION_RANGE in nf_conntrack_core.c."""

REFUSALS_PER_SECOND = 50.0
REFUSALS_AT_ONCE = 50.0
"""Refusals passed on by one listener; the burst is the kernel's net.ipv4.icmp_msgs_burst."""


def flow_limit(open_files: int) -> int:
    """Return how many flows fit beside everything else, given how many files may be open."""
    return max(1, min(MAX_FLOWS, open_files // 2))


class FlowState(IntEnum):
    """The smaller, the sooner a flow is dropped when there is no room."""

    UNREPLIED = 0
    REPLIED = 1
    STREAM = 2


TIMEOUTS = (UNREPLIED_SECONDS, UNREPLIED_SECONDS, STREAM_SECONDS)
"""Seconds without a datagram, by state, after which a flow is over."""


class TrackedFlow:
    """What the table knows of a flow; times are those of the proxy's clock, in seconds.

    The data path writes ``seen_at``, the time of the last datagram either way, and needs not do anything else.
    """

    __slots__ = ("began_at", "is_answered", "over_at", "seen_at")

    def __init__(self) -> None:
        self.began_at = 0.0
        self.seen_at = 0.0
        self.is_answered = False
        self.over_at = 0

    @property
    def state(self) -> FlowState:
        """How far the conversation has come."""
        if not self.is_answered:
            return FlowState.UNREPLIED
        return FlowState.STREAM if self.seen_at - self.began_at > STREAM_AFTER_SECONDS else FlowState.REPLIED

    def ends_at(self, timeouts: Sequence[float]) -> float:
        """Return when it is over unless there is another datagram, by the time-outs of each state."""
        return self.seen_at + timeouts[self.state]


F = TypeVar("F", bound=TrackedFlow)


class FlowTable(Generic[F]):
    """At most ``limit`` flows.

    A datagram costs the table nothing: a flow is looked at only in the second in which it would have ended, by what was
    known when it was looked at last.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.timeouts = TIMEOUTS
        self._unanswered: OrderedDict[F, None] = OrderedDict()
        self._answered: OrderedDict[F, None] = OrderedDict()
        self._by_second: dict[int, dict[F, None]] = {}

    def __len__(self) -> int:
        return len(self._unanswered) + len(self._answered)

    def __iter__(self) -> Iterator[F]:
        yield from self._unanswered
        yield from self._answered

    @property
    def is_full(self) -> bool:
        """Whether a flow must be dropped before another can be added."""
        return len(self) >= self.limit

    def add(self, flow: F, now: float) -> None:
        """Add a new flow."""
        flow.began_at = flow.seen_at = now
        flow.is_answered = False
        self._unanswered[flow] = None
        self._watch(flow)

    def answered(self, flow: F) -> None:
        """Record the first datagram of the endpoint, unless the flow is gone."""
        if flow in self._unanswered:
            del self._unanswered[flow]
            self._answered[flow] = None
            flow.is_answered = True

    def remove(self, flow: F) -> None:
        """Forget a flow."""
        del (self._answered if flow.is_answered else self._unanswered)[flow]
        self._unwatch(flow)

    def expired(self, now: float) -> list[F]:
        """Return the flows that have been idle for too long."""
        found: list[F] = []
        for second in [each for each in self._by_second if each <= now]:
            for flow in tuple(self._by_second[second]):
                ends_at = flow.ends_at(self.timeouts)
                if ends_at <= now:
                    found.append(flow)
                elif int(ends_at) != second:
                    self._unwatch(flow)
                    self._watch(flow)
        return found

    def victim(self) -> F | None:
        """Return the flow to drop when there is no room, of those without a reply while there are any.

        It is the one that has been idle the longest among the next few, as early_drop() looks at a few.
        """
        flows = self._unanswered or self._answered
        candidates = list(islice(flows, VICTIM_CANDIDATES))
        for each in candidates:
            flows.move_to_end(each)
        return min(candidates, key=lambda flow: (flow.state, flow.seen_at), default=None)

    def _watch(self, flow: F) -> None:
        flow.over_at = int(flow.ends_at(self.timeouts))
        self._by_second.setdefault(flow.over_at, {})[flow] = None

    def _unwatch(self, flow: F) -> None:
        flows = self._by_second[flow.over_at]
        del flows[flow]
        if not flows:
            del self._by_second[flow.over_at]


class RefusalBudget:
    """A token bucket of refusals that may be passed on."""

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

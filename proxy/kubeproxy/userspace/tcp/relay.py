"""The life of one connection through the proxy, as a state machine without IO.

It decides what to read, what to write, when to dial again and how the connection ends; ``io`` owns the sockets and
moves the bytes. Half-close is passed on in both directions and resets as resets, as the kernel modes of kube-proxy do.
The dial time-outs are those of the userspace proxier (``pkg/proxy/userspace/proxysocket.go``).

Two things together are where a connection is. ``state`` says what the peers have been told and follows TRANSITIONS.
``has_ended`` and ``unsent`` say what is known of each side: an end that was read is an event only when all that came
before it has been sent, because only then may it be passed on.
"""

from __future__ import annotations

from enum import Enum, IntEnum

DIAL_TIMEOUTS = (0.25, 0.5, 1.0, 2.0)
"""Seconds that each attempt at an endpoint may take; there are no more attempts than these."""

EARLY_BYTES_LIMIT = 64 * 1024
"""What is read from a client before its endpoint is connected; the rest waits in the client's socket."""


class Side(IntEnum):
    """The two peers of a connection; an index into ``unsent`` and ``has_ended``."""

    CLIENT = 0
    UPSTREAM = 1


class RelayState(IntEnum):
    """Where in its life a connection is; an IntEnum, because its hash costs no call of Python."""

    CONNECTING = 0
    ESTABLISHED = 1
    CLIENT_ENDED = 2
    """The upstream has been told that the client sends no more."""
    UPSTREAM_ENDED = 3
    """The client has been told that the upstream sends no more."""
    CLOSED = 4


class Event(IntEnum):
    """What happens to a connection."""

    ATTEMPT = 0
    """There is no endpoint yet, and an attempt is left."""
    CONNECTED = 1
    CLIENT_END = 2
    """The client sends no more, and all that it has sent is sent on."""
    UPSTREAM_END = 3
    FAILURE = 4
    """A peer has reset, no endpoint answers, or the proxy gives up."""


class Action(Enum):
    """What the sockets' owner does at once."""

    DIAL = "dial"
    SHUT_CLIENT = "shut client"
    SHUT_UPSTREAM = "shut upstream"
    CLOSE = "close"
    RESET = "reset"


TRANSITIONS: dict[tuple[RelayState, Event], tuple[RelayState, Action | None]] = {
    (RelayState.CONNECTING, Event.ATTEMPT): (RelayState.CONNECTING, Action.DIAL),
    (RelayState.CONNECTING, Event.CONNECTED): (RelayState.ESTABLISHED, None),
    (RelayState.ESTABLISHED, Event.CLIENT_END): (RelayState.CLIENT_ENDED, Action.SHUT_UPSTREAM),
    (RelayState.ESTABLISHED, Event.UPSTREAM_END): (RelayState.UPSTREAM_ENDED, Action.SHUT_CLIENT),
    (RelayState.CLIENT_ENDED, Event.UPSTREAM_END): (RelayState.CLOSED, Action.CLOSE),
    (RelayState.UPSTREAM_ENDED, Event.CLIENT_END): (RelayState.CLOSED, Action.CLOSE),
    (RelayState.CONNECTING, Event.FAILURE): (RelayState.CLOSED, Action.RESET),
    (RelayState.ESTABLISHED, Event.FAILURE): (RelayState.CLOSED, Action.RESET),
    (RelayState.CLIENT_ENDED, Event.FAILURE): (RelayState.CLOSED, Action.RESET),
    (RelayState.UPSTREAM_ENDED, Event.FAILURE): (RelayState.CLOSED, Action.RESET),
}

# Globals, because Python 3.11 calls a function for each member that is looked up in its enumeration.
_CLIENT, _UPSTREAM = Side.CLIENT, Side.UPSTREAM
_CONNECTING, _ESTABLISHED, _CLOSED = RelayState.CONNECTING, RelayState.ESTABLISHED, RelayState.CLOSED
_ATTEMPT, _CONNECTED, _FAILURE = Event.ATTEMPT, Event.CONNECTED, Event.FAILURE
_AFTER_CONNECTED = TRANSITIONS[_CONNECTING, _CONNECTED][0]
_DIAL = TRANSITIONS[_CONNECTING, _ATTEMPT][1]
_END_OF = (Event.CLIENT_END, Event.UPSTREAM_END)
_ACROSS = (_UPSTREAM, _CLIENT)
"""By side, the other one."""


class Relay:
    """One connection. ``unsent`` has, for each side, bytes that are to be written to it and did not fit."""

    __slots__ = ("attempts", "has_ended", "state", "unsent")

    def __init__(self) -> None:
        self.state = _CONNECTING
        self.attempts = 0
        self.has_ended = [False, False]
        self.unsent = [b"", b""]

    @property
    def is_connected(self) -> bool:
        """Whether the connection has had an endpoint, be it over or not."""
        return self.state is not _CONNECTING

    @property
    def is_half_closed(self) -> bool:
        """Whether a peer sends no more, while the connection goes on."""
        return (self.has_ended[0] or self.has_ended[1]) and self.state is not _CONNECTING and self.state is not _CLOSED

    @property
    def is_flowing(self) -> bool:
        """Whether both sides are read and nothing waits to be written: the usual state."""
        return self.state is _ESTABLISHED and not (
            self.unsent[0] or self.unsent[1] or self.has_ended[0] or self.has_ended[1]
        )

    @property
    def dial_timeout(self) -> float:
        """Seconds that the attempt under way may take."""
        return DIAL_TIMEOUTS[self.attempts - 1]

    def can_read(self, side: Side) -> bool:
        """Tell whether to take bytes from ``side``: not after its end, nor while the other side is slow."""
        if self.state is _CLOSED or self.has_ended[side]:
            return False
        if self.state is not _CONNECTING:
            return not self.unsent[_ACROSS[side]]
        return side is _CLIENT and len(self.unsent[_UPSTREAM]) < EARLY_BYTES_LIMIT

    def must_write(self, side: Side) -> bool:
        """Tell whether to wait until ``side`` takes bytes (or, while connecting, until it answers)."""
        if self.state is _CLOSED:
            return False
        return bool(self.unsent[side]) if self.state is not _CONNECTING else side is _UPSTREAM

    def dial(self) -> Action | None:
        """Begin an attempt, the first or the next; after the last the client is reset."""
        if self.attempts == len(DIAL_TIMEOUTS):
            return self.fail()
        self.attempts += 1
        return _DIAL

    def connected(self) -> Action | None:
        """Record that the endpoint has answered."""
        self.state = _AFTER_CONNECTED
        return self._pass_end(_CLIENT) if self.has_ended[_CLIENT] else None

    def early(self, received: bytes) -> None:
        """Keep what the client sent before its endpoint has answered."""
        self.unsent[_UPSTREAM] += received

    def stalled(self, side: Side, rest: bytes) -> None:
        """Keep what ``side`` did not take; the other side is not read until it is sent."""
        self.unsent[side] = rest

    def sent(self, side: Side, count: int) -> Action | None:
        """Record that ``side`` has taken ``count`` of its unsent bytes."""
        self.unsent[side] = self.unsent[side][count:]
        source = _ACROSS[side]
        return self._pass_end(source) if self.has_ended[source] else None

    def ended(self, side: Side) -> Action | None:
        """Record that ``side`` sends no more, and pass that on when all that it has sent is sent.

        The other side's direction is shut; when both ends have been passed on, only closing is left.
        """
        self.has_ended[side] = True
        return self._pass_end(side)

    def fail(self) -> Action | None:
        """End by reset."""
        self.state, action = TRANSITIONS[self.state, _FAILURE]
        return action

    def _pass_end(self, side: Side) -> Action | None:
        if self.state is _CONNECTING or self.unsent[_ACROSS[side]]:
            return None
        self.state, action = TRANSITIONS[self.state, _END_OF[side]]
        return action

"""The life of one connection through the proxy, as a state machine without IO.

It decides what to read, what to write, when to dial again and how the connection ends; ``tcp`` owns the sockets and
moves the bytes. Half-close is passed on in both directions and resets as resets, as the kernel modes of kube-proxy do.
The dial time-outs are those of the userspace proxier (``pkg/proxy/userspace/proxysocket.go``).

    CONNECTING --connected--> ESTABLISHED --one end--> HALF_CLOSED --the other end--> DRAINING --sent--> CLOSED
    any state  --a peer fails, or no endpoint answers--> CLOSED by reset
"""

from __future__ import annotations

from enum import Enum, IntEnum

DIAL_TIMEOUTS = (0.25, 0.5, 1.0, 2.0)
"""Seconds that each attempt at an endpoint may take; there are no more attempts than these."""

EARLY_BYTES_LIMIT = 64 * 1024
"""What is read from a client before its endpoint is connected; the rest waits in the client's socket."""


class Side(IntEnum):
    """The two peers of a connection; ``1 - side`` is the peer across."""

    CLIENT = 0
    UPSTREAM = 1


class RelayState(Enum):
    """Where in its life a connection is."""

    CONNECTING = "connecting"
    ESTABLISHED = "established"
    HALF_CLOSED = "half-closed"
    DRAINING = "draining"
    CLOSED = "closed"


class Action(Enum):
    """What the sockets' owner does at once."""

    DIAL = "dial"
    SHUT_CLIENT = "shut client"
    SHUT_UPSTREAM = "shut upstream"
    CLOSE = "close"
    RESET = "reset"


_CLIENT, _UPSTREAM = Side  # looked up once: an enumeration takes its time
_SHUT = (Action.SHUT_CLIENT, Action.SHUT_UPSTREAM)
_DIAL, _, _, _CLOSE, _RESET = Action


class Relay:
    """One connection. ``unsent`` has, for each side, bytes that are to be written to it and did not fit."""

    __slots__ = ("attempts", "has_ended", "is_closed", "is_connected", "unsent")

    def __init__(self) -> None:
        self.attempts = 0
        self.is_connected = False
        self.is_closed = False
        self.has_ended = [False, False]
        self.unsent = [b"", b""]

    @property
    def state(self) -> RelayState:
        """Where in its life the connection is."""
        if self.is_closed:
            return RelayState.CLOSED
        if not self.is_connected:
            return RelayState.CONNECTING
        if all(self.has_ended):
            return RelayState.DRAINING
        return RelayState.HALF_CLOSED if any(self.has_ended) else RelayState.ESTABLISHED

    @property
    def dial_timeout(self) -> float:
        """Seconds that the attempt under way may take."""
        return DIAL_TIMEOUTS[self.attempts - 1]

    def can_read(self, side: Side) -> bool:
        """Tell whether to take bytes from ``side``: not after its end, nor while the other side is slow."""
        if self.is_closed or self.has_ended[side]:
            return False
        if self.is_connected:
            return not self.unsent[1 - side]
        return side is _CLIENT and len(self.unsent[1]) < EARLY_BYTES_LIMIT

    def must_write(self, side: Side) -> bool:
        """Tell whether to wait until ``side`` takes bytes (or, while connecting, until it answers)."""
        if self.is_closed:
            return False
        return bool(self.unsent[side]) if self.is_connected else side is _UPSTREAM

    @property
    def is_flowing(self) -> bool:
        """Whether both sides are read and nobody is waited for: the usual state."""
        return self.is_connected and not (self.unsent[0] or self.unsent[1] or self.has_ended[0] or self.has_ended[1])

    def dial(self) -> Action:
        """Begin an attempt, the first or the next; after the last the client is reset."""
        if self.attempts == len(DIAL_TIMEOUTS):
            return self.fail()
        self.attempts += 1
        return _DIAL

    def connected(self) -> Action | None:
        """Record that the endpoint has answered."""
        self.is_connected = True
        return self.ended(_CLIENT) if self.has_ended[0] else None

    def early(self, received: bytes) -> None:
        """Keep what the client said before its endpoint has answered."""
        self.unsent[1] += received

    def stalled(self, side: Side, rest: bytes) -> None:
        """Keep what ``side`` did not take; the other side is not read until it is sent."""
        self.unsent[side] = rest

    def sent(self, side: Side, count: int) -> Action | None:
        """Record that ``side`` has taken ``count`` of its unsent bytes."""
        self.unsent[side] = self.unsent[side][count:]
        if not self.unsent[side] and self.has_ended[1 - side]:
            return self.ended(_CLIENT if side else _UPSTREAM)
        return None

    def ended(self, side: Side) -> Action | None:
        """Record that ``side`` will send no more, and pass that on when all that it has sent is sent.

        The other side's direction is shut; when both have ended there is only closing left.
        """
        has_ended, unsent = self.has_ended, self.unsent
        has_ended[side] = True
        if not self.is_connected or unsent[1 - side]:
            return None
        if has_ended[1 - side] and not unsent[side]:
            self.is_closed = True
            return _CLOSE
        return _SHUT[1 - side]

    def fail(self) -> Action:
        """End by reset: a peer has reset, no endpoint answers, or the time to drain is over."""
        self.is_closed = True
        return _RESET

"""The endpoint's socket of a connection whose algorithm wants to know how long its first byte takes."""

from __future__ import annotations

from socket import SocketType

from kubeproxy.userspace.tcp.io.end import End, Owner
from kubeproxy.userspace.tcp.relay import Side


class TimedEnd(End):
    """Tells the watchers of the endpoint once; all other connections have an ``End``, which does not look."""

    __slots__ = ("_dialled_at",)

    def __init__(self, connection: Owner, sock: SocketType, side: Side) -> None:
        super().__init__(connection, sock, side)
        self._dialled_at: float | None = connection.shared.clock()

    def tell(self) -> None:
        """Tell how long it has taken until now, unless that was told before."""
        counters, dialled_at = self.connection.counters, self._dialled_at
        if dialled_at is not None and counters is not None:
            self._dialled_at = None
            counters.answered(self.connection.shared.clock() - dialled_at)

    def _pass_on(self, buffer: memoryview | bytes, count: int, then: int) -> None:
        self.tell()
        super()._pass_on(buffer, count, then)

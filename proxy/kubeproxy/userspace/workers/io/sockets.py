"""The listening sockets of all workers of a proxy: which worker serves which, also after it was started again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from socket import SocketType
from zlib import crc32

from kubeproxy.rules import Listener
from kubeproxy.userspace.carrier import Spot
from kubeproxy.userspace.workers.io.handle import WorkerHandle

Served = list[tuple[WorkerHandle, SocketType]]
"""The workers that serve one listener, each with its socket."""


class WorkerSockets:
    """Owns the sockets, of which each worker has a copy of its own."""

    def __init__(self, workers: Sequence[WorkerHandle]) -> None:
        self._workers = workers
        self._bound: dict[Spot, tuple[Listener, Sequence[SocketType]]] = {}

    def add(self, spot: Spot, listener: Listener, sockets: Sequence[SocketType]) -> Served:
        """Own the sockets of a spot: one for each worker, or one for one of them (a protocol that has one socket)."""
        self._bound[spot] = listener, sockets
        return self._served(listener, sockets)

    def update(self, spot: Spot, listener: Listener) -> Served:
        """Note a listener's changed settings."""
        _, sockets = self._bound[spot]
        return self.add(spot, listener, sockets)

    def close(self, spot: Spot) -> Served:
        """Close the sockets of a spot, and return the workers that still have copies of them."""
        listener, sockets = self._bound.pop(spot)
        for sock in sockets:
            sock.close()
        return self._served(listener, sockets)

    def close_all(self) -> None:
        """Close all sockets."""
        for spot in tuple(self._bound):
            self.close(spot)

    def of(self, worker: WorkerHandle) -> Iterator[tuple[Listener, str, SocketType]]:
        """Yield the listeners that a worker serves, the place of each and its socket."""
        for spot, (listener, sockets) in self._bound.items():
            yield from (
                (listener, spot.place, own) for other, own in self._served(listener, sockets) if other is worker
            )

    def _served(self, listener: Listener, sockets: Sequence[SocketType]) -> Served:
        if len(sockets) == len(self._workers):
            return list(zip(self._workers, sockets, strict=True))
        return [(self._workers[crc32(repr(listener.port_name).encode()) % len(self._workers)], sockets[0])]

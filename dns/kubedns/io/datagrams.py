"""The UDP side of a name server: answers what waits at a socket, in place, with one call in and one out for all.

A response goes out from the room of its query, behind the id that is there already, to the address that the kernel
wrote: a query whose response is kept costs a slice, a call and a slice.
"""

from __future__ import annotations

import contextlib
import functools
import socket
from collections.abc import Sequence

from kubedns.io.connections import Later, Reply
from kubedns.responder import Pending, Responder
from kubehost.addresses import Address
from kubehost.io.datagrams import SLOTS, Batch, Destinations, address_of, copying_rooms
from kubehost.io.segments import Segments

EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  looked for, not bound here

MAX_DATAGRAM = 4096
"""Bytes of a query, and of a response that goes out with the others."""


class Datagrams:
    """Answers what comes to a socket; the ``responder`` at once, ``later`` what an upstream must be asked.

    Both may be replaced at any time. The socket's owner closes it.
    """

    def __init__(self, sock: socket.socket, responder: Responder, later: Later) -> None:
        self.responder = responder
        self.later = later
        self._socket = sock
        self._destinations = Destinations(sock, SLOTS) if sock.getsockname()[0] in EVERY_ADDRESS else None
        self._batch = Batch(copying_rooms(SLOTS, MAX_DATAGRAM), self._destinations)
        self._segments = Segments(self._batch, sock.family, self._destinations)

    def drain(self) -> None:
        """Answer up to SLOTS datagrams, then let the loop go on; UDP may lose what a full send buffer refuses."""
        batch, kept, begin = self._batch, self.responder.kept, 0
        try:
            count = batch.receive(self._socket)
        except OSError:  # a datagram with a bad checksum, or a pending error of the socket, which this has cleared
            return
        lengths, sizes, send = batch.lengths, batch.sizes, self._segments.send
        for index, room in enumerate(batch.rooms[:count]):
            question = room[2 : lengths[index]]
            response = kept(question)
            if response is None:
                response = self._respond(index, room[: lengths[index]], question)
            if response is None or (size := 2 + len(response)) > MAX_DATAGRAM:
                send(self._socket, begin, index)
                begin = index + 1
                if response:
                    self._sender(index)(room[:2] + response)
                continue
            room[2:size] = response
            sizes[index] = size
        send(self._socket, begin, count)

    def _respond(self, index: int, packet: bytes, question: bytes) -> bytes | None:
        """Return the response without its id; None if there is none or it comes later."""
        response = self.responder.respond_anew(packet, question, is_tcp=False)
        if isinstance(response, bytes):
            return response
        if isinstance(response, Pending):
            self.later(response, self._sender(index))
        return None

    def _sender(self, index: int) -> Reply:
        """Return what sends to the sender of a datagram a response that does not go out from its place."""
        ancillary = self._destinations.ancillary(index) if self._destinations is not None else ()
        client = address_of(self._socket.family, self._batch.name(index))
        return functools.partial(_send_one, self._socket, client, ancillary)


def _send_one(
    sock: socket.socket, client: Address, ancillary: Sequence[tuple[int, int, bytes]], reply: bytes | None
) -> None:
    if reply is not None:
        with contextlib.suppress(OSError):
            sock.sendmsg([reply], ancillary, 0, client)

"""Datagrams of one size to one peer leave as one, which the kernel splits where it has done most of its work.

UDP_SEGMENT of udp(7), in Linux since 4.18. A datagram costs 2.5 us to send, one of sixteen that leave together 1 us. It
pays where a peer has asked for much at once, as forwarders do; where every peer asks once, that is found out by looking
at one batch of many. What a peer is sent keeps its order only within one size.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from socket import SocketType
from typing import Any, Generic

from kubehost.io.datagrams import MESSAGE_BYTES, NAME_BYTES, VECTOR_BYTES, Batch, Destinations, Room, send_messages

FEWEST = 8
"""Datagrams of a batch for which it is worth to look."""
WORTH = 2
"""Datagrams of a group, on average, for which it is worth to send them so."""
PAUSE = 32
"""Batches that leave as they are when one was not worth it."""
SEGMENT_LIMIT = 1000
"""Bytes of a datagram: 64 of them are one of 65,507, and fit into what any network takes at once."""

_SEGMENT = struct.Struct("=QiiH6x")
"""struct cmsghdr (cmsg(3)) of UDP_SEGMENT: its length, level and type, and the bytes of a datagram."""
_SEGMENT_LENGTH, _UDP_SEGMENT = 18, 103
_WORDS = MESSAGE_BYTES // 8
_NAME, _VECTORS, _COUNT, _CONTROL, _CONTROL_LENGTH = 0, 2, 3, 4, 5
"""The words of a struct mmsghdr (recvmmsg(2)); word 1 has the length of the name."""

Group = tuple[tuple[Any, ...], Sequence[int]]
"""Name, size and destination of some datagrams, and their slots."""


class Segments(Generic[Room]):
    """Sends what is in the slots of a ``batch``, which keeps what is received there and answered in place."""

    def __init__(self, batch: Batch[Room], slots: int, destinations: Destinations | None = None) -> None:
        self._batch = batch
        self._destinations = destinations
        self._ancillary = destinations.room if destinations is not None else 0
        self._room = self._ancillary + _SEGMENT.size
        self._control, messages, vectors = (
            bytearray(slots * each) for each in (self._room, MESSAGE_BYTES, VECTOR_BYTES)
        )
        self._control_at, self._messages_at, self._vectors_at = map(_address, (self._control, messages, vectors))
        self._messages, self._vectors = memoryview(messages).cast("P"), memoryview(vectors).cast("P")
        self._bases = batch.bases()
        for slot in range(slots):
            self._messages[slot * _WORDS + 1] = NAME_BYTES
        self._pause = 0
        self.is_refused = False
        """Whether the kernel, or a network device, cannot do it."""

    def send(self, sock: SocketType, begin: int, end: int) -> None:
        """Send the datagrams in the slots from ``begin`` to before ``end``; what is refused is lost."""
        if self._pause or self.is_refused or end - begin < FEWEST:
            self._pause = max(0, self._pause - 1)
            self._batch.send(sock, begin, end)
            return
        groups = self._groups(begin, end)
        if len(groups) * WORTH > end - begin:
            self._pause = PAUSE
            self._batch.send(sock, begin, end)
            return
        self._send(sock, groups)

    def _groups(self, begin: int, end: int) -> list[Group]:
        found: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
        for slot, key in enumerate(self._keys(begin, end), begin):
            found[key].append(slot)
        return list(itertools.chain.from_iterable(map(_split, found.items())))

    def _keys(self, begin: int, end: int) -> Iterator[tuple[Any, ...]]:
        """Yield what the datagrams of a group have in common."""
        sizes = self._batch.sizes[begin:end].tolist()
        if self._destinations is None:
            return zip(self._batch.names(begin, end), sizes, strict=True)
        return zip(self._batch.names(begin, end), sizes, self._destinations.each(begin, end), strict=True)

    def _send(self, sock: SocketType, groups: Sequence[Group]) -> None:
        at = 0
        for number, (key, slots) in enumerate(groups):
            self._write(number, at, key, slots)
            at += len(slots)
        done = 0
        while done < len(groups):
            place = self._messages_at + done * MESSAGE_BYTES
            count = send_messages(sock.fileno(), place, len(groups) - done, socket.MSG_DONTWAIT)
            if count <= 0:
                self.is_refused = self.is_refused or ctypes.get_errno() in (errno.EIO, errno.EINVAL, errno.EMSGSIZE)
                for slot in groups[done][1]:
                    self._batch.send(sock, slot, slot + 1)
                count = 1
            done += count

    def _write(self, number: int, at: int, key: tuple[Any, ...], slots: Sequence[int]) -> None:
        """Write the message of a group, whose datagrams are the vectors from ``at`` on."""
        size, word, control = key[1], number * _WORDS, number * self._room
        for vector, slot in enumerate(slots, at):
            self._vectors[2 * vector] = self._bases[slot]
            self._vectors[2 * vector + 1] = size
        length = self._ancillary
        if length:
            self._control[control : control + length] = key[2][0]
        if len(slots) > 1:
            _SEGMENT.pack_into(self._control, control + length, _SEGMENT_LENGTH, socket.IPPROTO_UDP, _UDP_SEGMENT, size)
            length = self._room
        messages = self._messages
        messages[word + _NAME] = self._batch.name_address(slots[0])
        messages[word + _VECTORS] = self._vectors_at + at * VECTOR_BYTES
        messages[word + _COUNT] = len(slots)
        messages[word + _CONTROL] = self._control_at + control
        messages[word + _CONTROL_LENGTH] = length


def _split(group: Group) -> Iterator[Group]:
    """Yield a group, or each of its datagrams where these are too large, or empty."""
    key, slots = group
    if 0 < key[1] <= SEGMENT_LIMIT:
        yield group
        return
    for slot in slots:
        yield key, (slot,)


def _address(memory: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory))

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
_SIZE = 16
"""Where in it these are."""
_WORDS = MESSAGE_BYTES // 8
_NAME, _NAME_LENGTH, _VECTORS, _COUNT, _CONTROL, _CONTROL_LENGTH = range(6)
"""The words of a struct mmsghdr (recvmmsg(2))."""

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
        control_at, self._messages_at, self._vectors_at = map(_address, (self._control, messages, vectors))
        self._messages, self._vectors = memoryview(messages).cast("Q"), memoryview(vectors).cast("Q")
        self._sizes = memoryview(self._control).cast("H")[(self._ancillary + _SIZE) // 2 :: self._room // 2]
        self._bases = batch.bases()
        self._names = [batch.name_address(each) for each in range(slots)]
        for slot in range(slots):
            self._messages[slot * _WORDS + _NAME_LENGTH] = NAME_BYTES
            self._messages[slot * _WORDS + _CONTROL] = control_at + slot * self._room
            begin = slot * self._room + self._ancillary
            _SEGMENT.pack_into(self._control, begin, _SEGMENT_LENGTH, socket.IPPROTO_UDP, _UDP_SEGMENT, 0)
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
        sizes = self._batch.sizes[begin:end].tolist()
        for slot, key in enumerate(self._keys(begin, end, sizes), begin):
            found[key].append(slot)
        if min(sizes) > 0 and max(sizes) <= SEGMENT_LIMIT:
            return list(found.items())
        return list(itertools.chain.from_iterable(map(_split, found.items())))

    def _keys(self, begin: int, end: int, sizes: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """Yield what the datagrams of a group have in common."""
        if self._destinations is None:
            return zip(self._batch.names(begin, end), sizes, strict=True)
        return zip(self._batch.names(begin, end), sizes, self._destinations.each(begin, end), strict=True)

    def _send(self, sock: SocketType, groups: Sequence[Group]) -> None:
        self._write(groups)
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

    def _write(self, groups: Sequence[Group]) -> None:
        """Write a message for each group. What is the same for each slot is there already."""
        bases, vectors, messages, vector, word = self._bases, self._vectors, self._messages, 0, 0
        for number, (key, slots) in enumerate(groups):
            size = key[1]
            messages[word + _NAME] = self._names[slots[0]]
            messages[word + _VECTORS] = self._vectors_at + vector * 8
            for slot in slots:
                vectors[vector] = bases[slot]
                vectors[vector + 1] = size
                vector += 2
            messages[word + _COUNT] = len(slots)
            messages[word + _CONTROL_LENGTH] = self._room if len(slots) > 1 else self._ancillary
            self._sizes[number] = size
            if self._ancillary:
                control = number * self._room
                self._control[control : control + self._ancillary] = key[2][0]
            word += _WORDS


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

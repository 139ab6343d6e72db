"""Datagrams to one peer leave as one, which the kernel splits where it has done most of its work.

UDP_SEGMENT of udp(7), in Linux since 4.18: datagrams of one size, the last of which may be shorter. A datagram costs
2.4 us to send, one of two that leave together 1.8 us, of four 1.2 us, of sixteen 0.6 us. So it pays where peers have
asked for more than two at once, as forwarders do. What a peer is sent leaves in the order of its sizes, the largest
first.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from socket import SocketType
from typing import Generic

from kubehost.io.datagrams import MESSAGE_BYTES, NAME_BYTES, VECTOR_BYTES, Batch, Destinations, Room, send_messages

FEWEST = 4
"""Datagrams of a batch for which it is worth to look."""
WORTH = 2
"""Datagrams of a peer, on average, that must be exceeded: at two, finding them costs what it spares."""
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

Group = Sequence[int]
"""The slots of what leaves as one, the largest datagrams first."""


class Segments(Generic[Room]):
    """Sends what is in the slots of a ``batch``, which keeps what is received there and answered in place.

    By a socket of ``family``.
    """

    def __init__(self, batch: Batch[Room], family: int, destinations: Destinations | None = None) -> None:
        slots = len(batch.rooms)
        self._batch = batch
        self._destinations = destinations
        self._family = family
        self._ancillary = destinations.room if destinations is not None else 0
        self._room = self._ancillary + _SEGMENT.size
        self._control, messages, vectors = (
            bytearray(slots * each) for each in (self._room, MESSAGE_BYTES, VECTOR_BYTES)
        )
        control_at, self._messages_at, self._vectors_at = map(_address, (self._control, messages, vectors))
        self._messages, self._vectors = memoryview(messages).cast("Q"), memoryview(vectors)
        self._sizes = memoryview(self._control).cast("H")[(self._ancillary + _SIZE) // 2 :: self._room // 2]
        self._names = [batch.name_address(each) for each in range(slots)]
        for slot in range(slots):
            self._messages[slot * _WORDS + _NAME_LENGTH] = NAME_BYTES
            self._messages[slot * _WORDS + _CONTROL] = control_at + slot * self._room
            begin = slot * self._room + self._ancillary
            _SEGMENT.pack_into(self._control, begin, _SEGMENT_LENGTH, socket.IPPROTO_UDP, _UDP_SEGMENT, 0)
        self.is_refused = False
        """Whether the kernel, or a network device, cannot do it."""

    def send(self, sock: SocketType, begin: int, end: int) -> None:
        """Send the datagrams in the slots from ``begin`` to before ``end``; what is refused is lost."""
        count = end - begin
        if count < FEWEST or self.is_refused or len(set(self._batch.ports[begin:end].tolist())) * WORTH >= count:
            self._batch.send(sock, begin, end)
            return
        sizes = self._batch.sizes[:end].tolist()
        self._send(sock, self._groups(begin, end, sizes), sizes)

    def _groups(self, begin: int, end: int, sizes: Sequence[int]) -> list[Group]:
        found: defaultdict[Hashable, list[int]] = defaultdict(list)
        peers = self._peers(end)
        for slot in sorted(range(begin, end), key=sizes.__getitem__, reverse=True):
            found[peers[slot]].append(slot)
        groups: list[Group] = []
        for slots in found.values():
            if 0 < sizes[slots[0]] == sizes[slots[-1]] <= SEGMENT_LIMIT:
                groups.append(slots)
            else:
                groups += _cut(slots, sizes)
        return groups

    def _peers(self, end: int) -> Sequence[Hashable]:
        """Return what the datagrams of a group have in common, for each slot before ``end``."""
        if self._family == socket.AF_INET:
            ports = self._batch.ports[:end].tolist()
            if self._destinations is None:
                return ports
            return list(zip(ports, self._destinations.sources[:end].tolist(), strict=True))
        names = self._batch.names(end)
        return list(names if self._destinations is None else zip(names, self._destinations.each(end), strict=True))

    def _send(self, sock: SocketType, groups: Sequence[Group], sizes: Sequence[int]) -> None:
        self._write(groups, sizes)
        done = 0
        while done < len(groups):
            place = self._messages_at + done * MESSAGE_BYTES
            count = send_messages(sock.fileno(), place, len(groups) - done, socket.MSG_DONTWAIT)
            if count <= 0:
                self.is_refused = self.is_refused or ctypes.get_errno() in (errno.EIO, errno.EINVAL, errno.EMSGSIZE)
                for slot in groups[done]:
                    self._batch.send(sock, slot, slot + 1)
                count = 1
            done += count

    def _write(self, groups: Sequence[Group], sizes: Sequence[int]) -> None:
        """Write a message for each group. What is the same for each slot is there already."""
        messages, word, vectors = self._messages, 0, self._vectors_at
        order: list[int] = []
        for number, slots in enumerate(groups):
            count, first = len(slots), slots[0]
            messages[word + _NAME] = self._names[first]
            messages[word + _VECTORS] = vectors
            messages[word + _COUNT] = count
            messages[word + _CONTROL_LENGTH] = self._room if count > 1 else self._ancillary
            self._sizes[number] = sizes[first]
            if self._destinations is not None:
                control = number * self._room
                self._control[control : control + self._ancillary] = self._destinations.written(first)
            order += slots
            vectors += count * VECTOR_BYTES
            word += _WORDS
        each = self._batch.vectors
        self._vectors[: len(order) * VECTOR_BYTES] = b"".join([each[slot] for slot in order])


def _cut(slots: Group, sizes: Sequence[int]) -> Iterator[Group]:
    """Yield groups of one size and a smaller one at the end; what is empty or too large is alone."""
    group: list[int] = []
    for slot in slots:
        if not 0 < sizes[slot] <= SEGMENT_LIMIT:
            yield [slot]
            continue
        group.append(slot)
        if sizes[slot] < sizes[group[0]]:
            yield group
            group = []
    if group:
        yield group


def _address(memory: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory))

"""From packet to packet, without sockets: look in the cache, else read, answer, write and keep.

It cannot ask an upstream: then it returns Pending, and ``io.server`` goes on from there. A whole zone is many
messages, made as they are sent: a Transfer. Never raises, whatever the bytes.

Most responses are made and kept without the id, their first two bytes: the UDP side writes them behind the id of the
query, which is in place already (``io.datagrams``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from kubedns.cache import Entry, Key, ResponseCache
from kubedns.handler import Handler
from kubedns.names import labels_of
from kubedns.packets.format import MAX_TCP
from kubedns.packets.library import read_serial
from kubedns.packets.queries import is_query, read, response_limit, udp_limit
from kubedns.packets.responses import Dated, Response, write_malformed, write_response
from kubedns.transfer import transfer
from kubedns.types import CLASS_IN, TRANSFERS, Answer, Labels, Malformed, Owner, QType, Query, RCode

_TYPE_NAMES = {int(each): each.name for each in QType}


class Pending(NamedTuple):
    """A query that needs an upstream. ``answer`` has the alias to follow, or refuses a name that is not ours."""

    packet: bytes
    query: Query
    answer: Answer
    is_tcp: bool


class Transfer(NamedTuple):
    """A zone as a response of many ``messages``, only over TCP."""

    messages: Iterator[bytes]


class Responder:
    """Responds from a Handler. ``random`` (0 to below 1) shuffles, ``can_ask`` tells if a name has an upstream.

    ``lost`` is called with the exception by which a query failed.
    """

    def __init__(
        self,
        handler: Handler,
        random: Callable[[], float],
        *,
        can_ask: Callable[[Labels], bool] = lambda _: False,
        allows_transfer: bool = False,
        lost: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._lost = lost
        self._handler = handler
        self._random = random
        self._can_ask = can_ask
        self._allows_transfer = allows_transfer
        self._cache = ResponseCache()
        self._entries = self._cache.entries
        self._counters: dict[tuple[int, int], list[int]] = {}

    def kept(self, question: Key) -> bytes | None:
        """Return the response that is kept for a question, both without their id; None if there is none."""
        entry = self._entries.get(question)
        if entry is None:
            return None
        entry.counter[0] += 1
        return entry.any(self._random) if entry.only is None else entry.only

    def respond(self, packet: bytes, *, is_tcp: bool) -> bytes | Pending | Transfer | None:
        """Return the response, with its id, to a packet; None for silence."""
        key: Key = (packet[2:],) if is_tcp else packet[2:]  # no datagram equals a tuple, whatever is in it
        response = self.kept(key)
        if response is None:
            anew = self.respond_anew(packet, key, is_tcp=is_tcp)
            return packet[:2] + anew if isinstance(anew, bytes) else anew
        return packet[:2] + response

    def finish(self, pending: Pending, answer: Answer) -> bytes:
        """Return the response, with its id, to a query that had to wait for an upstream."""
        self._counter(pending.query.type, answer.rcode)[0] += 1
        limit = response_limit(pending.query, is_tcp=pending.is_tcp)
        return pending.packet[:2] + write_response(pending.query, answer, limit).render(self._random)

    def count_relayed(self, pending: Pending, reply: bytes) -> None:
        """Count a response that an upstream wrote."""
        self._counter(pending.query.type, reply[3] & 15)[0] += 1

    def drop(self, owners: Iterable[Owner]) -> None:
        """Forget the responses that a change has made stale."""
        self._cache.drop(owners)

    def drop_all(self) -> None:
        """Forget all responses."""
        self._cache.clear()

    def counts(self) -> dict[tuple[str, str], int]:
        """Return the number of responses by type and rcode, both as text; rare types are ``other``."""
        return {
            (_TYPE_NAMES.get(qtype, "other"), _rcode_name(rcode)): counter[0]
            for (qtype, rcode), counter in self._counters.items()
        }

    def respond_anew(self, packet: bytes, key: Key, *, is_tcp: bool) -> bytes | Pending | Transfer | None:
        """Return the response without its id to a packet for which none is kept, and keep it if it is wanted again.

        A query at which we fail costs itself alone: it gets SERVFAIL, as CoreDNS answers after a panic.
        """
        try:
            return self._respond_anew(packet, key, is_tcp=is_tcp)
        except Exception as error:
            self._lost(error)
            return write_malformed(
                Malformed(int.from_bytes(packet[:2], "big"), int.from_bytes(packet[2:4], "big"), RCode.SERVFAIL)
            )

    def _respond_anew(self, packet: bytes, key: Key, *, is_tcp: bool) -> bytes | Pending | Transfer | None:
        if not is_query(packet):
            return None
        query = read(packet)
        if isinstance(query, Malformed):
            self._counter(0, query.rcode)[0] += 1
            return write_malformed(query)
        if is_tcp and query.type in TRANSFERS and self._gives_all(query):
            return self._transfer(packet, query)
        answer = self._answer(query) if query.edns else self._handler.answer(query)
        if (answer.is_outside or answer.follow) and self._needs_upstream(query, answer):
            return Pending(packet, query, answer, is_tcp)
        response = write_response(query, answer, MAX_TCP if is_tcp else udp_limit(query))
        counter = self._counter(query.type, answer.rcode)
        counter[0] += 1
        if query.is_plain and answer.rcode != RCode.SERVFAIL and self._cache.is_wanted(key):
            self._cache.put(key, self._entry(response, counter, answer))
        return response.render(self._random)

    def _transfer(self, packet: bytes, query: Query) -> Transfer:
        self._counter(query.type, RCode.NOERROR)[0] += 1
        serial = read_serial(packet) if query.type == QType.IXFR else None
        return Transfer(transfer(query, self._handler.lookup, serial))

    def _entry(self, response: Response, counter: list[int], answer: Answer) -> Entry:
        if answer.authority:
            return Entry((), Dated(response, lambda: self._handler.lookup.serial), counter, answer.owners)
        return Entry(response.variants(), response, counter, answer.owners)

    def _gives_all(self, query: Query) -> bool:
        return self._allows_transfer and query.qclass == CLASS_IN and self._handler.lookup.zones.is_apex(query.labels)

    def _needs_upstream(self, query: Query, answer: Answer) -> bool:
        if answer.is_outside:
            return self._can_ask(query.labels)
        return answer.follow is not None and self._can_ask(labels_of(answer.follow.target))

    def _answer(self, query: Query) -> Answer:
        if query.edns is not None and query.edns.version > 0:
            return Answer(RCode.BADVERS, is_authoritative=False)
        return self._handler.answer(query)

    def _counter(self, qtype: int, rcode: int) -> list[int]:
        """Return the counter of a type, 0 for every rare one, and an rcode."""
        return self._counters.setdefault((qtype if qtype in _TYPE_NAMES else 0, rcode), [0])


def _rcode_name(rcode: int) -> str:
    try:
        return RCode(rcode).name
    except ValueError:
        return str(rcode)

"""Queries that wait for upstreams: each is asked in a task of its own, and answered by the reply or a refusal."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

from kubedns.io.connections import Reply
from kubedns.io.forward import Domain, Forwarder
from kubedns.names import labels_of
from kubedns.packets import library
from kubedns.packets.format import MAX_TCP
from kubedns.packets.queries import response_limit, write_query
from kubedns.packets.relaying import fit
from kubedns.responder import Pending, Responder
from kubedns.types import CLASS_IN, Answer, Query, RCode

FOLLOW_SIZE = 1232
"""UDP payload that our own questions allow, in bytes (DNS flag day 2020)."""

_REFUSED = Answer(RCode.REFUSED, is_authoritative=False)
_FAILED = Answer(RCode.SERVFAIL, is_authoritative=False)


class PendingQueries:
    """Asks upstreams for queries that the Responder cannot answer, as many at once as each domain allows.

    ``clock`` is in seconds, for the age of kept replies;
    ``rng`` makes the ids of our own questions; ``lost`` is called with the exception by which one failed.
    """

    def __init__(
        self,
        responder: Responder,
        forwarder: Forwarder,
        rng: random.Random,
        *,
        clock: Callable[[], float],
        lost: Callable[[Exception], None],
    ) -> None:
        self.count = 0
        self.rejected = 0
        self._responder = responder
        self._forwarder = forwarder
        self._rng = rng
        self._clock = clock
        self._lost = lost
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, pending: Pending, reply: Reply) -> None:
        """Have a query answered: at once from a kept reply, or with REFUSED if too many wait or it is a loop."""
        follow = pending.answer.follow
        domain = self._forwarder.domain_of(pending.query.labels if follow is None else labels_of(follow.target))
        if domain.replies is not None and follow is None:
            kept = domain.replies.get(pending.query, self._clock(), is_tcp=pending.is_tcp)
            if kept is not None:
                answered = pending.packet[:2] + kept
                self._responder.count_relayed(pending, answered)
                reply(answered)
                return
        if not domain.has_room or self._forwarder.is_loop(pending.packet):
            self.rejected += not domain.has_room
            reply(self._responder.finish(pending, _REFUSED))
            return
        self.count += 1
        domain.waiting += 1
        task = asyncio.get_running_loop().create_task(self._answer(pending, reply), name="dns-forward")
        self._tasks.add(task)
        task.add_done_callback(partial(self._forget, domain))

    async def ask(self, name: bytes, qtype: int) -> library.Reply | None:
        """Return an upstream's reply about a name, None if none gives one that can be read."""
        packet = write_query(self._rng.getrandbits(16), name, qtype, FOLLOW_SIZE)
        query = Query(0, 0, name, labels_of(name), qtype, CLASS_IN, None, is_plain=False)
        received = await self._forwarder.ask(packet, query, is_whole=True)
        fitted = fit(received, query, MAX_TCP) if received else RCode.SERVFAIL
        return library.read_reply(fitted) if isinstance(fitted, bytes) else None

    async def drain(self) -> None:
        """Return once no query waits."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Cancel all queries and the probing of upstreams."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._forwarder.stop()

    def _forget(self, domain: Domain, task: asyncio.Task[None]) -> None:
        domain.waiting -= 1
        self._tasks.discard(task)

    async def _answer(self, pending: Pending, reply: Reply) -> None:
        try:
            answer = await (self._relay(pending) if pending.answer.follow is None else self._chase(pending.answer))
            reply(answer if isinstance(answer, bytes) else self._responder.finish(pending, answer))
        except Exception as error:
            self._lost(error)
            reply(self._responder.finish(pending, _FAILED))

    async def _relay(self, pending: Pending) -> bytes | Answer:
        """Return an upstream's reply as it goes to the client, or the refusal in its place."""
        relayed = await self._forwarder.ask(pending.packet, pending.query, is_whole=pending.is_tcp)
        if relayed is None:
            return self._fail(pending)
        fitted = fit(relayed, pending.query, response_limit(pending.query, is_tcp=pending.is_tcp))
        if isinstance(fitted, RCode):
            return Answer(fitted, is_authoritative=False)
        replies = self._forwarder.domain_of(pending.query.labels).replies
        if replies is not None:
            fitted = replies.keep(pending.query, fitted, self._clock(), is_tcp=pending.is_tcp)
        self._responder.count_relayed(pending, fitted)
        return fitted

    def _fail(self, pending: Pending) -> bytes:
        """Return the failure of all upstreams, which is kept as one of theirs would be."""
        failure = self._responder.finish(pending, _FAILED)
        replies = self._forwarder.domain_of(pending.query.labels).replies
        return (
            failure if replies is None else replies.keep(pending.query, failure, self._clock(), is_tcp=pending.is_tcp)
        )

    async def _chase(self, answer: Answer) -> Answer:
        """Append an upstream's records of an alias's target; without a reply, the alias alone is the answer."""
        assert answer.follow is not None
        found = await self.ask(*answer.follow)
        if found is None or found.rcode != RCode.NOERROR:
            return answer
        return answer._replace(answers=answer.answers + found.records, is_truncated=found.is_truncated)

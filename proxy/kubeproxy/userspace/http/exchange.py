"""One request and its answer, as a state machine without IO: what is passed on, when it is over, what may follow.

    request   head --take_request--> body --> complete
    answer    head --take_answer--> interim heads are passed on --> body --> answered, or a tunnel after 101
    failure   before any answer: perhaps once more (``is_repeatable``); after the head: the client must be cut off,
              because only that tells it that the answer is not whole (RFC 9112 8)

``downstream`` and ``upstream`` own the sockets and do what this decides.
"""

from __future__ import annotations

from kubeproxy.recent import ConnectionRecord
from kubeproxy.userspace.http.bodies import NO_BODY, AnswerChunks, BadBody, Body, UntilEnd, body_of
from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.forwarding import forward_answer
from kubeproxy.userspace.http.heads import CHUNKED, UNTIL_END, Answer, AnswerReader, BadAnswer, Request
from kubeproxy.userspace.http.retries import is_repeatable

MOST_REPEATS = 3
"""How often one request is said again after it had been sent: HAProxy's ``retries``."""


class Exchange:
    """``is_last``: the client's connection ends after it. ``opening`` is what the endpoint is told first, at each try.

    ``is_kept_alive``: the endpoint keeps its connection for another request, as far as it goes by its answer.
    ``was_told``: an endpoint may have read some of it. ``is_answered``: the whole answer has come. ``has_begun``: the
        client has got bytes, so that nothing can be taken back.
    ``endpoint`` is where it is being tried, ``avoid`` where it could not be.
    """

    __slots__ = (
        "_answer",
        "_answer_body",
        "_config",
        "_has_more_gone",
        "_inbox",
        "avoid",
        "dials",
        "endpoint",
        "has_begun",
        "is_answered",
        "is_kept_alive",
        "is_last",
        "is_tunnel",
        "opening",
        "record",
        "repeats",
        "request",
        "request_body",
        "shown_endpoint",
        "was_told",
    )

    def __init__(self, request: Request, record: ConnectionRecord, config: HttpConfig, *, is_last: bool) -> None:
        self.request = request
        self.request_body: Body = body_of(request.length) if request.length else NO_BODY
        self.record = record
        self.is_last = is_last or not request.is_kept_alive
        self.opening = b""
        self.endpoint = ""
        self.shown_endpoint = ""
        self.avoid: tuple[str, ...] = ()
        self.dials = 0
        self.repeats = 0
        self.was_told = False
        self.is_answered = False
        self.has_begun = False
        self.is_tunnel = False
        self._config = config
        self._answer: Answer | None = None
        self._answer_body: Body | None = None
        self._inbox = b""
        self.is_kept_alive = False
        self._has_more_gone = False

    def take_opening(self, head: bytes, inbox: bytes) -> bytes:
        """Make ``opening`` of the head and what has come of the body; return the rest of ``inbox``. Raise BadBody."""
        if self.request_body.is_complete:
            self.opening = head
            return inbox
        if len(inbox) == self.request.length:
            self.opening = head + inbox
            self.request_body = NO_BODY
            return b""
        count = self.request_body.feed(memoryview(inbox))
        self.opening = head + inbox[:count]
        return inbox[count:]

    def take_request(self, received: memoryview) -> int:
        """Return how many bytes of ``received`` are the request's, and are passed on. Raise BadBody."""
        count = self.request_body.feed(received)
        self._has_more_gone = True
        return count

    def take_answer(self, received: memoryview, reader: AnswerReader) -> bytes | memoryview:
        """Return what the client is told of ``received``. Raise BadAnswer."""
        if self._answer_body is not None:
            return self._take_body(self._answer_body, received)
        inbox, told = self._inbox + received, b""
        self._inbox = b""
        while (answer := self._answer) is None:
            end = inbox.find(b"\n\r\n") + 3
            bare = inbox.find(b"\n\n", 0, end if end > 2 else len(inbox)) + 2
            end = bare if bare > 1 else end
            if end == 2 or end > self._config.head_bytes:
                self._keep(inbox, end)
                return told
            told += self._take_head(reader.read(inbox[:end], self.request.method, self._config.header_fields))
            inbox = inbox[end:]
        if answer.length == len(inbox) or self.is_tunnel:
            self._answer_body = NO_BODY
            self.is_answered = not self.is_tunnel
            return told + inbox
        is_chunked, strips = answer.length == CHUNKED, not self.request.minor
        body = self._answer_body = AnswerChunks(strips=strips) if is_chunked else body_of(answer.length)
        return told + self._take_body(body, memoryview(inbox))

    def end_answer(self) -> bool:
        """Record that the endpoint has ended; tell whether that completes its answer."""
        if isinstance(self._answer_body, UntilEnd):
            self.is_answered = True
        return self.is_answered

    def may_repeat(self) -> bool:
        """Tell whether to say the request again, after its connection failed."""
        return (
            not self.has_begun
            and not self._inbox
            and self.repeats < MOST_REPEATS
            and is_repeatable(self.request.method, was_told=self.was_told, has_body_gone=self._has_more_gone)
        )

    def _keep(self, inbox: bytes, end: int) -> None:
        """Wait for the rest of a head, if there may be one."""
        if max(end, len(inbox) if end == 2 else 0) > self._config.head_bytes:
            raise BadAnswer(f"head of more than {self._config.head_bytes} bytes")
        self._inbox = inbox

    def _take_head(self, answer: Answer) -> bytes:
        request = self.request
        if answer.status < 200:
            if answer.status != 101:
                return forward_answer(answer, is_last=False, is_for_http_1_0=False) if request.minor else b""
            if not request.upgrade:
                raise BadAnswer("101 that nobody asked for")
            self.is_tunnel = True
        strips_chunks = answer.length == CHUNKED and not request.minor
        # A client that has not sent all may go on with the body or not: only the end of the connection is clear.
        if answer.length == UNTIL_END or strips_chunks or not self.request_body.is_complete:
            self.is_last = True
        self._answer = answer
        self.record.status = answer.status
        self.is_kept_alive = answer.is_kept_alive
        if self.is_last or not request.minor or self.shown_endpoint:
            return forward_answer(
                answer,
                is_last=self.is_last,
                is_for_http_1_0=not request.minor,
                endpoint=self.shown_endpoint,
                strips_chunks=strips_chunks,
            )
        if not answer.told:
            answer.told = forward_answer(answer, is_last=False, is_for_http_1_0=False)
        return answer.told

    def _take_body(self, body: Body, received: memoryview) -> bytes | memoryview:
        told: bytes | memoryview
        try:
            if isinstance(body, AnswerChunks):
                count, told = body.take(received)
            else:
                count = body.feed(received)
                told = received[:count]
        except BadBody as error:
            raise BadAnswer(str(error)) from None
        self.is_answered = body.is_complete
        if count < len(received):
            self.is_kept_alive = False
        return told

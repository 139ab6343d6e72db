"""One request and its answer, as a state machine without IO: what is passed on, when it is over, what may follow.

    request   head --take_request--> body --> complete
    answer    head --take_answer--> interim heads are passed on --> body --> answered, or a tunnel after 101
    failure   before any answer: perhaps once more (``is_repeatable``); after the head: the client must be cut off,
              because only that tells it that the answer is not whole (RFC 9112 8)

``downstream`` and ``upstream`` own the sockets and do what this decides.
"""

from __future__ import annotations

from kubeproxy.http import grammar
from kubeproxy.http.bodies import BadBody, Body, Chunked, UntilEnd, body_of
from kubeproxy.http.config import HttpConfig
from kubeproxy.http.forwarding import forward_answer
from kubeproxy.http.heads import CHUNKED, UNTIL_END, BadAnswer, Request, read_answer
from kubeproxy.http.retries import is_repeatable
from kubeproxy.recent import ConnectionRecord

MOST_REPEATS = 3
"""How often one request is said again after it had been sent: HAProxy's ``retries``."""


class Exchange:
    """``is_last``: the client's connection ends after it. ``opening`` is what the endpoint is told first, at each try.

    ``has_begun``: the client has got bytes, so that nothing can be taken back. ``endpoint`` is where it is being tried,
        ``avoid`` where it could not be.
    """

    __slots__ = (
        "_answer_body",
        "_config",
        "_has_more_gone",
        "_head",
        "_is_kept_alive",
        "avoid",
        "dials",
        "endpoint",
        "has_begun",
        "is_last",
        "is_tunnel",
        "opening",
        "record",
        "repeats",
        "request",
        "request_body",
        "shown_endpoint",
    )

    def __init__(self, request: Request, record: ConnectionRecord, config: HttpConfig, *, is_last: bool) -> None:
        self.request = request
        self.request_body: Body = body_of(request.length)
        self.record = record
        self.is_last = is_last or not request.is_kept_alive
        self.opening = b""
        self.endpoint = ""
        self.shown_endpoint = ""
        self.avoid: tuple[str, ...] = ()
        self.dials = 0
        self.repeats = 0
        self.has_begun = False
        self.is_tunnel = False
        self._config = config
        self._answer_body: Body | None = None
        self._head = b""
        self._is_kept_alive = False
        self._has_more_gone = False

    @property
    def is_answered(self) -> bool:
        """Whether the whole answer has come."""
        return self._answer_body is not None and self._answer_body.is_complete

    @property
    def is_upstream_reusable(self) -> bool:
        """Whether the endpoint's connection can carry another request: both messages are whole, and nothing is over."""
        return self._is_kept_alive and self.is_answered and self.request_body.is_complete

    def take_opening(self, head: bytes, inbox: bytes) -> bytes:
        """Make ``opening`` of the head and what has come of the body; return the rest of ``inbox``. Raise BadBody."""
        if self.request_body.is_complete:
            self.opening = head
            return inbox
        count = self.request_body.feed(memoryview(inbox))
        self.opening = head + inbox[:count]
        return inbox[count:]

    def take_request(self, received: memoryview) -> int:
        """Return how many bytes of ``received`` are the request's, and are passed on. Raise BadBody."""
        count = self.request_body.feed(received)
        self._has_more_gone = True
        return count

    def take_answer(self, received: memoryview) -> bytes | memoryview:
        """Return what the client is told of ``received``. Raise BadAnswer."""
        if self._answer_body is not None:
            return self._take_body(self._answer_body, received)
        self._head += received
        told = b""
        while self._awaits_head():
            end = self._head.find(b"\r\n\r\n") + 4
            if (end if end > 3 else len(self._head)) > self._config.head_bytes:
                raise BadAnswer(f"head of more than {self._config.head_bytes} bytes")
            if end == 3:
                if grammar.LONE_LF.search(self._head):
                    raise BadAnswer("bare LF in the head")
                break
            head, self._head = self._head[:end], self._head[end:]
            told += self._take_head(head)
        return told

    def end_answer(self) -> bool:
        """Take note that the endpoint has ended; tell whether that completes its answer."""
        if isinstance(self._answer_body, UntilEnd):
            self._answer_body.is_complete = True
        return self.is_answered

    def may_repeat(self, *, was_unread: bool) -> bool:
        """Tell whether to say the request again, after its connection failed."""
        return (
            not self.has_begun
            and not self._head
            and self.repeats < MOST_REPEATS
            and is_repeatable(self.request.method, was_unread=was_unread, has_body_gone=self._has_more_gone)
        )

    def _awaits_head(self) -> bool:
        return self._answer_body is None and not self.is_tunnel

    def _take_head(self, head: bytes) -> bytes:
        request = self.request
        answer = read_answer(head, request.method, self._config.header_fields)
        if answer.status == 101:
            if not request.upgrade:
                raise BadAnswer("101 that nobody asked for")
            self.is_tunnel = True
        elif answer.status < 200:
            return forward_answer(answer, is_last=False, is_for_http_1_0=False) if request.minor else b""
        strips_chunks = answer.length == CHUNKED and not request.minor
        if not self.is_tunnel:
            self._answer_body = body_of(answer.length, strips_chunks=strips_chunks)
            # A client that has not sent all may go on with the body or not: only the end of the connection is clear.
            self.is_last |= answer.length == UNTIL_END or strips_chunks or not self.request_body.is_complete
        self.record.status = answer.status
        self._is_kept_alive = answer.is_kept_alive
        told = forward_answer(
            answer,
            is_last=self.is_last,
            is_for_http_1_0=not request.minor,
            endpoint=self.shown_endpoint,
            strips_chunks=strips_chunks,
        )
        rest, self._head = self._head, b""
        if self._answer_body is None:
            return told + rest
        return told + self._take_body(self._answer_body, memoryview(rest)) if rest else told

    def _take_body(self, body: Body, received: memoryview) -> bytes | memoryview:
        try:
            count = body.feed(received)
        except BadBody as error:
            raise BadAnswer(str(error)) from None
        if count < len(received):
            self._is_kept_alive = False
        if isinstance(body, Chunked) and body.payload is not None:
            told = b"".join(body.payload)
            body.payload.clear()
            return told
        return received[:count]

"""One request and its answer, as a state machine without IO: what is passed on, when it is over, what may follow.

    request   head --take_opening--> body --take_request--> complete
    answer    head --take_answer--> interim heads are passed on --> body --> ANSWERED, or SWITCHED after 101
    failure   before any answer: perhaps sent again (``may_repeat``); after the head: the client must be cut off,
              because only that tells it that the answer is not whole (RFC 9112 8)

``HttpConversation`` owns the sockets and does what this decides.
"""

from __future__ import annotations

from enum import IntEnum

from kubeproxy.http.answerhead import Answer, AnswerReader
from kubeproxy.http.bodies import NO_BODY, AnswerChunks, BadBody, Body, UntilEnd, body_of
from kubeproxy.http.heads import CHUNKED, UNTIL_END, BadAnswer
from kubeproxy.http.requesthead import Request
from kubeproxy.telemetry.recent import RequestRecord
from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.forwarding import forward_answer
from kubeproxy.userspace.http.retries import IDEMPOTENT, MOST_REPEATS, RetryBudget, is_repeatable


class Progress(IntEnum):
    """How far an exchange has come; an IntEnum, because its hash costs no call of Python."""

    UNSENT = 0
    SENT = 1
    """An endpoint may have read the request's opening, which is kept."""
    STREAMED = 2
    """Some of the body has been sent that is not kept."""
    HEARD = 3
    """The endpoint has sent some of its answer, and the client nothing of that."""
    ANSWERING = 4
    """The client has got some of the answer, which cannot be taken back."""
    ANSWERED = 5
    """The whole answer has come."""
    SWITCHED = 6
    """The answer was 101: both connections become a tunnel."""


class Event(IntEnum):
    """What happens in an exchange."""

    SENT = 0
    BODY_SENT = 1
    PART_OF_HEAD = 2
    PASSED_ON = 3
    """The client was sent some of the answer."""
    ANSWER_END = 4
    SWITCH = 5


_UNSENT, _SENT, _STREAMED, _HEARD, _ANSWERING, _ANSWERED, _SWITCHED = Progress
_BODY_SENT, _PASSED_ON, _ANSWER_END = Event.BODY_SENT, Event.PASSED_ON, Event.ANSWER_END

TRANSITIONS: dict[tuple[Progress, Event], Progress] = {
    (_UNSENT, Event.SENT): _SENT,
    (_UNSENT, Event.BODY_SENT): _STREAMED,
    (_SENT, Event.BODY_SENT): _STREAMED,
    **{(before, Event.PART_OF_HEAD): _HEARD for before in (_UNSENT, _SENT, _STREAMED)},
    **{(before, Event.PASSED_ON): _ANSWERING for before in (_UNSENT, _SENT, _STREAMED, _HEARD)},
    **{(before, Event.ANSWER_END): _ANSWERED for before in (_UNSENT, _SENT, _STREAMED, _HEARD, _ANSWERING)},
    **{(before, Event.SWITCH): _SWITCHED for before in (_UNSENT, _SENT, _STREAMED, _HEARD, _ANSWERING)},
}
"""An event that is not here changes nothing: a body may go on while its answer comes."""

_NEXT = tuple(tuple(TRANSITIONS.get((before, event), before) for before in Progress) for event in Event)
_AFTER_ANSWER_END = _NEXT[Event.ANSWER_END]
"""The same by position, because every request looks it up."""


class Exchange:
    """``progress`` follows TRANSITIONS. ``opening`` is what the endpoint is sent first, at each try.

    ``is_idempotent``: it may be sent twice. ``is_last``: the client's connection ends after it. ``is_kept_alive``: the
    endpoint keeps its connection for another request, as far as its answer says. ``endpoint`` is where it is being
    tried, ``avoid`` where it could not be. ``extra_lines`` are header lines that its answer gets besides.
    """

    __slots__ = (
        "_answer",
        "_answer_body",
        "_config",
        "_inbox",
        "avoid",
        "dials",
        "endpoint",
        "extra_lines",
        "is_idempotent",
        "is_kept_alive",
        "is_last",
        "opening",
        "progress",
        "record",
        "repeats",
        "request",
        "request_body",
    )

    def __init__(self, request: Request, record: RequestRecord, config: HttpConfig, *, is_last: bool) -> None:
        self.request = request
        self.request_body: Body = body_of(request.length) if request.length else NO_BODY
        self.record = record
        self.progress = _UNSENT
        self.is_last = is_last or not request.is_kept_alive
        self.is_idempotent = request.method in IDEMPOTENT
        self.is_kept_alive = False
        self.opening = b""
        self.endpoint = ""
        self.extra_lines = b""
        self.avoid: tuple[str, ...] = ()
        self.dials = 0
        self.repeats = 0
        self._config = config
        self._answer: Answer | None = None
        self._answer_body: Body | None = None
        self._inbox = b""

    def note(self, event: Event) -> None:
        """Record what has happened."""
        self.progress = _NEXT[event][self.progress]

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
        self.note(_BODY_SENT)
        return count

    def take_answer(self, received: memoryview, reader: AnswerReader) -> bytes | memoryview:
        """Return what the client is sent of ``received``. Raise BadAnswer."""
        if self._answer_body is not None:
            return self._take_body(self._answer_body, received)
        inbox, told = self._inbox + received, b""
        self._inbox = b""
        while (answer := self._answer) is None:
            end = inbox.find(b"\n\r\n") + 3  # 2 when it has not come; a head may also end with a bare LF
            bare = inbox.find(b"\n\n", 0, end if end > 2 else len(inbox)) + 2
            end = bare if bare > 1 else end
            if end == 2 or end > self._config.head_bytes:
                self._keep(inbox, end if end > 2 else len(inbox))
                if told:
                    self.note(_PASSED_ON)
                return told
            told += self._take_head(reader.read(inbox[:end], self.request.method, self._config.header_fields))
            inbox = inbox[end:]
        if answer.length == len(inbox) or self.progress is _SWITCHED:
            self._answer_body = NO_BODY
            self.progress = _AFTER_ANSWER_END[self.progress]
            return told + inbox
        told += self._take_body(self._body_of(answer), memoryview(inbox))
        self.note(_PASSED_ON)
        return told

    def end_answer(self) -> bool:
        """Record that the endpoint has ended; tell whether that completes its answer."""
        if isinstance(self._answer_body, UntilEnd):
            self.note(_ANSWER_END)
        return self.progress is _ANSWERED

    def may_repeat(self, budget: RetryBudget, now: float) -> bool:
        """Tell whether to send the request again, after its connection failed; then it is taken from ``budget``."""
        progress = self.progress
        if progress >= _HEARD or self.repeats >= MOST_REPEATS:
            return False
        was_sent, has_body_gone = progress >= _SENT, progress >= _STREAMED
        if not is_repeatable(self.request.method, was_sent=was_sent, has_body_gone=has_body_gone):
            return False
        if not budget.withdraw(now):
            return False
        self.repeats += 1
        return True

    def _body_of(self, answer: Answer) -> Body:
        is_chunked, strips = answer.length == CHUNKED, not self.request.minor
        body = self._answer_body = AnswerChunks(strips=strips) if is_chunked else body_of(answer.length)
        return body

    def _keep(self, inbox: bytes, size: int) -> None:
        """Wait for the rest of a head; raise BadAnswer if ``size`` bytes of it, or all, are too many."""
        if size > self._config.head_bytes:
            raise BadAnswer(f"head of more than {self._config.head_bytes} bytes")
        self._inbox = inbox
        if inbox:
            self.note(Event.PART_OF_HEAD)

    def _take_head(self, answer: Answer) -> bytes:
        request = self.request
        if answer.status < 200:
            if answer.status != 101:
                return forward_answer(answer, is_last=False, is_for_http_1_0=False) if request.minor else b""
            if not request.upgrade:
                raise BadAnswer("101 that nobody asked for")
            self.note(Event.SWITCH)
        strips_chunks = answer.length == CHUNKED and not request.minor
        # A client that has not sent all may go on with the body or not: only the end of the connection is clear.
        if answer.length == UNTIL_END or strips_chunks or not self.request_body.is_complete:
            self.is_last = True
        self._answer = answer
        self.record.status = answer.status
        self.is_kept_alive = answer.is_kept_alive
        if self.is_last or not request.minor or self.extra_lines:
            return self._forward(answer, strips_chunks=strips_chunks)
        if not answer.told:
            answer.told = forward_answer(answer, is_last=False, is_for_http_1_0=False)
        return answer.told

    def _forward(self, answer: Answer, *, strips_chunks: bool) -> bytes:
        return forward_answer(
            answer,
            is_last=self.is_last,
            is_for_http_1_0=not self.request.minor,
            extra_lines=self.extra_lines,
            strips_chunks=strips_chunks,
        )

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
        if body.is_complete:
            self.note(_ANSWER_END)
        if count < len(received):
            self.is_kept_alive = False
        return told

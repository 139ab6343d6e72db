"""Heads of answers: read once into what framing and forwarding need; some mistakes of endpoints are put right."""

from __future__ import annotations

import re
from functools import lru_cache

from kubeproxy.http import grammar
from kubeproxy.http.heads import (
    CHUNKED,
    NO_OPTIONS,
    REMEMBERED_HEAD_BYTES,
    UNTIL_END,
    BadAnswer,
    Refused,
    check_codings,
    connection_options,
    only_length,
    take_out,
)

_LENGTHS = re.compile(rb"\r\nContent-Length:[^\r\n]*(?=\r\n)", re.IGNORECASE)


class Answer:
    """An answer's head. ``length`` is its body's in bytes, CHUNKED or UNTIL_END.

    ``fields`` begin with the status line after its version; all else is as in Request. ``told`` is how it is passed on
    to a client of HTTP/1.1 that stays connected, b"" until it is made.
    """

    __slots__ = ("fields", "is_kept_alive", "length", "minor", "options", "status", "told", "upgrade")

    def __init__(self, status: int, minor: int, fields: bytes) -> None:
        self.status = status
        self.minor = minor
        self.fields = fields
        self.told = b""
        self.length = UNTIL_END
        self.is_kept_alive = minor == 1
        self.options = NO_OPTIONS
        self.upgrade = b""


class AnswerReader:
    """Reads the heads of one connection's answers; the last one is known if it comes again."""

    __slots__ = ("_answer", "_head", "_method")

    def __init__(self) -> None:
        self._head = b""
        self._method = b""
        self._answer: Answer | None = None

    def read(self, head: bytes, method: bytes, most_fields: int) -> Answer:
        """Do what ``read_answer`` does; the result may be returned again, so it must not be changed."""
        if head == self._head and method == self._method and self._answer is not None:
            return self._answer
        answer = read_answer(head, method, most_fields)
        if len(head) <= REMEMBERED_HEAD_BYTES:
            self._head, self._method, self._answer = head, method, answer
        return answer


def read_answer(head: bytes, method: bytes, most_fields: int) -> Answer:
    """Return what an endpoint's ``head``, with its empty line, says to a request by ``method``; raise BadAnswer.

    What servers get wrong and HAProxy and nginx both pass on is put right, where a client cannot be misled by it.
    """
    if not head.endswith(b"\r\n\r\n"):
        head = grammar.LONE_LF.sub(b"\r\n", head)
    first = head.find(b"\n") + 1
    status, minor = _read_status_line(head[:first])
    lines = head[first:-2].split(b"\r\n")
    if len(lines) > most_fields + 1:
        raise BadAnswer(f"more than {most_fields} header fields")
    special: dict[bytes, bytes] = {}
    fields = take_out(special, lines, head[8:-2])
    if not status or not fields:
        if grammar.LONE_LF.search(head):
            return read_answer(grammar.LONE_LF.sub(b"\r\n", head), method, most_fields)
        raise BadAnswer(grammar.explain(head, is_request=False)[1])
    answer = Answer(status, minor, fields)
    try:
        _read_framing(answer, special)
    except Refused as refused:
        raise BadAnswer(refused.reason) from None
    if b"upgrade" in special:
        answer.upgrade = special[b"upgrade"]
    if method == b"HEAD" or status < 200 or status in (204, 304):
        answer.length = 0
    return answer


def _read_framing(answer: Answer, special: dict[bytes, bytes]) -> None:
    """RFC 9112 6.1 and 6.3, with the lengths that are passed on: one, and none where none may be (RFC 9110 8.6)."""
    if b"connection" in special:
        options = answer.options = connection_options(special[b"connection"])
        answer.is_kept_alive = b"close" not in options and (answer.is_kept_alive or b"keep-alive" in options)
    lengths = special.get(b"content-length", b"")
    if b"transfer-encoding" in special:
        check_codings(special[b"transfer-encoding"])
        answer.length = CHUNKED
        if lengths or not answer.minor:
            answer.is_kept_alive = False  # such framing is faulty: nothing is read behind the body
    elif lengths:
        answer.length = only_length(lengths)
    is_bare = answer.status < 200 or answer.status == 204
    if lengths and (is_bare or b"," in lengths or answer.length == CHUNKED):
        answer.fields = _LENGTHS.sub(b"", answer.fields)
        if not is_bare and answer.length != CHUNKED:
            answer.fields += b"Content-Length: %d\r\n" % answer.length


@lru_cache(64)
def _read_status_line(line: bytes) -> tuple[int, int]:
    """Return status and minor version, status 0 if the line is none."""
    match = grammar.STATUS_LINE.fullmatch(line)
    return (int(match[2]), min(int(match[1]), 1)) if match else (0, 0)

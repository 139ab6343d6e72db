"""Where bodies end, and which chunks are none."""

from __future__ import annotations

import pytest

from kubeproxy.http.bodies import AnswerChunks, BadBody, Chunked, Length, UntilEnd, body_of
from kubeproxy.http.heads import CHUNKED, UNTIL_END

WHOLE = [
    pytest.param(b"0\r\n\r\n", b"", id="empty"),
    pytest.param(b"5\r\nhello\r\n0\r\n\r\n", b"hello", id="one-chunk"),
    pytest.param(b"5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", b"hello0123456789", id="two-chunks"),
    pytest.param(b"00005\r\nhello\r\n000\r\n\r\n", b"hello", id="leading-zeros"),
    pytest.param(b'5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n', b"hello", id="extensions"),
    pytest.param(b"5 ; a\r\nhello\r\n0\r\n\r\n", b"hello", id="white-space-before-an-extension"),
    pytest.param(b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", id="chunk-of-a-line-end"),
    pytest.param(b"0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", b"", id="trailers"),
]


@pytest.mark.parametrize(("body", "payload"), WHOLE)
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_chunked_body_ends_where_it_ends_however_it_arrives(body: bytes, payload: bytes, step: int) -> None:
    collected: list[bytes] = []
    chunked, wire, position = Chunked(collected), body + b"GET /next", 0
    while not chunked.is_complete:
        position += chunked.feed(memoryview(wire)[position : position + step])
    assert wire[position:] == b"GET /next"
    assert b"".join(collected) == payload


SPOILED = [
    pytest.param(b"5\nhello\r\n0\r\n\r\n", id="bare-lf-after-size"),
    pytest.param(b"5\r\nhello\n0\r\n\r\n", id="bare-lf-after-chunk"),
    pytest.param(b"5\r\nhello0\r\n\r\n", id="no-line-end-after-chunk"),
    pytest.param(b"5\r\nhelloXX0\r\n\r\n", id="chunk-longer-than-said"),
    pytest.param(b"5\r\nhello\r\n0\r\n\n", id="bare-lf-at-the-end"),
    pytest.param(b"5;a\nb\r\nhello\r\n0\r\n\r\n", id="bare-lf-in-an-extension"),
    pytest.param(b"5;a\rb\r\nhello\r\n0\r\n\r\n", id="bare-cr-in-an-extension"),
    pytest.param(b"5\rX\r\nhello\r\n0\r\n\r\n", id="bare-cr-after-size"),
    pytest.param(b"0x5\r\nhello\r\n0\r\n\r\n", id="0x"),
    pytest.param(b"+5\r\nhello\r\n0\r\n\r\n", id="plus"),
    pytest.param(b"-5\r\nhello\r\n0\r\n\r\n", id="minus"),
    pytest.param(b" 5\r\nhello\r\n0\r\n\r\n", id="space-before"),
    pytest.param(b"5 \r\nhello\r\n0\r\n\r\n", id="space-after"),
    pytest.param(b"5_0\r\nhello", id="underscore"),
    pytest.param(b"\r\nhello", id="no-size"),
    pytest.param(b"g\r\n", id="no-digit"),
    pytest.param(b"10000000000000000\r\n", id="overflow-of-64-bits"),
    pytest.param(b"0000000000000000000005\r\nhello\r\n0\r\n\r\n", id="endless-zeros"),
    pytest.param(b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n", id="long-extension"),
    pytest.param(b"5;" + b"a" * 5000, id="endless-extension"),
    pytest.param(b"1;aaaaaaaaaaaaaaa\r\nx\r\n" * 2000, id="many-extensions"),
    pytest.param(
        b"0\r\n" + b"X: " + b"a" * 1000 + b"\r\n" * 1 + (b"X: " + b"a" * 1000 + b"\r\n") * 20, id="many-trailers"
    ),
    pytest.param(b"0\r\nX : 1\r\n\r\n", id="space-before-a-trailers-colon"),
    pytest.param(b"0\r\nX: 1\r\n 2\r\n\r\n", id="folded-trailer"),
    pytest.param(b"0\r\nContent-Length: 5\r\n\r\n", id="framing-in-a-trailer"),
    pytest.param(b"0\r\nTransfer-Encoding: chunked\r\n\r\n", id="coding-in-a-trailer"),
]


@pytest.mark.parametrize("body", SPOILED)
@pytest.mark.parametrize("step", [1, 100000])
def test_what_is_not_chunked_is_refused(body: bytes, step: int) -> None:
    chunked = Chunked()
    with pytest.raises(BadBody):
        for position in range(0, len(body), step):
            chunked.feed(memoryview(body)[position : position + step])


PUT_RIGHT = [
    *((pytest.param(each.values[0], each.values[0], each.values[1], id=f"strict-{each.id}")) for each in WHOLE),
    pytest.param(b"5\nhello\n0\n\n", b"5\r\nhello\r\n0\r\n\r\n", b"hello", id="bare-lfs"),
    pytest.param(b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"hello", id="bare-lf-after-chunk"),
    pytest.param(b"5 \t \r\nhello\r\n0 \r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"hello", id="blanks-after-sizes"),
    pytest.param(b"5;a \nhello\r\n0\r\n\r\n", b"5;a\r\nhello\r\n0\r\n\r\n", b"hello", id="extension-and-bare-lf"),
    pytest.param(b"0\r\nX: 1\nY: 2\r\n\n", b"0\r\nX: 1\r\nY: 2\r\n\r\n", b"", id="bare-lfs-in-trailers"),
    pytest.param(
        b"0\r\nContent-Length: 5\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nX: 1\r\n\r\n",
        b"",
        id="framing-in-trailers",
    ),
]


@pytest.mark.parametrize(("body", "told", "payload"), PUT_RIGHT)
@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("strips", [False, True], ids=["chunks", "payload"])
def test_an_answers_chunks_are_put_right_however_they_arrive(
    body: bytes, told: bytes, payload: bytes, step: int, strips: bool
) -> None:
    chunks, wire, position, heard = AnswerChunks(strips=strips), memoryview(body + b"HTTP/1.1 200"), 0, b""
    while not chunks.is_complete:
        count, said = chunks.take(wire[position : position + step])
        position += count
        heard += said
    assert bytes(wire[position:]) == b"HTTP/1.1 200"
    assert heard == (payload if strips else told)


def test_strict_chunks_are_told_as_they_came_without_a_copy() -> None:
    wire = memoryview(b"5\r\nhello\r\n3\r\nyou")
    _, told = AnswerChunks(strips=False).take(wire)
    assert isinstance(told, memoryview)
    assert told == wire


ONLY_IN_ANSWERS = {
    "bare-lf-after-size",
    "bare-lf-after-chunk",
    "bare-lf-at-the-end",
    "space-after",
    "framing-in-a-trailer",
    "coding-in-a-trailer",
}


@pytest.mark.parametrize("body", [each for each in SPOILED if each.id not in ONLY_IN_ANSWERS])
@pytest.mark.parametrize("step", [1, 100000])
def test_an_answers_chunks_that_nobody_could_put_right_are_refused(body: bytes, step: int) -> None:
    chunks = AnswerChunks(strips=False)
    with pytest.raises(BadBody):
        for position in range(0, len(body), step):
            chunks.take(memoryview(body)[position : position + step])


def test_a_body_of_a_length_takes_no_more() -> None:
    body = Length(5)
    assert [body.feed(memoryview(b"abc")), body.feed(memoryview(b"defgh")), body.is_complete] == [3, 2, True]
    assert body.feed(memoryview(b"x")) == 0


def test_each_announcement_has_its_body() -> None:
    assert body_of(0).is_complete
    assert isinstance(body_of(3), Length)
    assert isinstance(body_of(CHUNKED), Chunked)
    assert isinstance(body_of(UNTIL_END), UntilEnd)

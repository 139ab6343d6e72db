"""Where the body of an answer ends, whatever pieces it comes in."""

from __future__ import annotations

import gzip

import pytest

from kubeclient.http.bodies import LINE_LIMIT, PIECE_BYTES, Body
from kubeclient.http.messages import Answer

TEXT = b"0123456789" * 3
CHUNKS = b"a\r\n0123456789\r\n14;x=y\r\n01234567890123456789\r\n0\r\nExpires: x\r\n\r\n"
GZIP = gzip.compress(TEXT)
CHUNKED, ZIPPED = {"transfer-encoding": "chunked"}, {"content-encoding": "gzip"}


def read(found: Body, content: bytes, size: int) -> bytes:
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    return b"".join(b"".join(found.feed(each)) for each in pieces)


BODIES: dict[str, tuple[dict[str, str], bytes]] = {
    "sized": ({"content-length": "30"}, TEXT),
    "chunked": (CHUNKED, CHUNKS),
    "gzip": ({**ZIPPED, "content-length": str(len(GZIP))}, GZIP),
    "gzip-in-members": ({**ZIPPED, **CHUNKED}, b"%x\r\n%b\r\n0\r\n\r\n" % (2 * len(GZIP), GZIP * 2)),
    "empty": ({"content-length": "0"}, b""),
}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(("headers", "content"), BODIES.values(), ids=BODIES)
def test_a_body_is_over_where_it_says_and_leaves_the_connection(
    headers: dict[str, str], content: bytes, size: int
) -> None:
    found = Body(Answer(200, "OK", headers))
    expected = TEXT * 2 if content.count(GZIP) == 2 else TEXT if content else b""
    assert read(found, content, size) == expected
    assert (found.is_over, found.leaves_connection) == (True, True)


def test_a_body_without_a_length_ends_with_its_connection() -> None:
    found = Body(Answer(200, "OK", {}))
    assert read(found, TEXT, 7) == TEXT
    assert not found.is_over
    assert list(found.feed(b"")) == []
    assert (found.is_over, found.leaves_connection) == (True, False)


KEPT: dict[str, tuple[dict[str, str], bytes]] = {
    "says-so": ({"content-length": "3", "connection": "close"}, b"abc"),
    "says-so-among-others": ({"content-length": "3", "connection": "TE, Close"}, b"abc"),
    "more-than-its-length": ({"content-length": "3"}, b"abcHTTP/1.1"),
    "more-than-its-chunks": (CHUNKED, b"0\r\n\r\nHTTP/1.1"),
}


@pytest.mark.parametrize(("headers", "content"), KEPT.values(), ids=KEPT)
def test_a_connection_of_which_more_is_unknown_is_not_used_again(headers: dict[str, str], content: bytes) -> None:
    found = Body(Answer(200, "OK", headers))
    list(found.feed(content))
    assert (found.is_over, found.leaves_connection) == (True, False)


def test_an_answer_without_content_has_no_body() -> None:
    assert Body(Answer(204, "No Content", {})).is_over


def test_few_bytes_of_gzip_come_in_pieces_as_they_are_many() -> None:
    many = gzip.compress(bytes(5 * PIECE_BYTES))
    found = Body(Answer(200, "OK", {**ZIPPED, "content-length": str(len(many))}))
    sizes = [len(each) for each in found.feed(many)]
    assert (sum(sizes), max(sizes)) == (5 * PIECE_BYTES, PIECE_BYTES)


CUT: dict[str, tuple[dict[str, str], bytes]] = {
    "in-its-length": ({"content-length": "30"}, b"012"),
    "in-a-chunk": (CHUNKED, b"a\r\n012"),
    "before-the-last-chunk": (CHUNKED, b"3\r\n012\r\n"),
}


@pytest.mark.parametrize(("headers", "content"), CUT.values(), ids=CUT)
def test_what_came_before_a_cut_is_read_and_then_the_cut_is_known(headers: dict[str, str], content: bytes) -> None:
    found = Body(Answer(200, "OK", headers))
    assert read(found, content, 1000) == b"012"
    with pytest.raises(ConnectionResetError, match="in the middle of an answer"):
        list(found.feed(b""))


WRONG: dict[str, tuple[dict[str, str], bytes, str]] = {
    "no-size": (CHUNKED, b"zz\r\n", "a chunk of the size b'zz'"),
    "a-sign": (CHUNKED, b"+3\r\n", "a chunk of the size"),
    "too-long-a-chunk": (CHUNKED, b"3\r\n0123\r\n", "more bytes than it says"),
    "a-line-without-end": (CHUNKED, b"1;" + b"x" * LINE_LIMIT, "a line between the chunks"),
    "no-gzip": ({**ZIPPED, "content-length": "5"}, b"01234", "the gzip of the answer is broken"),
    "half-a-gzip": ({**ZIPPED, "content-length": "15"}, GZIP[:15], "in the middle of an answer"),
    "no-length": ({"content-length": "-1"}, b"", "the answer says to have '-1' bytes"),
    "another-coding": ({"content-encoding": "br"}, b"", "encoded as 'br'"),
    "another-transfer": ({"transfer-encoding": "gzip, chunked"}, b"", "transferred as 'gzip, chunked'"),
}


@pytest.mark.parametrize(("headers", "content", "text"), WRONG.values(), ids=WRONG)
def test_a_body_against_the_rules_is_refused(headers: dict[str, str], content: bytes, text: str) -> None:
    with pytest.raises(ConnectionError, match=text):
        list(Body(Answer(200, "OK", headers)).feed(content))

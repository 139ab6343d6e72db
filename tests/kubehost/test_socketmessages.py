from __future__ import annotations

import pytest

from kubehost.socketmessages import MOST, PACKET_BYTES, Answer, Ending, Wish, read_reply, read_wish


@pytest.mark.parametrize(
    "wish",
    [
        Wish(1, "", 2, 1, 6, 16),
        Wish(0xFFFFFFFF, "127.244.1.2", 2, 2, 17, MOST),
        Wish(7, "fd00:1111:2222:3333:4444:5555:6666:7777", 10, 1, 6, 1),
        Wish(8, ""),
    ],
    ids=["of the cluster", "most", "a pod's by IPv6", "a channel"],
)
def test_a_wish_arrives_as_it_was_sent(wish: Wish) -> None:
    assert read_wish(wish.packet()) == wish
    assert len(wish.packet()) <= PACKET_BYTES


@pytest.mark.parametrize("reply", [Answer(1, 0), Answer(9, 24), Ending("127.244.1.2")])
def test_a_reply_arrives_as_it_was_sent(reply: Answer | Ending) -> None:
    assert read_reply(reply.packet()) == reply


@pytest.mark.parametrize(
    "packet",
    [b"", b"GET / HTTP/1.1", Wish(0, "", 2, 1, 6, 1).packet(), Wish(1, "", 2, 1, 6, MOST + 1).packet()],
    ids=["the end", "something else", "no number", "too many"],
)
def test_what_is_no_wish_is_an_error(packet: bytes) -> None:
    with pytest.raises(ValueError, match="no wish"):
        read_wish(packet)


@pytest.mark.parametrize("packet", [b"", b"abc"])
def test_what_is_no_reply_is_an_error(packet: bytes) -> None:
    with pytest.raises(ValueError, match="no answer"):
        read_reply(packet)

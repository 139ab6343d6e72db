"""The segment that regression-issue-74839 sends outside of a connection's window."""

import pytest

from kubelet.servers.outofwindow import ACK, DATA, PSH, Segment, checksum_of, far_segment, parse_segment
from kubelet.servers.outofwindow import _pseudo as pseudo

HANDSHAKE = Segment(40000, 9000, 1001, 5000, 5 << 12 | ACK, 502)
SIMPLE = bytes.fromhex("7f0000017f0000010006001400501f9000000001000000005002000000000000")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", 0xFFFF), (b"\x55", 0xAAFF), (b"\x55\x88", 0xAA77), (b"\x55\x88\x99", 0x1177), (SIMPLE, 0x91FF)],
)
def test_the_checksum_is_that_of_the_internet(content: bytes, expected: int) -> None:
    assert checksum_of(content) == expected


@pytest.mark.parametrize("pair", [("127.244.1.2", "127.244.2.3"), ("fd00::1", "fd00::2")])
def test_it_answers_a_handshake_far_before_its_number(pair: tuple[str, str]) -> None:
    packet = far_segment(HANDSHAKE, *pair)
    sent = parse_segment(packet)
    assert (sent.source, sent.destination, sent.acknowledged, sent.window) == (9000, 40000, 1001, 502)
    assert (sent.sequence, sent.names()) == ((5000 - 100_000) % 2**32, "PSH ACK")
    assert packet.endswith(DATA)
    assert checksum_of(pseudo(*pair, len(packet)) + packet) == 0
    assert sent.flags & PSH

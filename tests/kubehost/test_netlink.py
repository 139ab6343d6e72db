import errno
import os
import struct

import pytest

from kubehost.io.netlink import error_of
from kubehost.netlink import (
    ACK,
    CREATE,
    DONE,
    ERROR,
    REQUEST,
    Message,
    Reply,
    attribute,
    frame,
    number_attribute,
    read_attributes,
    read_frames,
    text_attribute,
)


def test_a_request_is_framed_with_its_length_and_padded_to_four_bytes() -> None:
    framed = frame(Message(24, ACK | CREATE, b"abcde"), 7)
    assert framed == struct.pack("=IHHII", 21, 24, ACK | CREATE | REQUEST, 7, 0) + b"abcde\0\0\0"


def test_the_frames_of_a_packet_are_read_back() -> None:
    packet = frame(Message(16, 0, b"one"), 1) + frame(Message(DONE, 0, b""), 2)
    assert list(read_frames(packet)) == [Reply(16, REQUEST, 1, b"one"), Reply(DONE, REQUEST, 2, b"")]


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x10\0\0\0", id="half-a-header"),
        pytest.param(struct.pack("=IHHII", 99, 16, 0, 1, 0), id="longer-than-the-packet"),
        pytest.param(struct.pack("=IHHII", 3, 16, 0, 1, 0), id="shorter-than-a-header"),
    ],
)
def test_a_truncated_frame_ends_the_packet(packet: bytes) -> None:
    assert list(read_frames(packet)) == []


def test_attributes_are_padded_and_read_back_without_the_mark_of_nested_ones() -> None:
    body = text_attribute(3, "veth0") + number_attribute(4, 9) + attribute(5 | 0x8000, b"x")
    assert len(body) % 4 == 0
    assert list(read_attributes(body)) == [(3, b"veth0\0"), (4, struct.pack("=I", 9)), (5, b"x")]


@pytest.mark.parametrize("body", [b"\0\0\1\0", b"\x09\0\1\0abcd", b"\x04"])
def test_a_truncated_attribute_ends_the_body(body: bytes) -> None:
    assert list(read_attributes(body)) == []


def test_an_acknowledgement_is_no_error() -> None:
    assert error_of(Reply(ERROR, 0, 1, struct.pack("=i", 0) + bytes(16)), "veth") is None


def test_an_error_names_its_request_and_has_the_kernels_own_words() -> None:
    body = struct.pack("=i", -errno.EOPNOTSUPP) + bytes(16)
    plain = error_of(Reply(ERROR, 0, 1, body), "veth eth0")
    explained = error_of(Reply(ERROR, 0x200, 1, body + text_attribute(1, "Unknown device type")), "veth eth0")
    assert str(plain) == f"[Errno {errno.EOPNOTSUPP}] veth eth0: {os.strerror(errno.EOPNOTSUPP)}"
    assert str(explained).endswith("(Unknown device type)")

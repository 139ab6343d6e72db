"""Waiting for an interface, by the kernel's answers; tests/kubeproxy/userspace/test_places.py has pods."""

from __future__ import annotations

import errno
import struct

import pytest

import kubehost.io.links
from kubehost.io.links import wait_until_carrying
from kubehost.io.netlink import NetlinkSocket
from kubehost.io.rtnetlink import NEWLINK, get_link
from kubehost.netlink import Message, Reply, attribute, text_attribute

HEADER = struct.pack("=BxHiII", 0, 1, 7, 0x1003, 0)
DOWN, LOWER_LAYER_DOWN, UP = b"\2", b"\3", b"\6"


class Answers(NetlinkSocket):
    """Has answers ready: the operational state of each."""

    def __init__(self, *states: bytes) -> None:
        super().__init__()
        self.states = list(states)

    def dump(self, message: Message) -> list[Reply]:
        """Return the next answer, the last one again and again."""
        assert message == get_link(7)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return [Reply(NEWLINK, 0, 1, HEADER + text_attribute(3, "eth0") + attribute(16, state))]


def test_a_link_is_asked_for_until_it_takes_packets() -> None:
    with Answers(DOWN, LOWER_LAYER_DOWN, UP, DOWN) as netlink:
        wait_until_carrying(netlink, 7)
        assert netlink.states == [DOWN]


def test_a_link_that_takes_none_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubehost.io.links, "MOST_SECONDS", 0.0)
    with Answers(DOWN) as netlink, pytest.raises(OSError, match="link 7 takes no packets 0 s after") as refused:
        wait_until_carrying(netlink, 7)
    assert refused.value.errno == errno.ETIMEDOUT

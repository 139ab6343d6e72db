"""Messages between processes: whole, in their order, with their sockets, and an end that is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import until

from kubeproxy.userspace.workers.io.channel import Channel, pickled, receive


class Ends:
    """Two ends; the second one collects."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.descriptors: list[int] = []
        self.ended: list[str] = []
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        self.ours = Channel(loop, ours, lambda *_: None, lambda: self.ended.append("ours"))
        self.theirs = Channel(loop, theirs, self._receive, lambda: self.ended.append("theirs"))

    def _receive(self, message: Any, descriptor: int) -> None:
        self.received.append(message)
        if descriptor >= 0:
            self.descriptors.append(descriptor)


@contextlib.contextmanager
def ends() -> Iterator[Ends]:
    both = Ends()
    try:
        yield both
    finally:
        both.ours.close()
        both.theirs.close()
        for each in both.descriptors:
            os.close(each)


async def test_messages_of_every_size_arrive_whole_and_in_their_order() -> None:
    sizes = [0, 1, 300_000, 7, 2_000_000, 65_536, 3]
    with ends() as both:
        for size in sizes:
            both.ours.send(b"x" * size)
        await until(lambda: len(both.received) == len(sizes))
        assert [len(each) for each in both.received] == sizes


async def test_each_message_brings_its_own_socket() -> None:
    with ends() as both, contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(300)]
        for number, sock in enumerate(sockets):
            sock.bind(("127.97.171.1", 0))
            both.ours.send((number, sock.getsockname()), sock)
            both.ours.send("x" * number)
        await until(lambda: len(both.received) == 600)
        assert len(both.descriptors) == 300
        for (_, name), descriptor in zip(both.received[::2], both.descriptors, strict=True):
            with socket.socket(fileno=os.dup(descriptor)) as arrived:
                assert arrived.getsockname() == name


async def test_a_socket_that_is_closed_before_its_message_went_takes_it_along() -> None:
    with ends() as both, socket.socket() as sock:
        both.ours.send(b"x" * 2_000_000)
        both.ours.send("listen", sock)
        both.ours.send("close")
        sock.close()
        await until(lambda: both.received[1:] == ["close"])


async def test_what_many_get_is_pickled_once() -> None:
    with ends() as both:
        both.ours.send_pickle(pickled({"a": 1}))
        await until(lambda: both.received == [{"a": 1}])


async def test_the_end_of_the_other_is_told_once_and_after_its_last_message() -> None:
    with ends() as both:
        both.ours.send("last")
        both.ours.close()
        await until(lambda: both.ended == ["theirs"])
        assert both.received == ["last"]
        both.theirs.send("nobody hears this")
        assert both.ended == ["theirs"]


async def test_sending_to_one_who_has_gone_ends_the_channel() -> None:
    with ends() as both:
        both.theirs.close()
        both.ours.send(b"x" * 100)
        await until(lambda: both.ended == ["ours"])


def test_the_first_message_can_be_waited_for_without_a_loop() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        text = pickled(["begin"])
        ours.sendall(len(text).to_bytes(8, sys.byteorder) + b"\0" + text)
        assert receive(theirs) == ["begin"]
        ours.close()
        with pytest.raises(EOFError, match="other end"):
            receive(theirs)

"""A proxy that did not run for a while learns what endpoints have answered meanwhile, before it gives them up.

On uvloop, as in a cluster: after the sockets of a turn come due timers, and only then the next look at the sockets.
IP plan: Service 127.97.0.1 (HTTP: 127.81.0.1), endpoint 127.245.0.1, port 20080; 127.97.200.7 fills its queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Coroutine, Iterator

import uvloop
from tests.helpers.kubeproxy.cluster import cluster, connect, service, slice_of, until
from tests.helpers.kubeproxy.http import GET, OK, http_front
from tests.helpers.patience import PATIENCE

from kubeproxy.userspace.dialling import late_outcome
from kubeproxy.userspace.poller import READABLE, Poller

VIP, ENDPOINT, FILLER, PORT = "127.97.0.1", "127.245.0.1", "127.97.200.7", 20080


async def on_uvloop(story: Coroutine[None, None, None]) -> None:
    """Run a story in a thread of its own, where nothing else waits for its loop."""
    await asyncio.to_thread(uvloop.run, story)


@contextlib.contextmanager
def full_endpoint() -> Iterator[socket.socket]:
    """Listen with a full queue: the kernel drops a SYN, and its client sends another one after a second."""
    with socket.create_server((ENDPOINT, PORT), backlog=0) as listener:
        listener.settimeout(PATIENCE)
        with socket.create_connection((ENDPOINT, PORT), PATIENCE, (FILLER, 0)):
            yield listener


class Stop:
    """Stops the loop in the turn in which the proxy dials, at its last look at sockets, until ``listener`` is called.

    The proxy has its timer by then, and has not looked for the answer yet.
    """

    def __init__(self, poller: Poller, listener: socket.socket) -> None:
        self.accepted: list[socket.socket] = []
        self._poller, self._listener = poller, listener
        self._bell, self._ringer = socket.socketpair()
        poller.register(self._bell.fileno(), READABLE, self)
        poller.at_turn_end(self._ringer.close)

    def on_event(self, events: int) -> None:
        """Accept the connection of whoever comes after the first."""
        del events
        self._poller.close_socket(self._bell)
        while (found := self._listener.accept())[1][0] == FILLER:
            found[0].close()
        found[0].settimeout(PATIENCE)
        self.accepted.append(found[0])

    def abandon(self) -> None:
        """Let the story see that nothing was accepted."""


async def test_a_connection_keeps_the_endpoint_that_has_answered_while_the_proxy_did_not_run() -> None:
    async def story() -> None:
        async with cluster(service(), slice_of("web", [ENDPOINT])) as c:
            with full_endpoint() as listener:
                stop = Stop(c.plane._parts.poller, listener)
                with contextlib.closing(await connect(VIP)) as client:
                    await asyncio.get_running_loop().sock_sendall(client, b"hello")
                    await until(lambda: any(r.bytes_to_endpoint or r.failures for r in c.plane.recent.records()))
                    assert c.plane.recent.records()[0].failures == ()
                    with stop.accepted[0] as accepted:
                        assert accepted.recv(5) == b"hello"

    await on_uvloop(story())


async def test_a_request_keeps_the_endpoint_that_has_answered_while_the_proxy_did_not_run() -> None:
    async def story() -> None:
        async with http_front(ENDPOINT) as running:
            with full_endpoint() as listener:
                talk = await running.connect()
                await until(lambda: len(running.front.connections) == 1)
                stop = Stop(running.front.shared.poller, listener)
                await talk.send(GET)
                await until(lambda: any(r.bytes_to_endpoint or r.failures for r in running.recent.records()))
                assert running.last_record().failures == ()
                with stop.accepted[0] as accepted:
                    accepted.sendall(OK)
                    assert (await talk.answer()).body == b"ok"

    await on_uvloop(story())


def test_the_outcome_of_a_dial_is_the_kernels_and_a_time_out_only_where_that_has_none() -> None:
    def outcome(address: str) -> int:
        with contextlib.closing(socket.socket()) as sock:
            sock.setblocking(False)
            sock.connect_ex((address, PORT))
            return late_outcome(sock)

    with full_endpoint() as listener:
        assert outcome(ENDPOINT) == errno.ETIMEDOUT
        listener.accept()[0].close()
        assert outcome(ENDPOINT) == 0

"""Servers on this machine for a load generator, each in a thread of its own."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

ANSWER = b"HTTP/1.1 200 OK\r\nX-Pod: web-1\r\nContent-Length: 5\r\n\r\nhello"
Answering = Callable[[bytes, int], bytes | None]
"""Returns what to send back for some bytes, the n-th (from 0) that come; b"" closes the connection, None is silence."""


def well(_data: bytes, _number: int) -> bytes:
    """Answer every request."""
    return ANSWER


class _Server:
    """Serves one port until its end is asked for."""

    def __init__(self, sock: socket.socket, answer: Answering, ending: socket.socket) -> None:
        self._sock = sock
        self._answer = answer
        self._ending = ending
        self._numbers = count()
        self._selector = selectors.DefaultSelector()
        for each in (sock, ending):
            self._selector.register(each, selectors.EVENT_READ)

    def serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._ending:
                    self._close()
                    return
                assert isinstance(key.fileobj, socket.socket)
                self._take(key.fileobj)

    def _take(self, sock: socket.socket) -> None:
        if sock.type == socket.SOCK_DGRAM:
            data, client = sock.recvfrom(4096)
            if said := self._answer(data, next(self._numbers)):
                sock.sendto(said, client)
        elif sock is self._sock:
            self._selector.register(sock.accept()[0], selectors.EVENT_READ)
        else:
            self._talk(sock)

    def _talk(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(4096)
            said = self._answer(data, next(self._numbers)) if data else b""
            if said:
                sock.sendall(said)
        except OSError:
            said = b""
        if said == b"":
            self._selector.unregister(sock)
            sock.close()

    def _close(self) -> None:
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()


@contextmanager
def serving(answer: Answering = well, *, is_datagram: bool = False) -> Iterator[int]:
    """Serve on 127.0.0.1 while the block runs; yields the port."""
    sock = socket.socket(type=socket.SOCK_DGRAM if is_datagram else socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    if not is_datagram:
        sock.listen(1024)
    port: int = sock.getsockname()[1]
    ending, end = socket.socketpair()
    thread = threading.Thread(target=_Server(sock, answer, ending).serve)
    thread.start()
    try:
        yield port
    finally:
        end.close()
        thread.join()

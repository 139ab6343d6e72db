"""The end of clients' TLS connections: what they send goes on decrypted through a pair of sockets, and back.

So all that is behind, WebSockets too, is as without TLS. Not by the loop's own TLS transports, for the reason that
``poller`` gives. The conversation behind keeps the time: when it closes, so does this. With an endpoint that speaks TLS
in the place of the client it is the same, but that the endpoint is the server.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable

from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.http.io.wire import Wire
from kubeproxy.userspace.live import LiveConnections
from kubeproxy.userspace.poller import READABLE, WRITABLE

_READ_BYTES = 64 * 1024


class Termination:
    """One client's connection, or an endpoint's. ``plain`` is the socket for what is behind, which owns it.

    ``is_cut_off`` tells, once that has closed, whether the client is to be reset. ``is_shaken``: TLS has begun.
    """

    def __init__(
        self,
        shared: HttpShared,
        sock: socket.socket,
        context: ssl.SSLContext,
        over: Callable[[Termination], None],
        *,
        is_server: bool,
    ) -> None:
        # Nobody waits any more for a client that takes nothing of what is left when the conversation has closed.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(shared.config.send_seconds * 1000))
        ours, self.plain = socket.socketpair()
        ours.setblocking(False)
        self.plain.setblocking(False)
        self.is_cut_off: Callable[[], bool] = lambda: False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=is_server)
        self.is_shaken = self._is_closing = self._is_over = False
        self._over = over
        self.client, self._behind = _Client(shared, sock, self), _Behind(shared, ours, self)
        if not is_server:
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
            self._flush()
        self.pace()

    def close(self, *, is_reset: bool = False) -> None:
        """End both sides now; harmless when it has ended."""
        if not self._is_over:
            self._is_over = True
            self.client.end(is_reset=is_reset)
            self._behind.end(is_reset=False)
            self._over(self)

    def take_ciphered(self, received: memoryview) -> None:
        """Decrypt what the client has sent and pass it on; nothing received is its end."""
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()
        try:
            self._decrypt()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:  # it is no TLS, has no version or cipher in common, or has ended without saying so
            self._flush()
            self.close_drained()
        else:
            self._flush()
            self._behind.finish()

    def take_plain(self, received: memoryview) -> None:
        """Encrypt what is sent to the client; nothing received is the end of that."""
        if not received and self.is_cut_off():
            self.close(is_reset=True)
            return
        if received:
            self._tls.write(received)
        else:
            with contextlib.suppress(ssl.SSLError):  # the client's own close_notify need not come
                self._tls.unwrap()
        self._flush()
        if not received:
            self.client.finish()

    def close_drained(self) -> None:
        """End, once the client has taken everything."""
        self._is_closing = True
        self.pace()

    def pace(self) -> None:
        """Read each side as the other one takes."""
        if self._is_over:
            return
        if self._is_closing and not self.client.unsent:
            self.close()
            return
        self.client.read_while(is_wanted=not self._behind.unsent and not self._is_closing)
        self._behind.read_while(is_wanted=self.is_shaken and not self.client.unsent and not self._is_closing)

    def _decrypt(self) -> None:
        """Pass on what is there; SSLWantReadError where the client has not ended."""
        if not self.is_shaken:
            self._tls.do_handshake()
            self.is_shaken = True
        while text := self._tls.read(_READ_BYTES):
            self._behind.send(text)

    def _flush(self) -> None:
        if told := self._outgoing.read():
            self.client.send(told)


class _Side(Wire):
    """One of the two sockets; ``has_ended``: nothing more comes from there."""

    __slots__ = ("_is_finishing", "has_ended", "owner")

    def __init__(self, shared: HttpShared, sock: socket.socket, owner: Termination) -> None:
        super().__init__(shared, sock)
        self.owner = owner
        self.has_ended = self._is_finishing = False
        shared.poller.register(self.fd, READABLE, self)

    def finish(self) -> None:
        """Send no more once all is sent."""
        self._is_finishing = True
        if not self.unsent and not self.takes_nothing:
            self._shut()

    def read_while(self, *, is_wanted: bool) -> None:
        """Read if it is wanted, and send what is unsent."""
        wanted = WRITABLE if self.unsent else 0
        self.ask(wanted | READABLE if is_wanted and not self.has_ended else wanted)

    def _read(self) -> None:
        buffer = self._shared.buffer
        try:
            count = self.sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            self.owner.close()
            return
        if not count:
            self.has_ended = True
        self._take(buffer[:count])
        self.owner.pace()

    def _take(self, received: memoryview) -> None:
        raise NotImplementedError

    def _shut(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.owner.close()

    def _on_stalled(self) -> None:
        self.owner.pace()

    def _on_drained(self) -> None:
        if self._is_finishing and not self.takes_nothing:
            self._shut()
        self.owner.pace()

    def _on_send_failed(self) -> None:
        self.owner.close()

    def _on_broken(self) -> None:
        self.owner.close()


class _Client(_Side):
    """The client's socket, with what is encrypted."""

    __slots__ = ()

    def _take(self, received: memoryview) -> None:
        self.owner.take_ciphered(received)


class _Behind(_Side):
    """The other end of ``plain``."""

    __slots__ = ()

    def _take(self, received: memoryview) -> None:
        self.owner.take_plain(received)

    def _on_broken(self) -> None:
        """End if all is read; else wait until the client takes more, and read the rest then."""
        if not self.owner.is_shaken:
            self.owner.close(is_reset=True)
            return
        if self.has_ended:
            self.owner.close_drained()
        self.events = self._shared.poller.hang_up(self.fd) if self.events > 0 or not self.takes_nothing else 0


class Terminations:
    """The TLS connections of one front."""

    def __init__(self, shared: HttpShared) -> None:
        self.connections = LiveConnections[Termination]()
        self._shared = shared

    def begin(self, sock: socket.socket, context: ssl.SSLContext, *, is_server: bool = True) -> Termination:
        """Own a client's socket from now on, or an endpoint's, which may still be being connected."""
        termination = Termination(self._shared, sock, context, self.connections.over, is_server=is_server)
        self.connections.add(termination)
        return termination

    def end(self, is_due: Callable[[socket.socket], bool]) -> None:
        """Reset the connections whose client's socket is due to be closed."""
        for each in tuple(self.connections):
            if is_due(each.client.sock):
                each.close(is_reset=True)

"""Probes of the endpoints' load, for algorithms that ask for it: one kept connection to each endpoint that is asked.

Never waits, and has no timer: what has not answered is noticed when it is asked again. An endpoint that is no server of
``/load`` is left alone for a while, so that it is not dialled with each request.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection

from kubeproxy.balancers import Backend, Tell
from kubeproxy.http.answerhead import AnswerReader
from kubeproxy.http.heads import BadAnswer
from kubeproxy.types import ServicePortName
from kubeproxy.userspace.dialling import connect
from kubeproxy.userspace.http.loadreport import MOST_BYTES, read_report, request_for
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.poller import READABLE, WRITABLE

PATIENCE_SECONDS = 1.0
"""How long an answer may take, and how long an endpoint without one is left alone."""
MOST_KEPT = 256
"""Connections that are kept for the next probe: the files of all others are for clients."""
_MOST_FIELDS = 100

_Key = tuple[ServicePortName, str]


def key_of(backend: Backend) -> _Key:
    """Return by what the connection to an endpoint is known."""
    return backend.counters.port_name, backend.address


class _Talk:
    """A connection to one endpoint; ``tell`` is None while nothing is asked."""

    def __init__(self, probes: Probes, backend: Backend, sock: socket.socket, *, is_connected: bool) -> None:
        self._probes = probes
        self._backend = backend
        self._key = key_of(backend)
        self._reader = AnswerReader()
        self._inbox = b""
        self._is_connected = is_connected
        self.sock = sock
        self.tell: Tell | None = None
        self.asked_at = 0.0
        probes.parts.poller.register(sock.fileno(), READABLE if is_connected else WRITABLE, self)

    def ask(self, backend: Backend, tell: Tell, now: float) -> None:
        """Ask, unless an answer is still to come."""
        if self.tell is not None:
            if now - self.asked_at > PATIENCE_SECONDS:
                self.abandon()
            return
        self._backend, self.tell, self.asked_at = backend, tell, now
        if self._is_connected:
            self._send()

    def on_event(self, events: int) -> None:
        """Send what waited for the connection, or take what has come."""
        if not self._is_connected:
            if self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.abandon()
                return
            self._is_connected = True
            self._probes.parts.poller.modify(self.sock.fileno(), READABLE)
            self._send()
            return
        try:
            received = self.sock.recv(MOST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if received:
            self._take(received)
        elif self.tell is None:
            self._probes.end(self._key)  # an idle connection may end
        else:
            self.abandon()

    def abandon(self) -> None:
        """End the connection to an endpoint that does not answer as it should."""
        self._probes.give_up(self._key)

    def _send(self) -> None:
        request = request_for(self._key[1])
        try:
            if self.sock.send(request) < len(request):
                self.abandon()
        except OSError:
            self.abandon()

    def _take(self, received: bytes) -> None:
        inbox = self._inbox = self._inbox + received
        end = inbox.find(b"\r\n\r\n") + 4
        if end == 3:
            if len(inbox) > MOST_BYTES:
                self.abandon()
            return
        try:
            head = self._reader.read(inbox[:end], b"GET", _MOST_FIELDS)
        except BadAnswer:
            self.abandon()
            return
        if len(inbox) - end < head.length <= MOST_BYTES:
            return
        report = read_report(inbox[end:]) if head.status == 200 and head.length == len(inbox) - end else None
        tell, self.tell, self._inbox = self.tell, None, b""
        if report is None or tell is None:
            self.abandon()
            return
        tell(self._backend, report, self._probes.parts.clock())
        if not head.is_kept_alive or len(self._probes) > MOST_KEPT:
            self._probes.end(self._key)


class Probes:
    """The connections, by Service port and endpoint; ``probe`` is a ``balancers.Probe``."""

    def __init__(self, parts: DataPlaneParts) -> None:
        self.parts = parts
        self._talks: dict[_Key, _Talk] = {}
        self._left_alone: dict[_Key, float] = {}

    def __len__(self) -> int:
        return len(self._talks)

    def probe(self, backend: Backend, tell: Tell) -> None:
        """Ask an endpoint for its load."""
        key, now = key_of(backend), self.parts.clock()
        talk = self._talks.get(key)
        if talk is None and self._left_alone.get(key, now) <= now:
            talk = self._dial(key, backend)
        if talk is not None:
            talk.ask(backend, tell, now)

    @property
    def has_any(self) -> bool:
        """Whether some endpoint is asked, or left alone because it does not answer."""
        return bool(self._talks or self._left_alone)

    def update(self, port_name: ServicePortName, usable: Collection[str]) -> None:
        """Forget the endpoints of a Service port that are not ``usable`` (``ip:port``) any more."""
        for key in [each for each in (*self._talks, *self._left_alone) if each[0] == port_name]:
            if key[1] not in usable:
                self.end(key)
                self._left_alone.pop(key, None)

    def end_all(self) -> None:
        """End all connections; those that are still wanted are made again."""
        for key in tuple(self._talks):
            self.end(key)

    def end(self, key: _Key) -> None:
        """End the connection to an endpoint, if there is one."""
        talk = self._talks.pop(key, None)
        if talk is not None:
            self.parts.poller.close_socket(talk.sock)

    def give_up(self, key: _Key) -> None:
        """End the connection, and leave the endpoint alone for a while."""
        self.end(key)
        self._left_alone[key] = self.parts.clock() + PATIENCE_SECONDS

    def _dial(self, key: _Key, backend: Backend) -> _Talk | None:
        self._left_alone.pop(key, None)
        parts = self.parts
        target = parts.targets.dial(key[0], backend.endpoint)
        try:
            sock, code = connect(parts.dialler, target) if target is not None else (None, errno.ELOOP)
        except OSError:
            sock, code = None, errno.EMFILE
        if sock is None or code not in (0, errno.EINPROGRESS) or sock.fileno() >= parts.ceiling:
            if sock is not None:
                sock.close()
            self.give_up(key)
            return None
        talk = self._talks[key] = _Talk(self, backend, sock, is_connected=not code)
        return talk

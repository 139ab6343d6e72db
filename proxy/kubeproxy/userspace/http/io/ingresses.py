"""Requests at an address of Ingresses: each goes to the Service port that ``IngressTable.decide`` says.

Those of one client may go to several Services, each over the connections that the Service port keeps. The rest is as
with HTTP Services.
"""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable, Collection

from kubeproxy.ingress.certificates import Certificates
from kubeproxy.ingress.table import IngressDecision, IngressTable, host_of
from kubeproxy.telemetry.outcomes import CONNECT_OUTCOMES, Outcome
from kubeproxy.types import Route, ServicePortName
from kubeproxy.userspace.http.exchange import Exchange
from kubeproxy.userspace.http.ingressheads import Sender, ingress_head
from kubeproxy.userspace.http.io.conversation import HttpConversation
from kubeproxy.userspace.http.io.delivery import Delivery, Failure
from kubeproxy.userspace.http.io.port import Origin, Port
from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.http.io.termination import Termination, Terminations
from kubeproxy.userspace.http.io.tlscontexts import Contexts
from kubeproxy.userspace.http.io.tlsport import TlsPort
from kubeproxy.userspace.http.io.wire import Conversation
from kubeproxy.userspace.http.requests import RequestReader
from kubeproxy.userspace.live import LiveConnections

_HTTPS = 443
FindPort = Callable[[ServicePortName, bool], Port]
"""Returns what the requests of a Service port share, whose endpoints speak TLS if that is True."""


class IngressPort(Port):
    """``table`` decides; ``context`` has the TLS settings, None for the port without TLS."""

    __slots__ = ("_contexts", "context", "find_port", "table")

    def __init__(self, shared: HttpShared, name: ServicePortName, table: IngressTable, find_port: FindPort) -> None:
        super().__init__(shared, name)
        self.find_port = find_port
        self.table: IngressTable = table
        self._contexts = Contexts()
        self.context: ssl.SSLContext | None = None
        self.renew(table)

    def renew(self, table: IngressTable) -> None:
        """Decide by another table; OSError if its default certificate cannot be used."""
        self.table = table
        if self.name.port != "https" or table.certificates is None:
            return
        self._contexts.retain(table.certificates)
        if self.context is None:
            self.context = self._contexts.front(self._certificates)

    def _certificates(self) -> Certificates:
        assert self.table.certificates is not None
        return self.table.certificates


class IngressConversation(HttpConversation):
    """``is_cut_off``: it has ended by a reset."""

    __slots__ = ("is_cut_off",)

    def __init__(self, shared: HttpShared, port: IngressPort, sock: socket.socket, origin: Origin) -> None:
        super().__init__(shared, port, sock, origin)
        self.is_cut_off = False
        self.delivery = _Delivery(shared, port, origin, self._reader, sock)

    def _close(self, *, is_reset: bool = False) -> None:
        self.is_cut_off |= is_reset
        super()._close(is_reset=is_reset)


class _Delivery(Delivery):
    __slots__ = ("_decided", "_entered", "_ingress", "_sock")

    def __init__(
        self, shared: HttpShared, port: IngressPort, origin: Origin, reader: RequestReader, sock: socket.socket
    ) -> None:
        super().__init__(shared, port, origin, reader)
        self._ingress = port
        self._entered = origin
        self._sock = sock
        self._decided: Exchange | None = None

    def begin(self, exchange: Exchange, conversation: Conversation) -> Failure | None:
        """Decide where a request goes, once, and send it there."""
        if exchange is not self._decided:
            self._decided = exchange
            failure = self._decide(exchange)
            if failure is not None:
                self.exchange = exchange
                return failure
        return super().begin(exchange, conversation)

    def _decide(self, exchange: Exchange) -> Failure | None:
        request, is_tls = exchange.request, self._ingress.context is not None
        decision = self._ingress.table.decide(host_of(request.host), request.target, is_tls=is_tls)
        port_name = decision.leaf.port_name if decision.leaf is not None else None
        if decision.status or port_name is None:
            return self._refuse(decision)
        port = self._port = self._ingress.find_port(port_name, decision.leaf is not None and decision.leaf.speaks_tls)
        port.budget.deposit()
        self._origin = self._entered._replace(route=Route(port_name, "", is_local=False))
        exchange.record.route = self._origin.route
        identifier = b"%032x" % random.getrandbits(128)
        number = self._entered.destination.port
        self._head = ingress_head(request, decision.target, Sender(self._forwarded_for, self._host, number), identifier)
        self._request = request
        return None

    def _refuse(self, decision: IngressDecision) -> Failure:
        place, path = decision.location
        if not place:
            return Failure(decision.status, decision.reason, Outcome.NO_RULE)
        # Where this machine has another port in place of 80, it has another one in place of 443 too.
        moved = self._sock.getsockname()[1] - self._entered.destination.port
        port = f":{_HTTPS + moved}" if moved else ""
        return Failure(decision.status, decision.reason, Outcome.CLOSED, f"{place}{port}{path}")


class Ingresses:
    """The addresses of Ingresses of one front: which Service ports are their backends, and the TLS connections."""

    def __init__(self, shared: HttpShared) -> None:
        self.backends: frozenset[ServicePortName] = frozenset()
        self._shared = shared
        self._terminations = Terminations(shared)
        self._by_port: dict[ServicePortName, frozenset[ServicePortName]] = {}
        self.tls_ports: dict[ServicePortName, TlsPort] = {}
        """Service ports whose endpoints speak TLS, as far as they were asked for."""

    @property
    def terminations(self) -> LiveConnections[Termination]:
        """The TLS connections now."""
        return self._terminations.connections

    def note(self, port_name: ServicePortName, table: IngressTable | None) -> frozenset[ServicePortName]:
        """Know the backends of an address, None if it is gone; return those that are new or none any more."""
        if table is None:
            self._by_port.pop(port_name, None)
        else:
            self._by_port[port_name] = table.backends()
        before, self.backends = self.backends, frozenset[ServicePortName]().union(*self._by_port.values())
        return before ^ self.backends

    def tls_port(self, port_name: ServicePortName) -> TlsPort:
        """Return what the requests of a Service port share whose endpoints speak TLS."""
        port = self.tls_ports.get(port_name)
        if port is None:
            port = self.tls_ports[port_name] = TlsPort(self._shared, port_name, self._terminations)
        return port

    def update(self, port_name: ServicePortName, usable: Collection[str] | None) -> None:
        """Keep connections by TLS to the endpoints ``usable`` only; None: the Service port is gone."""
        port = self.tls_ports.pop(port_name, None) if usable is None else self.tls_ports.get(port_name)
        if port is not None:
            port.pool.update(usable or ())

    def converse(self, port: IngressPort, sock: socket.socket, origin: Origin) -> IngressConversation | None:
        """Own a client's socket from now on and answer its requests; None if that has failed and it is closed."""
        if port.context is None:
            return IngressConversation(self._shared, port, sock, origin)
        try:
            termination = self._terminations.begin(sock, port.context)
        except OSError as error:  # no files are left for the pair of sockets, or the client is gone
            self._shared.counters.errors[CONNECT_OUTCOMES.get(error.errno or 0, Outcome.CLIENT_RESET)] += 1
            sock.close()
            return None
        conversation = IngressConversation(self._shared, port, termination.plain, origin)
        termination.is_cut_off = lambda: conversation.is_cut_off
        return conversation

    def end(self, is_due: Callable[[socket.socket], bool]) -> None:
        """Reset the TLS connections whose client's socket is due to be closed."""
        self._terminations.end(is_due)

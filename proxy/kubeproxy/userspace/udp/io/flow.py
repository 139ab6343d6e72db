"""One UDP flow: a client at one bound socket, a connected socket to its endpoint, and the replies on their way back.

In a turn of the poller one call sends what endpoints have replied, through the socket that was asked, so from the
address and port that the client knows. Datagrams are passed on whole, or not at all: a full socket drops them, as the
network does.
"""

from __future__ import annotations

import contextlib
import socket
from socket import SocketType

from kubehost import openfiles
from kubehost.io.datagrams import SLOTS, Batch, address_of, viewing_rooms
from kubeproxy.rules import Listener
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.telemetry.outcomes import Outcome, Result
from kubeproxy.telemetry.recent import ConnectionRecord
from kubeproxy.types import ServicePortName
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.udp.flowtable import FlowTable, RefusalBudget, TrackedFlow, flow_limit
from kubeproxy.userspace.udp.io.refusal import Refuse

DATAGRAM_BYTES = 64 * 1024
"""The longest datagram, 65507 bytes by IPv4 and 65527 by IPv6, fits."""

_SUCCESS = Result.SUCCESS  # a global, because Python 3.11 calls a function for each member that is looked up
REPLIES_PER_TURN = 16
"""Datagrams of one endpoint to one client before the others have their turn."""

Client = bytes
"""A peer's address and port as the kernel writes them: a key that costs no more than a copy."""


def _batch() -> Batch[memoryview]:
    return Batch(viewing_rooms(SLOTS, DATAGRAM_BYTES))


class UdpShared:
    """What all flows of one data plane share, and the replies that leave when the turn ends.

    ``limit`` bounds the flows, by default to half of the open files.
    """

    def __init__(self, parts: DataPlaneParts, limit: int | None) -> None:
        self.poller = parts.poller
        self.counters = parts.counters
        self.recent = parts.recent
        self.clock = parts.clock
        self.inboxes = {int(family): _batch() for family in (socket.AF_INET, socket.AF_INET6)}
        self.table: FlowTable[UdpFlow] = FlowTable(limit or flow_limit(openfiles.limit()))
        self.by_port: dict[ServicePortName, set[UdpFlow]] = {}
        self._outbox = _batch()
        self._replies: list[tuple[UdpFlow, int]] = []

    def take_replies(self, flow: UdpFlow, limit: int) -> None:
        """Receive up to ``limit`` datagrams of an endpoint, which leave when the turn ends: a hot path."""
        replies, rooms = self._replies, self._outbox.rooms
        for _ in range(limit):
            if len(replies) == SLOTS:
                self._send_replies()
            try:
                size = flow.receive(rooms[len(replies)])
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                flow.refused(self.clock())
                continue
            except OSError:
                self.counters.errors[Outcome.RECEIVE_FAILED] += 1
                continue
            if not replies:
                self.poller.at_turn_end(self._send_replies)
            replies.append((flow, size))

    def _send_replies(self) -> None:
        """Send what was received, with one call for neighbours that leave by the same socket."""
        replies, address, now = self._replies, self._outbox.address, self.clock()
        asked, begin = None, 0
        for slot, (flow, size) in enumerate(replies):
            if flow.asked is not asked:
                self._send_by(asked, begin, slot)
                asked, begin = flow.asked, slot
            address(slot, flow.client, size)
            flow.counters.bytes_to_client += size
            flow.record.bytes_to_client += size
            flow.seen_at = now
            if not flow.is_answered:
                self.table.answered(flow)
                if flow.counters.watchers:
                    flow.counters.answered(now - flow.began_at)
                    flow.counters.completed(_SUCCESS)
        self._send_by(asked, begin, len(replies))
        replies.clear()

    def _send_by(self, asked: AskedSocket | None, begin: int, end: int) -> None:
        if asked is None:
            return
        for slot in self._outbox.send(asked.sock, begin, end):
            flow, size = self._replies[slot]
            flow.counters.bytes_to_client -= size
            flow.record.bytes_to_client -= size
            self.counters.errors[Outcome.DATAGRAM_DROPPED] += 1


class AskedSocket:
    """The socket that clients of one destination send to and get their replies from; ``clients`` have their flows."""

    __slots__ = ("_refusals", "_refuse", "_shared", "clients", "listener", "sock")

    def __init__(self, shared: UdpShared, sock: SocketType, listener: Listener, refuse: Refuse) -> None:
        self.sock = sock
        self.listener = listener
        self.clients: dict[Client, UdpFlow] = {}
        self._shared = shared
        self._refuse = refuse
        self._refusals = RefusalBudget()

    def refuse(self, client: Client, now: float) -> None:
        """Tell a client that its endpoint refuses."""
        if not self._refusals.spend(now) or not self._refuse(self.sock, address_of(self.sock.family, client)):
            self._shared.counters.errors[Outcome.REFUSAL_NOT_PASSED_ON] += 1


class UdpFlow(TrackedFlow):
    """One client and its endpoint, to which ``sock`` is connected. ``asked`` is the socket that the client has asked.

    ``questions`` counts datagrams of the client since the endpoint's last event.
    """

    __slots__ = ("_shared", "asked", "client", "counters", "questions", "receive", "record", "send", "sock")

    def __init__(
        self,
        shared: UdpShared,
        asked: AskedSocket,
        client: Client,
        sock: SocketType,
        record: ConnectionRecord,
    ) -> None:
        super().__init__()
        self._shared = shared
        self.asked = asked
        self.client = client
        self.sock = sock
        self.record = record
        self.counters = self._count_opened(record)
        self.send = sock.send
        self.receive = sock.recv_into
        self.questions = 0

    def on_event(self, events: int) -> None:
        """Receive what the endpoint has sent.

        One question has one answer: then nothing is tried a second time, which would learn that there is no more.
        """
        del events
        limit = 1 if self.questions == 1 else REPLIES_PER_TURN
        self.questions = 0
        self._shared.take_replies(self, limit)

    def abandon(self) -> None:
        """End the flow."""
        self.end(Outcome.INTERNAL_ERROR)

    def end(self, outcome: str = Outcome.CLOSED) -> None:
        """Forget the flow: the client's next datagram begins another. ``outcome`` is recorded."""
        shared, port_name = self._shared, self.counters.port_name
        if self.counters.watchers and not self.is_answered:
            self.counters.answered(shared.clock() - self.began_at)
        shared.table.remove(self)
        shared.recent.ended(self.record, outcome)
        flows = shared.by_port[port_name]
        flows.remove(self)
        if not flows:
            del shared.by_port[port_name]
        del self.asked.clients[self.client]
        shared.counters.closed(self.counters)
        shared.poller.close_socket(self.sock)

    def is_sent_after(self, error: OSError, datagram: memoryview, now: float) -> bool:
        """Send once more where the error was another datagram's: the refusal of one before, which came just now."""
        if isinstance(error, ConnectionRefusedError):
            self.refused(now)
            with contextlib.suppress(OSError):
                self.send(datagram)
                return True
        self._shared.counters.errors[Outcome.DATAGRAM_DROPPED] += 1
        return False

    def refused(self, now: float) -> None:
        """Pass the endpoint's refusal on. The flow stays: it ends with its endpoint, or when it is idle."""
        self._shared.counters.errors[Outcome.PORT_UNREACHABLE] += 1
        if not self.record.failures:
            self.record.failed(Outcome.PORT_UNREACHABLE)
            self.counters.completed(Result.LOCAL_ERROR)
        self.asked.refuse(self.client, now)

    def _count_opened(self, record: ConnectionRecord) -> EndpointCounters:
        assert record.choice is not None
        all_counters = self._shared.counters
        counters = all_counters.endpoint(record.route.port_name, record.choice.address)
        all_counters.opened(counters)
        return counters

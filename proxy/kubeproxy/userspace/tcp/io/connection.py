"""One connection through the proxy: two sockets, and the ``Relay`` that decides what happens to them.

No task, future or transport per connection; one receive buffer for all of them. A stalled peer costs at most one buffer
of memory per direction, because its source is not read meanwhile. A slow endpoint never delays another client.
"""

from __future__ import annotations

import asyncio
from socket import SocketType

from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.telemetry.outcomes import CONNECT_OUTCOMES, Outcome, Result
from kubeproxy.telemetry.recent import ConnectionRecord
from kubeproxy.types import Choice
from kubeproxy.userspace.dialling import late_outcome
from kubeproxy.userspace.poller import READABLE, UNREGISTERED, WRITABLE
from kubeproxy.userspace.tcp.io.dial import dial
from kubeproxy.userspace.tcp.io.end import AT_ONCE, READING, End
from kubeproxy.userspace.tcp.io.shared import TcpShared
from kubeproxy.userspace.tcp.io.timedend import TimedEnd
from kubeproxy.userspace.tcp.relay import EARLY_BYTES_LIMIT, Action, Relay, RelayState, Side

# Globals, because Python 3.11 calls a function for each member that is looked up in its enumeration.
_CLIENT, _UPSTREAM = Side.CLIENT, Side.UPSTREAM
_DIAL, _CLOSE, _RESET, _SHUT_CLIENT = Action.DIAL, Action.CLOSE, Action.RESET, Action.SHUT_CLIENT
_CLOSED, _WAS_RESET, _SUCCESS = Outcome.CLOSED, Outcome.RESET, Result.SUCCESS
_OVER = RelayState.CLOSED


class Connection:
    """One client and, once it has one, its endpoint. ``relay`` decides what happens to the sockets."""

    __slots__ = ("_timer", "_tried", "client", "counters", "record", "relay", "shared", "upstream")

    def __init__(self, shared: TcpShared, sock: SocketType, record: ConnectionRecord) -> None:
        self.shared = shared
        self.record = record
        self.relay = Relay()
        self.counters: EndpointCounters | None = None
        self.client = End(self, sock, _CLIENT)
        self.upstream: End | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tried: tuple[str, ...] = ()

    def start(self) -> None:
        """Read what the client has sent by now, which spares waiting for it, and dial the first endpoint."""
        if self._read_early():
            self.perform(self.relay.dial())
            self.await_events()

    def on_early(self) -> None:
        """Keep what the client sends while its endpoint is dialled."""
        if self._read_early():
            self._ask(self.client)

    def on_stalled(self, end: End, rest: bytes) -> None:
        """Stop reading until ``end`` has taken the rest."""
        self.relay.stalled(end.side, rest)
        self.await_events()

    def on_end(self, end: End) -> None:
        """Pass the end of one direction on."""
        self.perform(self.relay.ended(end.side))
        if self.relay.state is not _OVER:
            self._ask(end)

    def on_writable(self, end: End) -> None:
        """Send what ``end`` did not take before; while connecting, learn how the dial went."""
        relay = self.relay
        if not relay.is_connected:
            self._learn_outcome()
            return
        try:
            sent = end.sink.send(relay.unsent[end.side], AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            self.reset(Outcome.RESET)
            return
        self.perform(relay.sent(end.side, sent))
        self.await_events()

    def on_broken(self, end: End) -> None:
        """Pass on a reset that came while nothing was read; after an orderly end wait until the rest may be read."""
        if end.error():
            self.reset(Outcome.RESET)
        else:
            end.events = self.shared.poller.hang_up(end.fd)

    def reset(self, reason: str = "") -> None:
        """End both sides by reset; ``reason`` is counted as an error."""
        if reason:
            self._note_error(reason)
        self.perform(self.relay.fail())

    def _read_early(self) -> bool:
        """Take the client's first bytes, or its end; False if it is gone."""
        buffer = self.shared.buffer
        try:
            count = self.client.sock.recv_into(buffer, EARLY_BYTES_LIMIT, AT_ONCE)
        except BlockingIOError:
            return True
        except OSError:
            self.reset(Outcome.RESET)
            return False
        if count:
            self.relay.early(bytes(buffer[:count]))
        else:
            self.relay.ended(_CLIENT)
        return True

    def perform(self, action: Action | None) -> None:
        """Perform what the relay has decided, and what it decides next because of that."""
        while action is not None:
            if action is _DIAL:
                action = self._dial()
            elif action is _CLOSE or action is _RESET:
                self._close(is_reset=action is _RESET)
                return
            else:
                action = self._shut(self.client if action is _SHUT_CLIENT else self.upstream)

    def _shut(self, end: End | None) -> Action | None:
        assert end is not None
        try:
            end.shut()
        except OSError:
            return self.relay.fail()
        return None

    def _dial(self) -> Action | None:
        """Dial the next endpoint; on loopback the answer is often there at once."""
        shared, record, relay = self.shared, self.record, self.relay
        choice = record.choice = shared.load_balancer.next_endpoint(record.route, record, self._tried)
        if choice is None:
            self._note_error(Outcome.NO_ENDPOINTS)
            return relay.fail()
        try:
            self.upstream, code, sent = dial(self, choice, relay.unsent[_UPSTREAM])
        except OSError as error:
            self._note_failure(error.errno or 0)
            return relay.fail()
        if self.upstream is None:
            return self._dial_again(code)
        if not code:
            return self._establish(choice, sent)
        self._timer = shared.loop.call_later(relay.dial_timeout, self._learn_outcome)
        return None

    def _dial_again(self, code: int) -> Action | None:
        record = self.record
        assert record.choice is not None
        self._note_failure(code)
        self._tried = (*self._tried, record.choice.address)
        self.shared.counters.unreachable(record.route.port_name, record.choice.address)
        return self.relay.dial()

    def _learn_outcome(self) -> None:
        """Take the late answer to a dial, or that there is none in time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        assert self.upstream is not None
        if code := late_outcome(self.upstream.sock):
            self.upstream.close(is_reset=False)
            self.upstream = None
            self.perform(self._dial_again(code))
        else:
            assert self.record.choice is not None
            self.perform(self._establish(self.record.choice))
        self.await_events()

    def _establish(self, choice: Choice, sent: int = 0) -> Action | None:
        """Begin to relay to what was chosen; ``sent`` of the early bytes have left already."""
        client, upstream, record, relay = self.client, self.upstream, self.record, self.relay
        assert upstream is not None
        client.peer, upstream.peer = upstream, client
        all_counters = self.shared.counters
        self.counters = counters = all_counters.endpoint(record.route.port_name, choice.address)
        all_counters.opened(counters)
        if counters.watchers:
            counters.completed(_SUCCESS)
        record.outcome = ""
        early = len(relay.unsent[_UPSTREAM])
        counters.bytes_to_endpoint += early
        record.bytes_to_endpoint += early
        action = relay.connected()
        return relay.sent(_UPSTREAM, sent) if sent else action

    def _note_failure(self, code: int) -> None:
        reason = CONNECT_OUTCOMES.get(code, Outcome.CONNECT_FAILED)
        self._note_error(reason)
        self.record.failed(reason)

    def _note_error(self, reason: str) -> None:
        self.shared.counters.errors[reason] += 1
        self.record.outcome = reason

    def await_events(self) -> None:
        """Ask the poller for what the relay wants now."""
        relay, client, upstream = self.relay, self.client, self.upstream
        if relay.state is _OVER:
            return
        if client.events == UNREGISTERED and upstream is not None and relay.is_flowing:
            client.ask(READING)
            upstream.ask(READING)
            return
        self._ask(client)
        if upstream is not None:
            self._ask(upstream)

    def _ask(self, end: End) -> None:
        wanted = (READING if end.peer else READABLE) if self.relay.can_read(end.side) else 0
        if self.relay.must_write(end.side):
            wanted |= WRITABLE
        end.ask(wanted)

    def _close(self, *, is_reset: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        shared, record, counters = self.shared, self.record, self.counters
        if counters is not None and counters.watchers and isinstance(self.upstream, TimedEnd):
            self.upstream.tell()
        for end in filter(None, (self.client, self.upstream)):
            end.close(is_reset=is_reset)
            end.peer = None
            end.events = 0
            del end.connection  # a circle of references, which only the garbage collector would find
        if counters is not None:
            shared.counters.closed(counters)
        shared.recent.ended(record, record.outcome or (_WAS_RESET if is_reset else _CLOSED))
        shared.connections.over(self)
        shared.counters.active -= 1

"""The generator's loop: begins requests when they are due, waits for events in between, and notes what became of each.

Waiting is by select() on the epoll's own descriptor, whose time limit is in microseconds, where epoll_wait and libuv
count milliseconds. Nothing is collected as garbage while it runs: what it makes has no cycles.
"""

from __future__ import annotations

import json
import select
import time
from array import array
from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf
from random import Random

from svcbench.hdrcodec import encode
from svcbench.histogram import Histogram
from svcbench.load.exchanges import Answer
from svcbench.load.io.connections import EVENTS, Connection, Hooks, Target
from svcbench.load.io.outlet import Outlet
from svcbench.load.log import NAMES, UNNAMED, Rows, frame
from svcbench.load.plan import Plan, source_of
from svcbench.load.protocols import new_exchange
from svcbench.outcomes import TIMED_OUT

FLUSH_SECONDS = 0.25
_BURST = 16
"""Requests that are begun without a look at the answers."""
_COARSE = 0.002
"""Above this epoll_wait's milliseconds are fine enough; the rest is waited for by select."""
_OPENING_SECONDS = 1.0
_HOPELESS = 0.1
"""Seconds; a generator that is as late cannot keep up."""


class Generator:
    """Carries out one plan; ``stop_descriptor`` is ready to be read when it shall end early.

    ``be_patient`` is called when it cannot keep up, so that it no longer comes before other processes.
    """

    def __init__(self, plan: Plan, outlet: Outlet, stop_descriptor: int, be_patient: Callable[[], None]) -> None:
        self._plan = plan
        self._be_patient: Callable[[], None] | None = be_patient
        self._outlet = outlet
        self._target = Target(plan.address, plan.port, plan.protocol in ("udp", "dns"))
        self._epoll = select.epoll()
        self._epoll.register(stop_descriptor, select.EPOLLIN | select.EPOLLHUP)
        self._stop_descriptor = stop_descriptor
        self._is_stopped = False
        self._hooks = Hooks(self._opened, self._ended, self._closed)
        self._by_descriptor: dict[int, Connection] = {}
        self._idle: deque[Connection] = deque()
        self._made = self._under_way = 0
        self._keys = partial(Random(f"{plan.seed}/keys").randrange, plan.keys)
        self._deadlines: deque[tuple[float, Connection, float]] = deque()
        """Deadline, connection, and when the request began that shall have ended by then."""
        self._rows, self._ports = Rows(), array("H")
        self._numbers = {name: number for number, name in enumerate(NAMES)}
        self._new_names = list(NAMES)
        self._sent_ports = 0
        self._lags = Histogram()
        self._start = self._blocked_until = 0.0
        self._flush_at = self._seen_at = 0.0
        self._clock: Callable[[], float] = time.perf_counter

    def run(self) -> None:
        """Carry out the plan; returns when every request has ended, or at once when stopped. OSError: no reader."""
        self._open_first()
        self._start = self._clock()
        if self._plan.schedule is not None:
            self._open_loop()
        else:
            self._closed_loop()
        ended = min(self._now(), self._plan.seconds) if self._is_stopped else self._plan.seconds
        while self._under_way and not self._is_stopped:
            self._turn(self._flush_at)
        self._flush()
        report = (ended, self._is_stopped, encode(self._lags))
        self._outlet.write(frame(b"E", json.dumps(report).encode()))
        self._outlet.finish()

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self._by_descriptor.values()):
            connection.close()
        self._epoll.close()

    def _now(self) -> float:
        return self._clock() - self._start

    def _open_first(self) -> None:
        """Open the kept connections, so that no request pays for that; those that fail are opened when needed."""
        if not self._plan.keeps_connections or self._plan.protocol == "tcp":
            return
        for _ in range(self._plan.clients):
            connection = self._new_connection()
            try:
                connection.open(self._target)
            except OSError:
                return
            self._idle.append(connection)
        self._start, end = self._clock(), self._clock() + _OPENING_SECONDS
        while not self._is_stopped and self._clock() < end and any(each.is_opening for each in self._idle):
            self._turn(end - self._start)

    def _open_loop(self) -> None:
        plan, burst = self._plan, 0
        assert plan.schedule is not None
        for due in plan.schedule.times(Random(plan.seed)):
            now = self._now()
            while now < due or self._under_way >= plan.most or burst >= _BURST:
                burst = 0
                is_blocked = self._under_way >= plan.most
                # Without a connection to spare only an event helps, however late the request is.
                self._turn(inf if is_blocked else due)
                now = self._now()
                if is_blocked:
                    self._blocked_until = now
                if self._is_stopped:
                    return
            if now >= plan.seconds + plan.timeout:
                # What was due is sent late rather than never, but a generator that cannot keep up has to end.
                return
            self._note_lag(due, now)
            self._begin(due, now)
            burst += 1

    def _note_lag(self, due: float, now: float) -> None:
        lag = now - max(due, self._blocked_until)
        if due >= self._plan.warmup:
            self._lags.record(round(lag * 1e6))
        if lag > _HOPELESS and self._be_patient is not None:
            self._be_patient()
            self._be_patient = None

    def _closed_loop(self) -> None:
        plan = self._plan
        while not self._is_stopped and (now := self._now()) < plan.seconds:
            for _ in range(min(plan.clients - self._under_way, _BURST)):
                self._begin(now, now)
                now = self._now()
            self._turn(now if self._under_way < plan.clients else plan.seconds)

    def _begin(self, due: float, now: float) -> None:
        connection = self._free_connection()
        self._under_way += 1
        self._deadlines.append((now + self._plan.timeout, connection, now))
        connection.start(due, now, self._target)

    def _free_connection(self) -> Connection:
        """Return the kept connection that has been idle longest, or a new one."""
        while self._idle:
            connection = self._idle.popleft()
            if connection.sock is not None:
                return connection
        return self._new_connection()

    def _new_connection(self) -> Connection:
        self._made += 1
        # It is opened at once, and then has this number.
        source = source_of(len(self._ports), self._plan.sources)
        return Connection(new_exchange(self._plan, self._made, self._keys), self._hooks, source)

    def _opened(self, connection: Connection) -> None:
        assert connection.sock is not None
        descriptor = connection.sock.fileno()
        self._by_descriptor[descriptor] = connection
        self._epoll.register(descriptor, EVENTS)
        connection.number = len(self._ports)
        self._ports.append(connection.sock.getsockname()[1])

    def _closed(self, descriptor: int) -> None:
        # The kernel forgets a closed descriptor by itself.
        del self._by_descriptor[descriptor]

    def _ended(self, connection: Connection, answer: Answer) -> None:
        self._under_way -= 1
        rows = self._rows
        rows.due.append(connection.due)
        rows.began.append(connection.began)
        rows.ended.append(max(connection.began, self._seen_at))
        rows.connection.append(max(0, connection.number))
        rows.outcome.append(self._number(answer.outcome))
        rows.pod.append(self._number(answer.pod) if answer.pod else UNNAMED)
        if answer.can_stay:
            self._idle.append(connection)

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._numbers)
            self._new_names.append(name)
        return number

    def _turn(self, until: float) -> None:
        """Take in what has come, waiting for it until a time of the run at most."""
        now = self._now()
        deadline = self._deadlines[0][0] if self._deadlines else until
        ready = self._wait(min(until, deadline, self._flush_at) - now)
        # All of these have come by now: reading the first is no delay of the last.
        self._seen_at = self._now()
        for descriptor, events in ready:
            connection = self._by_descriptor.get(descriptor)
            if connection is not None:
                connection.take(events)
            elif descriptor == self._stop_descriptor:
                self._is_stopped = True
        now = self._seen_at = self._now()
        self._expire(now)
        if now >= self._flush_at:
            self._flush()
            self._flush_at = now + FLUSH_SECONDS

    def _wait(self, seconds: float) -> list[tuple[int, int]]:
        if seconds > _COARSE:
            return self._epoll.poll(seconds - 0.001)
        if seconds > 0 and not select.select((self._epoll,), (), (), seconds)[0]:
            return []
        return self._epoll.poll(0)

    def _expire(self, now: float) -> None:
        deadlines = self._deadlines
        while deadlines and (deadlines[0][0] <= now or not deadlines[0][1].is_busy):
            _, connection, began = deadlines.popleft()
            if connection.is_busy and connection.began == began:
                connection.give_up(TIMED_OUT)

    def _flush(self) -> None:
        if self._new_names:
            self._outlet.write(frame(b"N", json.dumps(self._new_names).encode()))
            self._new_names = []
        if self._sent_ports < len(self._ports):
            self._outlet.write(frame(b"C", self._ports[self._sent_ports :].tobytes()))
            self._sent_ports = len(self._ports)
        if self._rows:
            self._outlet.write(frame(b"R", self._rows.tobytes()))
            self._rows = Rows()
        self._outlet.write(b"")

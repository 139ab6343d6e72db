"""The last connections and what was decided for each, for `kubesvc connections`.

Always on, so it is cheap: one record per TCP connection, UDP flow or HTTP request, kept by reference and turned into
words only on request. Pure; the data path calls ``began`` once, writes into the record (bytes, the choice, failures)
and calls ``ended`` once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.types import Choice, Destination, Route

CAPACITY = 1000
"""Records kept, about 300 bytes each."""

FOLLOWER_LIMIT = 1000
"""Records that wait for one follower; a slow reader misses newer ones and gets their number."""


class ConnectionRecord:
    """One connection, flow or request. Times are the ring's clock, in seconds; ``ended_at`` is None while it lasts.

    ``protocol`` is tcp, udp or http. ``choice`` is the last endpoint that was chosen, None if there was none to choose;
    ``failures`` are the attempts before it, each the endpoint's ``ip:port`` and why it failed. ``outcome`` is "" while
    it lasts, then one of ``outcomes.Outcome``.
    """

    __slots__ = (
        "began_at",
        "bytes_to_client",
        "bytes_to_endpoint",
        "choice",
        "client",
        "client_port",
        "destination",
        "ended_at",
        "failures",
        "outcome",
        "protocol",
        "route",
    )

    # Those of a request; a connection has none, and spends nothing on them.
    method = target = key = session = ""
    status = 0

    def __init__(self, began_at: float, protocol: str, client: str, destination: Destination, route: Route) -> None:
        self.began_at = began_at
        self.protocol = protocol
        self.client = client
        self.client_port = 0
        self.destination = destination
        self.route = route
        self.choice: Choice | None = None
        self.failures: tuple[tuple[str, str], ...] = ()
        self.bytes_to_endpoint = 0
        self.bytes_to_client = 0
        self.ended_at: float | None = None
        self.outcome = ""

    def failed(self, reason: str) -> None:
        """Record that the chosen endpoint did not answer; the next attempt replaces ``choice``."""
        if self.choice is not None:
            self.failures = (*self.failures, (self.choice.endpoint.address, reason))


class RequestRecord(ConnectionRecord):
    """One HTTP request: its ``method``, ``target`` and ``status``, each "" or 0 while it is unknown.

    ``key`` is the part of it that the algorithm hashes, ``session`` the value of its affinity cookie, "" for none.
    """

    __slots__ = ("key", "method", "session", "status", "target")

    def __init__(self, began_at: float, protocol: str, client: str, destination: Destination, route: Route) -> None:
        super().__init__(began_at, protocol, client, destination, route)
        self.method = self.target = self.key = self.session = ""
        self.status = 0


class Follower:
    """One reader's queue of records that are new or have ended, each once until it is taken.

    ``wake`` is called on the data path when the queue is no longer empty: it must return at once.
    """

    def __init__(self, wake: Callable[[], None], limit: int = FOLLOWER_LIMIT) -> None:
        self._wake = wake
        self._limit = limit
        self._waiting: dict[ConnectionRecord, None] = {}
        self._missed = 0

    def note(self, record: ConnectionRecord) -> None:
        """Queue a record, unless it is queued already."""
        if record in self._waiting:
            return
        if len(self._waiting) >= self._limit:
            self._missed += 1
            return
        self._waiting[record] = None
        if len(self._waiting) == 1:
            self._wake()

    def miss(self, count: int) -> None:
        """Count changes that were lost before they came here."""
        self._missed += count

    def take(self) -> tuple[list[ConnectionRecord], int]:
        """Return the queue, and how many changes were missed since the last call."""
        taken, missed = list(self._waiting), self._missed
        self._waiting.clear()
        self._missed = 0
        return taken, missed


class RecentConnections:
    """The newest ``capacity`` records, the oldest first. ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float], capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._records: deque[ConnectionRecord] = deque(maxlen=capacity)
        self._followers: tuple[Follower, ...] = ()

    def began(
        self, protocol: str, client: str, client_port: int, destination: Destination, route: Route
    ) -> ConnectionRecord:
        """Keep and return the record of a connection that begins now; the caller fills it in."""
        record = ConnectionRecord(self._clock(), protocol, client, destination, route)
        record.client_port = client_port
        self._records.append(record)
        if self._followers:
            self._tell(record)
        return record

    def began_request(self, client: str, client_port: int, destination: Destination, route: Route) -> RequestRecord:
        """Keep and return the record of an HTTP request that begins now; the caller fills it in."""
        record = RequestRecord(self._clock(), "http", client, destination, route)
        record.client_port = client_port
        self._records.append(record)
        if self._followers:
            self._tell(record)
        return record

    def _tell(self, record: ConnectionRecord) -> None:
        for follower in self._followers:
            follower.note(record)

    def ended(self, record: ConnectionRecord, outcome: str = Outcome.CLOSED) -> None:
        """Record how a connection has ended; later calls change nothing."""
        if record.ended_at is not None:
            return
        record.ended_at = self._clock()
        record.outcome = outcome
        for follower in self._followers:
            follower.note(record)

    def records(self) -> list[ConnectionRecord]:
        """Return the records, the oldest first."""
        return list(self._records)

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Queue records for ``follower`` from now on; call the result to stop."""
        self._followers = (*self._followers, follower)

        def stop() -> None:
            self._followers = tuple(each for each in self._followers if each is not follower)

        return stop

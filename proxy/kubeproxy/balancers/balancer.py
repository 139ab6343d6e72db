"""What every balancing algorithm provides, and what it may use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, MutableSequence, Sequence
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, Protocol

from kubeapi.balancing import Option, Value
from kubeproxy.balancers.changes import Changed, nothing_changed
from kubeproxy.balancers.turns import Turns
from kubeproxy.balancers.work import Work, at_once
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.telemetry.outcomes import Result
from kubeproxy.types import Choice, Destination, Endpoint

Options = Mapping[str, Value]
"""All options of an algorithm by name, defaults included (``kubeapi.balancing.read_options``)."""


class Backend:
    """One endpoint of a route, as its algorithm sees it; the same object as long as the endpoint stays there.

    ``weight`` is 0 to 256; one with 0 gets nothing new. ``choice`` is what a connection without a pin gets.
    """

    __slots__ = ("address", "choice", "counters", "endpoint", "weight")

    def __init__(
        self,
        endpoint: Endpoint,
        counters: EndpointCounters,
        among: int = 1,
        algorithm: str = "",
        *,
        is_followed: bool = False,
    ) -> None:
        self.address = endpoint.address
        self.counters = counters
        self.renew(endpoint, among, algorithm, is_followed=is_followed)

    def renew(self, endpoint: Endpoint, among: int, algorithm: str = "", *, is_followed: bool = False) -> None:
        """Take over what the endpoint is now, one of ``among``."""
        self.endpoint = endpoint
        self.weight = endpoint.weight
        self.choice = Choice(endpoint, False, among, is_followed, False, algorithm)

    def __repr__(self) -> str:
        return f"Backend({self.address}, weight={self.weight})"


class Ask(Protocol):
    """What is known of a connection, flow or request that needs an endpoint; a ``ConnectionRecord`` is one."""

    @property
    def client(self) -> str:
        """The client's address."""
        ...

    @property
    def client_port(self) -> int:
        """The client's port, 0 if it is unknown."""
        ...

    @property
    def destination(self) -> Destination:
        """What the client has connected to."""
        ...

    @property
    def key(self) -> str:
        """The part of an HTTP request that the Service hashes, "" where it hashes the client."""
        ...

    @property
    def session(self) -> str:
        """The value of the affinity cookie, "" for none; the load balancer's, not the algorithms'."""
        ...


class Asking(NamedTuple):
    """An ``Ask`` of nobody in particular: of a trace, a simulation, a test."""

    client: str
    destination: Destination
    client_port: int = 0
    key: str = ""
    session: str = ""


Load = Callable[[Backend], int]
"""Returns how many connections (of HTTP: requests) a backend has now through the Service port that balances."""

own_load: Load = attrgetter("counters.active")
"""The load where one process carries all traffic."""

own_weight: Callable[[Backend], float] = attrgetter("weight")
"""The share of a backend now, where none starts slowly."""


class Rng(Protocol):
    """The random source: what is used of ``random.Random``."""

    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Put the items in another order."""
        ...


class Reported(NamedTuple):
    """What a backend says of itself: requests that it is working on, and the median of their latencies in seconds.

    The latency is that of recent requests which found about as many others there.
    """

    in_flight: int
    latency: float


Tell = Callable[[Backend, tuple[int, float], float], None]
"""Takes what a backend has said of itself (``Reported``), and when, by the clock."""

Probe = Callable[[Backend, Tell], None]
"""Asks a backend what it says of itself, for a function that gets it later; nothing comes from one that is silent.

The function is never called before the probe has returned. A backend that is being asked is not asked twice.
"""


def ask_nobody(backend: Backend, tell: Tell) -> None:
    """Send no probe: nothing answers in a trace or in a test."""


class Inputs(NamedTuple):
    """What an algorithm may use: the random source, the load of a backend, its rotation's position, and the time.

    Processes that balance as one see the same ``load`` and ``turns``, and their ``rng`` shuffles alike. ``clock`` gives
    monotonic seconds. ``probe`` is for algorithms that ask backends for their load, ``changed`` for those that keep the
    loads sorted, ``work`` for those that build large tables, ``weight`` for those with ``reads_weight``.
    """

    rng: Rng
    load: Load
    turns: Turns
    clock: Callable[[], float]
    probe: Probe = ask_nobody
    work: Work = at_once
    weight: Callable[[Backend], float] = own_weight
    changed: Changed = nothing_changed


class Card(NamedTuple):
    """An algorithm's row in proxy/balancing.md: each a few words, ``cost`` that of a pick among n backends."""

    rule: str
    signal: str
    cost: str
    peers: str


class Balancer(ABC):
    """Chooses a backend for each new connection, flow or request on one route of a Service port.

    ``name`` is the value of the annotation ``kubesvc.dev/balancer`` and of ``proxy.balancer`` in the configuration;
    ``aliases`` are other values for it. ``shares_counts`` tells whether a choice depends on ``load`` or ``turns``; the
    workers of a proxy then share both. Only where ``follows`` is true are ``opened`` to ``completed`` called; options
    may set it. ``has_weights`` tells whether shares follow the weights; a weight of 0 always means that nothing new
    comes. ``reads_weight`` tells that ``Inputs.weight`` is read for each pick, so that a slow start is exact;
    ``shares_tables`` that routes with the same backends have one table.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()
    shares_counts: ClassVar[bool] = False
    follows: bool = False
    has_weights: ClassVar[bool] = False
    reads_weight: ClassVar[bool] = False
    shares_tables: ClassVar[bool] = False
    card: ClassVar[Card]

    @abstractmethod
    def __init__(self, inputs: Inputs, options: Options) -> None: ...

    @staticmethod
    @abstractmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` (connection, flow or request) gets one of ``count`` endpoints."""

    @abstractmethod
    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on, which are in the order of their addresses.

        Those with weight 0 are among them. The same ones again, with the same weights, change nothing.
        """

    @abstractmethod
    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none.

        Addresses in ``avoid`` (``ip:port``, where this connection has failed already) are chosen only when there is no
        other backend.
        """

    @abstractmethod
    def upcoming(self, ask: Ask) -> Backend | None:
        """Return what ``pick`` would return now, without taking the turn; None if there is none, or chance decides."""

    def refuses(self, ask: Ask) -> bool:
        """Tell whether ``pick`` would return None now although there are backends with a weight."""
        del ask
        return False

    def remark(self) -> str:
        """Return in a clause which backends get less than their share for now, "" for none."""
        return ""

    def left_out(self, backend: Backend) -> str:
        """Return in a clause why a backend gets nothing now though it has a weight, "" if it may get something."""
        del backend
        return ""

    def opened(self, backend: Backend) -> None:  # noqa: B027  # most algorithms learn nothing
        """Learn that a connection or request to a backend has begun; ``load`` counts it already."""

    def closed(self, backend: Backend) -> None:  # noqa: B027
        """Learn that one has ended; ``load`` does not count it any more."""

    def answered(self, backend: Backend, seconds: float) -> None:  # noqa: B027
        """Learn that a backend's first byte came ``seconds`` after the connection was dialled or the request sent.

        Of one that ended without an answer: after which time it did.
        """

    def completed(self, backend: Backend, result: Result) -> None:  # noqa: B027
        """Learn how one went: each request once, each connection when it is made or cannot be made.

        Nothing is learnt of a request that its client has given up, nor of a UDP flow that nothing answers.
        """


def available(backends: Sequence[Backend], avoid: Collection[str] = ()) -> Sequence[Backend]:
    """Return the backends that may get something new: with a weight, and not in ``avoid`` unless all are."""
    usable = [each for each in backends if each.weight]
    return [each for each in usable if each.address not in avoid] or usable if avoid else usable

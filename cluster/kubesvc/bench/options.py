"""The arguments of `kubesvc bench`, and the plan that they mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubesvc.bench.target import Target
from svcbench.arrivals import (
    Profile,
    Schedule,
    ScheduleError,
    Segment,
    Trace,
    constant,
    ramp,
    read_ramp,
    read_rate,
    read_steps,
    read_trace,
    steps,
    with_warmup,
)
from svcbench.load.exchanges import DNSExchange
from svcbench.load.plan import Plan

DEFAULT_RATE = "100/s"
DEFAULT_PAYLOAD = "hostname\n"
"""What agnhost answers with its pod's name."""


@dataclass(frozen=True)
class Arrivals:
    """How the command line says when requests are due; at most one of the first five is given.

    ``recorded`` are the lines of the file of ``--replay``, whose name is ``replay``.
    """

    rate: str = ""
    ramp: str = ""
    steps: str = ""
    closed: int = 0
    replay: str = ""
    recorded: Iterable[str] = ()
    is_poisson: bool = False

    def schedule(self, seconds: float, warmup: float) -> Schedule | None:
        """Return the schedule of ``seconds`` behind a warm-up, None for a closed loop; ScheduleError."""
        given = [name for name in ("rate", "ramp", "steps", "closed", "replay") if getattr(self, name)]
        if len(given) > 1:
            options = " and ".join(f"--{'step' if name == 'steps' else name}" for name in given)
            message = f"{options} exclude each other: name one"
            raise ScheduleError(message)
        if self.is_poisson and (self.closed or self.replay):
            message = (
                "--poisson spaces the arrivals of a rate, a ramp or steps; a closed loop and a file have their own"
            )
            raise ScheduleError(message)
        if self.closed:
            return None
        if self.replay:
            return Trace(read_trace(self.recorded), seconds + warmup, f"--replay {self.replay}")
        segments, text = self._segments(seconds)
        return Profile(with_warmup(segments, warmup), self.is_poisson, text)

    def _segments(self, seconds: float) -> tuple[Sequence[Segment], str]:
        if self.ramp:
            return ramp(*read_ramp(self.ramp), seconds), f"--ramp {self.ramp}"
        if self.steps:
            return steps(read_steps(self.steps), seconds), f"--step {self.steps}"
        rate = self.rate or DEFAULT_RATE
        return constant(read_rate(rate), seconds), f"--rate {rate}"


@dataclass(frozen=True)
class Sending:
    """What is sent: ``request`` is a path, a payload or a name, "" for the protocol's default.

    ``connections`` are opened at the beginning where they are kept, ``most`` may be open; ``timeout`` is in seconds.
    """

    request: str
    connections: int
    most: int
    timeout: float
    keeps_connections: bool


@dataclass(frozen=True)
class Length:
    """Seconds that are measured and seconds before that are not, and the seed of all chance."""

    seconds: float
    warmup: float
    seed: int


def plan_of(target: Target, arrivals: Arrivals, sending: Sending, length: Length) -> Plan:
    """Return what the generator does; ScheduleError, ValueError for a name that no query can ask for."""
    request = sending.request or {"http": "/", "dns": target.host.partition(":")[0]}.get(
        target.protocol, DEFAULT_PAYLOAD
    )
    if target.protocol == "dns":
        _check_name(request)
    return Plan(
        address=target.address,
        port=target.port,
        protocol=target.protocol,
        request=request,
        host=target.host,
        schedule=arrivals.schedule(length.seconds, length.warmup),
        clients=arrivals.closed or min(sending.connections, sending.most),
        warmup=length.warmup,
        seconds=length.seconds + length.warmup,
        seed=length.seed,
        timeout=sending.timeout,
        keeps_connections=sending.keeps_connections,
        most=max(sending.most, arrivals.closed),
    )


def _check_name(name: str) -> None:
    try:
        DNSExchange(name)
    except UnicodeError as error:
        message = f"--dns {name!r} is no name: {error}"
        raise ValueError(message) from None

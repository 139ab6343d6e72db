"""The arguments of `kubesvc bench`, and the plan that they mean. Pure."""

from __future__ import annotations

import re
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

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*[\x20-\x7e]*")
_OWN_HEADERS = ("host", "connection", "content-length", "transfer-encoding")
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
    """What is sent: ``request`` is a path or a name, ``payload`` a payload, each "" for the protocol's default.

    ``connections`` are opened at the beginning where they are kept, ``most`` may be open; ``timeout`` is in seconds.
    ``headers``, ``keys`` and ``sources`` are those of ``Plan``.
    """

    request: str
    connections: int
    most: int
    timeout: float
    keeps_connections: bool
    headers: tuple[str, ...] = ()
    keys: int = 1
    sources: int = 0
    payload: str = ""


@dataclass(frozen=True)
class Length:
    """Seconds that are measured and seconds before that are not, and the seed of all chance."""

    seconds: float
    warmup: float
    seed: int


def plan_of(target: Target, arrivals: Arrivals, sending: Sending, length: Length) -> Plan:
    """Return what the generator does; ScheduleError, ValueError for a name that no query can ask for."""
    request = (
        sending.request
        or sending.payload
        or {"http": "/", "dns": target.host.partition(":")[0]}.get(target.protocol, DEFAULT_PAYLOAD)
    )
    _check(target, sending, request)
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
        headers=sending.headers,
        keys=sending.keys,
        sources=sending.sources,
    )


def _check(target: Target, sending: Sending, request: str) -> None:
    if target.protocol == "dns":
        _check_name(request)
    if sending.payload and target.protocol not in ("tcp", "udp"):
        message = f"--payload is for --tcp and --udp; {target.protocol} has none"
        raise ValueError(message)
    _check_sources(sending.sources, target.address)
    _check_headers(sending.headers, target.protocol)


def _check_sources(sources: int, address: str) -> None:
    if sources and not address.startswith("127."):
        message = f"--sources needs an address in 127.0.0.0/8, which all of them can reach; {address} is none"
        raise ValueError(message)


def _check_name(name: str) -> None:
    try:
        DNSExchange(name)
    except UnicodeError as error:
        message = f"--dns {name!r} is no name: {error}"
        raise ValueError(message) from None


def _check_headers(headers: Sequence[str], protocol: str) -> None:
    if headers and protocol != "http":
        message = f"--header is for HTTP; {protocol} has none"
        raise ValueError(message)
    for each in headers:
        found = _HEADER.fullmatch(each)
        if found is None or found[1].lower() in _OWN_HEADERS:
            message = f'--header {each!r}: write it as "Name: value"; {", ".join(_OWN_HEADERS)} are not yours to set'
            raise ValueError(message)

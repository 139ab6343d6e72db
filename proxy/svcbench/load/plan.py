"""What the generator is to do, as the process that has it is told: one JSON object. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from svcbench.arrivals import Profile, Schedule, Segment, Trace

DEFAULT_TIMEOUT = 5.0
_HOSTS = 254
MOST_CLIENTS = 4096
"""Requests under way at once; an open loop that needs more waits, which its latencies show."""


@dataclass(frozen=True)
class Plan:
    """Where to send what, and when; times in seconds.

    ``protocol`` is http, tcp, udp or dns; ``request`` is the path of HTTP, the payload of TCP and UDP, the name of DNS.
    ``schedule`` is None for a closed loop of ``clients``; in an open loop so many connections are open at its
    beginning, where they are kept, and ``most`` at any time: a request that is due while all are busy waits. The first
    ``warmup`` seconds of ``seconds`` are not measured. A ``{}`` in ``request`` or ``headers`` of HTTP is a number below
    ``keys``, by chance; connections come from ``sources`` addresses in turn, 0 leaves them to the kernel.
    """

    address: str
    port: int
    protocol: str
    request: str
    host: str
    schedule: Schedule | None
    clients: int
    warmup: float
    seconds: float
    seed: int
    timeout: float = DEFAULT_TIMEOUT
    keeps_connections: bool = True
    most: int = MOST_CLIENTS
    headers: tuple[str, ...] = ()
    keys: int = 1
    sources: int = 0

    @property
    def measured(self) -> float:
        """How long is measured, in seconds."""
        return self.seconds - self.warmup


def source_of(connection: int, sources: int) -> str:
    """Return the address that a connection, counted from 0, comes from; "" leaves it to the kernel.

    127.0.1.1 and those after it are this machine's as all of 127.0.0.0/8, and no cluster gives them to anything.
    """
    block, host = divmod(connection % sources, _HOSTS) if sources else (0, -1)
    return f"127.0.{block + 1}.{host + 1}" if sources else ""


def plan_text(plan: Plan) -> str:
    """Return a plan as one line."""
    return json.dumps(asdict(plan) | {"schedule": _schedule_document(plan.schedule)})


def read_plan(text: str) -> Plan:
    """Return the plan that ``plan_text`` wrote."""
    fields = json.loads(text)
    return Plan(**fields | {"headers": tuple(fields["headers"]), "schedule": _read_schedule(fields["schedule"])})


def _schedule_document(schedule: Schedule | None) -> dict[str, Any] | None:
    match schedule:
        case None:
            return None
        case Profile():
            return {"segments": schedule.segments, "poisson": schedule.is_poisson, "text": schedule.text}
        case Trace():
            return {"times": schedule.recorded, "seconds": schedule.seconds, "text": schedule.text}
    message = f"no way to tell a process of {schedule!r}"
    raise TypeError(message)


def _read_schedule(document: dict[str, Any] | None) -> Schedule | None:
    if document is None:
        return None
    if "times" in document:
        return Trace(document["times"], document["seconds"], document["text"])
    segments = tuple(Segment(*each) for each in document["segments"])
    return Profile(segments, document["poisson"], document["text"])

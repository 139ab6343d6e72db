"""What is simulated: backends, an algorithm, and requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kubeapi.backends.model import BackendModel
from kubelet.servers.backend.sampling import Replayed
from kubeproxy.balancers import Options
from svcbench.arrivals import Schedule


@dataclass(frozen=True)
class SimulatedPod:
    """A backend: its name, which its random numbers follow from, how it answers, and its weight."""

    name: str
    model: BackendModel
    weight: int = 1


@dataclass(frozen=True)
class Scenario:
    """One run; all times in seconds.

    Requests are due by ``schedule``. With ``connections`` a request that is due waits until one of so many is free (0:
    none waits); a ``is_closed`` loop begins the next request as soon as a connection is free, for as long as the
    schedule lasts. Each of ``clients`` has a picker of its own, which knows its own requests only, and requests are
    given to clients by chance. A request reaches its backend ``delay`` after it began, and the answer takes as long.
    With ``keys`` each request has one of so many HTTP keys by chance, with ``sources`` one of as many addresses.
    After ``timeout`` a client gives up (0: never); the backend goes on. The first ``warmup`` is not measured.
    """

    pods: Sequence[SimulatedPod]
    algorithm: str
    schedule: Schedule
    options: Options = field(default_factory=dict)
    """All options of the algorithm (``kubeproxy.balancers.all_options``)."""
    clients: int = 1
    keys: int = 0
    sources: int = 0
    connections: int = 0
    is_closed: bool = False
    delay: float = 0.0
    timeout: float = 0.0
    warmup: float = 0.0
    seed: int = 1
    target: str = "simulation"
    command: str = ""
    replayed: Replayed = field(default_factory=dict)

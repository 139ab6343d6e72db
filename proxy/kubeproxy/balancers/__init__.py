"""How a Service port chooses among its endpoints: one algorithm, one file.

To add one, write its file and put its class into the tuple below: the annotation ``kubesvc.dev/balancer``, the
configuration (``proxy.balancer``), `kubesvc trace` and the workers all read ``BALANCERS``. An algorithm is pure: the
random source, the clock, the load of backends and the position of its rotation are passed in.
"""

from __future__ import annotations

from kubeproxy.balancers.aperture import Aperture
from kubeproxy.balancers.balancer import (
    Ask,
    Asking,
    Backend,
    Balancer,
    Inputs,
    Load,
    Options,
    Probe,
    Reported,
    Rng,
    ask_nobody,
    own_load,
    own_weight,
)
from kubeproxy.balancers.composing import COMMON_OPTIONS, all_options, compose
from kubeproxy.balancers.envoy import ENVOY
from kubeproxy.balancers.first import First
from kubeproxy.balancers.haproxy import HAPROXY
from kubeproxy.balancers.ipvs import IPVS
from kubeproxy.balancers.join_idle_queue import JoinIdleQueue
from kubeproxy.balancers.least_connections import LeastConnections
from kubeproxy.balancers.nginx import NGINX
from kubeproxy.balancers.peak_ewma import PeakEwma
from kubeproxy.balancers.prequal import Prequal
from kubeproxy.balancers.random_choice import RandomChoice
from kubeproxy.balancers.round_robin import RoundRobin
from kubeproxy.balancers.turns import OwnTurns, Turns
from kubeproxy.balancers.watch import Watch, watch
from kubeproxy.balancers.weighted_round_robin import WeightedRoundRobin
from kubeproxy.balancers.work import Work, at_once

__all__ = [
    "BALANCERS",
    "COMMON_OPTIONS",
    "NAMES",
    "Ask",
    "Asking",
    "Backend",
    "Balancer",
    "Inputs",
    "LeastConnections",
    "Load",
    "Options",
    "OwnTurns",
    "Probe",
    "RandomChoice",
    "Reported",
    "Rng",
    "RoundRobin",
    "Turns",
    "Watch",
    "Work",
    "all_options",
    "ask_nobody",
    "at_once",
    "compose",
    "own_load",
    "own_weight",
    "watch",
]

_ALGORITHMS: tuple[type[Balancer], ...] = (
    Aperture,
    First,
    JoinIdleQueue,
    LeastConnections,
    PeakEwma,
    Prequal,
    RandomChoice,
    RoundRobin,
    WeightedRoundRobin,
    *ENVOY,
    *HAPROXY,
    *IPVS,
    *NGINX,
)

BALANCERS = {name: each for each in _ALGORITHMS for name in (each.name, *each.aliases)}
"""The algorithms by name and alias."""

NAMES = tuple(sorted({each.name for each in _ALGORITHMS}))
"""The names without the aliases."""

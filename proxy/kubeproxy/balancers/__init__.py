"""How a Service port chooses among its endpoints: one algorithm, one file.

To add one, write its file and put its class into the tuple below: the annotation ``kubesvc.dev/balancer``, the
configuration (``proxy.balancer``), `kubesvc trace` and the workers all read ``BALANCERS``. An algorithm is pure: the
random source, the load of endpoints and the position of its rotation are passed in.
"""

from __future__ import annotations

from kubeproxy.balancers.balancer import Balancer, Inputs, Load, OwnTurns, Rng, Turns
from kubeproxy.balancers.least_connections import LeastConnections
from kubeproxy.balancers.random_choice import RandomChoice
from kubeproxy.balancers.round_robin import RoundRobin

__all__ = [
    "BALANCERS",
    "Balancer",
    "Inputs",
    "LeastConnections",
    "Load",
    "OwnTurns",
    "RandomChoice",
    "Rng",
    "RoundRobin",
    "Turns",
]

_ALGORITHMS: tuple[type[Balancer], ...] = (LeastConnections, RandomChoice, RoundRobin)

BALANCERS = {each.name: each for each in _ALGORITHMS}
"""The algorithms by name."""

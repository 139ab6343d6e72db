"""How a Service port chooses among its endpoints: one algorithm, one file.

``BALANCERS`` has them by the name that the annotation ``kubesvc.dev/balancer`` gives. An algorithm is pure: the random
source is passed in, and so are where its rotation stands and how many connections an endpoint has now.
"""

from __future__ import annotations

from collections.abc import Callable

from kubeproxy.balancers.balancer import Balancer, Chance, Load, OwnTurns, Rng, Turns
from kubeproxy.balancers.least_connections import LeastConnections
from kubeproxy.balancers.random_choice import RandomChoice
from kubeproxy.balancers.round_robin import RoundRobin

__all__ = [
    "BALANCERS",
    "Balancer",
    "Chance",
    "LeastConnections",
    "Load",
    "OwnTurns",
    "RandomChoice",
    "Rng",
    "RoundRobin",
    "Turns",
]

BALANCERS: dict[str, Callable[[Chance], Balancer]] = {
    "least_connections": lambda chance: LeastConnections(chance.load, chance.turns),
    "random": lambda chance: RandomChoice(chance.rng),
    "round_robin": lambda chance: RoundRobin(chance.rng, chance.turns),
}

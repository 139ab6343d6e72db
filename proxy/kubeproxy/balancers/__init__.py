"""How a Service port chooses among its endpoints: one algorithm, one file.

``BALANCERS`` has them by the name that the annotation ``kubesvc.dev/balancer`` gives. An algorithm is pure: the random
source is passed in, and so is the question how many connections an endpoint has now.
"""

from __future__ import annotations

from collections.abc import Callable

from kubeproxy.balancers.balancer import Balancer, Load, Rng
from kubeproxy.balancers.least_connections import LeastConnections
from kubeproxy.balancers.random_choice import RandomChoice
from kubeproxy.balancers.round_robin import RoundRobin

__all__ = ["BALANCERS", "Balancer", "LeastConnections", "Load", "RandomChoice", "Rng", "RoundRobin"]

BALANCERS: dict[str, Callable[[Rng, Load], Balancer]] = {
    "least_connections": lambda _, load: LeastConnections(load),
    "random": lambda rng, _: RandomChoice(rng),
    "round_robin": lambda rng, _: RoundRobin(rng),
}

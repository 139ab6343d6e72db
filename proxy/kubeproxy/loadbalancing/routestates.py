"""What the load balancer keeps of a Service port and of each of its routes. Nouns only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubeproxy.balancers import Backend, Balancer
from kubeproxy.loadbalancing.algorithms import Algorithm
from kubeproxy.rules import PortRule
from kubeproxy.types import Route


class RouteState(NamedTuple):
    """The algorithm of one route with its backends by address.

    ``route`` is the one with which it was made: pins use it as their key, so that all of them share one object.
    ``sessions`` are the backends by the ids of affinity cookies, if there are any.
    """

    route: Route
    balancer: Balancer
    backends: dict[str, Backend]
    sessions: Mapping[str, Backend]


class PortState(NamedTuple):
    """``is_sticky``: there is an affinity of clients, by cookie or by address."""

    algorithm: Algorithm
    rule: PortRule
    routes: dict[Route, RouteState]
    is_sticky: bool

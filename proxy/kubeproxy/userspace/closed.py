"""Which endpoints NetworkPolicies close to a client, where they leave others: the load balancer gives it none of these.

Pure. A client to which all are closed comes no further than the listening socket (``Rules.decide``), unless its
connection is older than the policies: that goes on. What comes by way of an Ingress comes from a node.
"""

from __future__ import annotations

from kubeproxy.balancers import Ask
from kubeproxy.rules import Rules
from kubeproxy.types import Destination, Route

_REMEMBERED = 8192
"""A bound against endless clients."""


class ClosedEndpoints:
    """Answers for one state of the rules, and remembers that."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._found: dict[tuple[Route, str, Destination], tuple[str, ...]] = {}

    def find(self, route: Route, ask: Ask) -> tuple[str, ...]:
        """Return the endpoints (``ip:port``) of a route that are closed to a client, () if that are all."""
        key = route, ask.client, ask.destination
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[key] = self._find(route, ask)
        return found

    def _find(self, route: Route, ask: Ask) -> tuple[str, ...]:
        rules = self._rules
        claims, rule = rules.claims_of(ask.destination), rules.ports.get(route.port_name)
        if rule is None or not claims or claims[0].port_name != route.port_name:
            return ()
        usable = rule.usable(route)
        closed = rules.closed(ask.client, route.port_name.protocol, usable)
        return closed if len(closed) < len(usable) else ()

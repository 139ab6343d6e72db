"""Which exchange each protocol of a plan has. Pure."""

from __future__ import annotations

from collections.abc import Callable

from svcbench.load.exchanges import DNSExchange, EchoExchange, Exchange, HTTPExchange, get_request
from svcbench.load.plan import Plan


def new_exchange(plan: Plan, number: int, keys: Callable[[], int]) -> Exchange:
    """Return what a connection of a plan says and reads."""
    if plan.protocol == "http":
        request = get_request(plan.request, plan.host, plan.headers, keeps=plan.keeps_connections)
        return HTTPExchange(request, keeps=plan.keeps_connections, keys=keys)
    if plan.protocol == "dns":
        return DNSExchange(plan.request, number)
    is_flow = plan.protocol == "udp" and plan.keeps_connections
    return EchoExchange(plan.request.encode(), can_stay=is_flow)

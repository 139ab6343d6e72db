"""How one of the endpoints is chosen, in words: by cookie, by pin, by what is hashed, by the algorithm. Pure.

The order is that of ``LoadBalancer``. No client is pinned and no rotation moves on.
"""

from __future__ import annotations

from typing import NamedTuple

from kubeproxy.balancers import BALANCERS, Asking
from kubeproxy.http.requesthead import read_request
from kubeproxy.http.requestparts import PartReader
from kubeproxy.loadbalancing.cookies import session_id
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer
from kubeproxy.rules import Decision, PortRule
from kubeproxy.telemetry.recent import RequestRecord
from kubeproxy.types import Route


class Said(NamedTuple):
    """A sentence, and the endpoint (``ip:port``) that it names as chosen, "" if it names none.

    ``is_refused`` where the algorithm gives none of the endpoints.
    """

    how: str
    chosen: str = ""
    is_refused: bool = False


_MOST_FIELDS = 100


def said_choice(load_balancer: LoadBalancer, rule: PortRule, decision: Decision, request: bytes) -> Said:
    """Return how one of the endpoints is chosen; ``request`` is the head of an HTTP request, b"" for any."""
    route = decision.route
    if route is None:
        return Said("")
    asking = RequestRecord(0, "", decision.packet.source, decision.packet.destination, route)
    port = rule.service_port
    has_request = bool(request) and port.is_http
    if has_request:
        reader = PartReader(load_balancer.algorithm(route.port_name).hashed_part, port.affinity_cookie)
        reader.read(read_request(request, _MOST_FIELDS), asking)
    if not port.affinity_cookie:
        return _without_cookie(load_balancer, rule, decision, asking if has_request else None)
    for each in decision.endpoints if has_request else ():
        is_its = session_id(route.port_name, each.address) == asking.session
        if is_its and not load_balancer.left_out(route, each.address):
            return Said(f"The cookie {port.affinity_cookie} is that of {each.address}.", each.address)
    said = _without_cookie(load_balancer, rule, decision, asking if has_request else None)
    if has_request:
        what = "is of no endpoint that is there" if asking.session else "does not come"
        return said._replace(how=f"The cookie {port.affinity_cookie} {what}. {said.how}")
    return Said(
        f"A request with the cookie {port.affinity_cookie} of an endpoint gets that one. Without it: {said.how}"
    )


def said_pin(client: str, address: str, seconds: float) -> str:
    """Return how session affinity chooses the endpoint ``address`` for a client that is pinned to it."""
    return f"Session affinity: {client} is pinned to {address}, {seconds:.0f} s left."


def _without_cookie(
    load_balancer: LoadBalancer, rule: PortRule, decision: Decision, request: RequestRecord | None
) -> Said:
    route, client, affinity = decision.route, decision.packet.source, rule.service_port.affinity_seconds
    assert route is not None
    pinned = load_balancer.pinned(route, client) if affinity else None
    if pinned is not None:
        address, seconds = pinned
        return Said(said_pin(client, address, seconds), address)
    said = _by_algorithm(load_balancer, rule, decision, request)
    will_pin = f" and pinned to it for {affinity} s" if affinity and not said.is_refused else ""
    balancer = load_balancer.balancer(route)
    remark = balancer.remark() if balancer is not None else ""
    unused = _unused(load_balancer, rule, route)
    return said._replace(how=f"{said.how}{will_pin}{unused}{f'; {remark}' if remark else ''}.")


def _by_algorithm(
    load_balancer: LoadBalancer, rule: PortRule, decision: Decision, request: RequestRecord | None
) -> Said:
    route, packet, unit = decision.route, decision.packet, _unit(rule)
    assert route is not None
    algorithm = load_balancer.algorithm(route.port_name)
    name = algorithm.name
    asking = request or Asking(packet.source, packet.destination)
    upcoming = load_balancer.upcoming(route, asking) if not algorithm.hashes_port else None
    address = upcoming.address if upcoming else ""
    part = algorithm.hashed_part if rule.service_port.is_http else None
    if part is not None and request is None:
        without = f"gets {address}" if upcoming else "is hashed by its source"
        return Said(f"{name}: each request is hashed by its {part}; one without it {without}")
    hashed = ""
    if part is not None and request is not None:
        hashed = f" {part} {request.key!r} is hashed," if request.key else f" without {part} the source is hashed,"
    if upcoming is not None:
        return Said(f"{name}:{hashed} the next {unit} gets {address}", address)
    among = sum(1 for each in decision.endpoints if each.weight and not load_balancer.left_out(route, each.address))
    how = f"{name}:{hashed} {BALANCERS[name].describe(unit, among)}"
    balancer = load_balancer.balancer(route) if not algorithm.hashes_port else None
    is_refused = balancer is not None and balancer.refuses(asking)
    return Said(f"{how}; this {unit} gets none" if is_refused else how, "", is_refused)


def _unused(load_balancer: LoadBalancer, rule: PortRule, route: Route) -> str:
    shares_counts = BALANCERS[load_balancer.algorithm(route.port_name).name].shares_counts
    is_unused = shares_counts and load_balancer.is_unused(route)
    return f"; no {_unit(rule)} has come on this route yet" if is_unused else ""


def _unit(rule: PortRule) -> str:
    """Return what each gets an endpoint of its own."""
    if rule.service_port.is_http:
        return "request"
    return "connection" if rule.service_port.name.protocol == "TCP" else "flow"

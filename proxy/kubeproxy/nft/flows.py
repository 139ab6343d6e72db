"""The kernel's connections as records of ``connections``: what the rules know of each, and how it ended. Pure.

Nothing is noted while connections come and go: they are read when somebody asks. The kernel remembers TCP connections
for two minutes after their end, those that an endpoint refused not at all, and flows of UDP while they are used. Why an
endpoint was chosen is told by the rules in force now; whether a client was pinned is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from kubeproxy.nft.eligibility import ALGORITHM
from kubeproxy.nft.netlink.conntrack import CLOSE, TIME_WAIT, Flow
from kubeproxy.rules import Rules
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.telemetry.recent import ConnectionRecord
from kubeproxy.types import Choice, Destination, Endpoint, Route, ServicePortName

_REMEMBERED_SECONDS = {TIME_WAIT: 120, CLOSE: 10}
"""For how long the kernel remembers a TCP connection that has ended (nf_conntrack_proto_tcp.c)."""


def destination_of(flow: Flow) -> Destination:
    """Return what the client connected to."""
    return Destination(flow.client.destination, flow.client.destination_port, flow.protocol)


def record_of(rules: Rules, flow: Flow, now: float, wall: float) -> ConnectionRecord | None:
    """Return the record of a connection that was translated, None if no Service has its destination.

    ``now`` is the records' clock (monotonic seconds), ``wall`` the seconds since the epoch.
    """
    destination = destination_of(flow)
    decision = rules.decide(flow.client.source, destination)
    if decision.claim is None or decision.selection is None:
        return None
    route = decision.selection.route
    began_at = now - max(0.0, wall - flow.began_at) if flow.began_at else now
    record = ConnectionRecord(began_at, flow.protocol.lower(), flow.client.source, destination, route)
    record.client_port = flow.client.source_port
    record.choice = _choice(rules, route, decision.endpoints, flow)
    update_record(record, flow, now)
    return record


def update_record(record: ConnectionRecord, flow: Flow, now: float) -> bool:
    """Note how a connection is now; return whether it has ended."""
    record.bytes_to_endpoint, record.bytes_to_client = flow.bytes_to_endpoint, flow.bytes_to_client
    remembered = _REMEMBERED_SECONDS.get(flow.state) if flow.protocol == "TCP" else None
    if remembered is None:
        return False
    record.ended_at = max(record.began_at, now - max(0, remembered - flow.seconds_left))
    record.outcome = _outcome(flow)
    if record.outcome is Outcome.CONNECT_REFUSED:
        record.failed(Outcome.CONNECT_REFUSED)
    return True


def end_record(record: ConnectionRecord, flow: Flow, now: float) -> None:
    """Note that the kernel has forgotten a connection: one of TCP that was never made, it forgets with the refusal."""
    is_refused = flow.protocol == "TCP" and not flow.is_assured
    record.ended_at, record.outcome = now, Outcome.CONNECT_REFUSED if is_refused else Outcome.CLOSED
    if is_refused:
        record.failed(Outcome.CONNECT_REFUSED)


def stale(
    rules: Rules,
    flows: Iterable[Flow],
    destinations: Collection[Destination],
    serves: Callable[[ServicePortName], bool],
) -> list[Flow]:
    """Return the UDP flows to some ``destinations`` that must end, so that their next datagram meets the rules.

    That are those to endpoints that serve no more, and those past the rules where the kernel ``serves`` now.
    """
    found: list[Flow] = []
    for flow in flows:
        destination = destination_of(flow)
        if flow.protocol != "UDP" or destination not in destinations:
            continue
        claims = rules.claims.get(destination)
        rule = rules.ports[claims[0].port_name] if claims else None
        if flow.is_translated:
            is_stale = rule is None or _endpoint_address(flow) not in rule.serving()
        else:
            is_stale = rule is not None and serves(rule.service_port.name)
        if is_stale:
            found.append(flow)
    return found


def _choice(rules: Rules, route: Route, endpoints: tuple[Endpoint, ...], flow: Flow) -> Choice | None:
    address = _endpoint_address(flow)
    rule = rules.ports[route.port_name]
    chosen = next((each for each in (*endpoints, *rule.endpoints) if each.address == address), None)
    if chosen is None:  # it has left the Service since
        chosen = Endpoint(flow.server.source, flow.server.source_port)
    return Choice(chosen, False, max(1, len(endpoints)), algorithm=ALGORITHM)


def _endpoint_address(flow: Flow) -> str:
    return Endpoint(flow.server.source, flow.server.source_port).address


def _outcome(flow: Flow) -> Outcome:
    if flow.state != CLOSE:
        return Outcome.CLOSED
    return Outcome.RESET if flow.is_assured else Outcome.CONNECT_REFUSED

"""What becomes of a new connection, with the facts that decided it. Nouns only; ``Rules.decide`` makes them."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import NamedTuple

from kubeproxy.rules.nodes import Entry
from kubeproxy.rules.policies import Judgement
from kubeproxy.types import Destination, Endpoint, ListenerKind, Route, ServicePortName


class Claim(NamedTuple):
    """A Service port that asks for a destination; of several the one with the smallest ``age`` gets it."""

    age: tuple[str, int]
    port_name: ServicePortName
    kind: ListenerKind


class Packet(NamedTuple):
    """The first packet of a new connection; ``source`` is an address without port.

    ``request`` is the head of the HTTP request that comes with it, b"" where that is not known.
    """

    source: str
    destination: Destination
    request: bytes = b""


class Verdict(StrEnum):
    """What kube-proxy's rules do with a packet."""

    FORWARD = "FORWARD"
    """It goes to one of the endpoints."""
    REJECT = "REJECT"
    """The client gets an error at once: ECONNREFUSED."""
    DROP = "DROP"
    """The client gets no answer."""


class Reason(Enum):
    """A fact that a decision rests on. The last reason of a decision that does not forward is the one that decided.

    Python 3.11 calls a function for each ``Reason.NAME``: the rules keep the members that they need in names of their
    modules.
    """

    NO_SERVICE = "no Service has the destination"
    NO_ENDPOINTS = "the Service port has no endpoint that serves, on any node"
    NO_WEIGHT = "all endpoints that serve have the weight 0"
    NO_LOCAL_ENDPOINT = "the policy Local holds, and the node has no endpoint"

    RANGES_NOT_FOR_THIS_KIND = "loadBalancerSourceRanges do not apply to this kind of address"
    IN_RANGES = "the source is in loadBalancerSourceRanges"
    NOT_IN_RANGES = "the source is not in loadBalancerSourceRanges"

    INGRESS = "Ingresses say of each request which Service gets it"

    POLICY_CLUSTER = "the traffic policy is Cluster"
    POLICY_LOCAL = "the traffic policy is Local"
    POLICY_LOCAL_BYPASSED = "the traffic policy is Local, which does not apply to traffic from the node itself"

    TERMINATING = "no endpoint is ready, so those take the traffic that terminate and still serve"
    NODE_HINTS = "topology hints exclude the endpoints that are meant for other nodes"
    ZONE_HINTS = "topology hints exclude the endpoints that are meant for other zones"

    NETWORK_POLICY = "NetworkPolicies let nothing from the source to any of the endpoints"


class Selection(NamedTuple):
    """Where a packet enters, the traffic policy that applies there, and the endpoints that are left by both."""

    entry: Entry
    policy: Reason
    route: Route
    endpoints: tuple[Endpoint, ...]


class Denied(NamedTuple):
    """The end whose policies do not let a connection to an endpoint, ``destination``, through."""

    judgement: Judgement
    destination: Destination


class Decision(NamedTuple):
    """What becomes of a packet now; ``claim`` and ``selection`` are None when no Service has the destination."""

    verdict: Verdict
    packet: Packet
    claim: Claim | None
    selection: Selection | None
    reasons: tuple[Reason, ...]
    denied: Denied | None = None
    """What NetworkPolicies say of the first endpoint, if they let nothing to any."""

    @property
    def route(self) -> Route | None:
        """The route of the connection, None unless it is forwarded."""
        return self.selection.route if self.selection and self.verdict is _FORWARD else None

    @property
    def is_closed(self) -> bool:
        """Whether NetworkPolicies drop the packet."""
        return self.denied is not None

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints of which the connection gets one, () unless it is forwarded."""
        return self.selection.endpoints if self.selection and self.verdict is _FORWARD else ()


_FORWARD = Verdict.FORWARD

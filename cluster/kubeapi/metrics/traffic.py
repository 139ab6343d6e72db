"""What the data plane gives to the endpoints of Services: the language between the proxy and what scales by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubeapi.meta import ObjectKey


class EndpointTraffic(NamedTuple):
    """What one endpoint of a Service port gets: ``rate`` is what began each second, ``now`` what has not ended yet.

    Both count requests where the port's traffic ``is_http``, else connections (of UDP: flows). ``pod`` is the name of a
    pod of the Service's namespace, "" for an endpoint that is none, and for the requests that had no endpoint.
    """

    pod: str
    rate: float
    now: int


class PortTraffic(NamedTuple):
    """One port of a Service, "" without a name, with all its endpoints; a dual-stack Service has each port twice."""

    port: str
    is_http: bool
    endpoints: tuple[EndpointTraffic, ...]


class Traffic(NamedTuple):
    """What was measured in the ``window`` seconds before ``time`` (seconds since the epoch).

    ``ports_of`` returns the ports of a Service that are counted, () for a Service without one.
    """

    time: float
    window: float
    ports_of: Callable[[ObjectKey], Sequence[PortTraffic]]


TrafficSource = Callable[[], Traffic | None]
"""Returns what the data plane does now; None if it only begins to measure, and knows in a second."""


def no_traffic() -> Traffic:
    """Return nothing: no proxy of this cluster counts."""
    return Traffic(0.0, 0.0, lambda _: ())

"""What an endpoint says of its load: ``GET /load`` on the port of its Service is answered by a JSON object. Pure.

    {"rif": 3, "latency_ms": 12.5}

``rif`` are the requests in flight there, this one not counted; ``latency_ms`` is the median of recent requests that
have found about as many (Prequal). Any pod may answer it; whatever else comes counts as silence.
"""

from __future__ import annotations

import json

from kubeproxy.balancers import Reported

MOST = 10**9
"""Of requests and of milliseconds; what says more is no report."""

MOST_BYTES = 4096
"""Of a whole answer; a longer one is no report."""


def request_for(address: str) -> bytes:
    """Return the request to an endpoint (``ip:port``)."""
    return b"GET /load HTTP/1.1\r\nHost: %b\r\nUser-Agent: kubesvc-probe\r\nAccept: application/json\r\n\r\n" % (
        address.encode()
    )


def read_report(body: bytes) -> Reported | None:
    """Return what a body says, None if it is no report."""
    try:
        report = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(report, dict):
        return None
    in_flight, latency = report.get("rif"), report.get("latency_ms")
    if not isinstance(in_flight, int) or not isinstance(latency, int | float):
        return None
    # To Python a bool is an int as well; NaN is in no range.
    if isinstance(in_flight, bool) or isinstance(latency, bool):
        return None
    if not 0 <= in_flight <= MOST or not 0 <= latency <= MOST:
        return None
    return Reported(in_flight, latency / 1000)

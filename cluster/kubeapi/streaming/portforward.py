"""port-forward's streams: which headers they have, and what they mean. Pure.

A forwarded connection has an error stream, on which its client sends nothing, and a data stream; the two have the same
``requestid``. Follows client-go ``tools/portforward`` and kubelet ``cri/streaming/portforward``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

SPDY_PROTOCOL = "portforward.k8s.io"
"""The X-Stream-Protocol-Version of port-forward over SPDY."""
PROTOCOL_HEADER = "X-Stream-Protocol-Version"

DATA, ERROR = "data", "error"
_PORTS = range(1, 65536)


class PortStream(NamedTuple):
    """A stream: ``purpose`` is DATA or ERROR."""

    purpose: str
    port: int
    request: str

    def headers(self) -> dict[str, str]:
        """Return the headers to open it with."""
        return {"streamtype": self.purpose, "port": str(self.port), "requestid": self.request}


def read_port_stream(headers: Mapping[str, str]) -> PortStream | None:
    """Return what a stream is for, None if its headers do not say so."""
    purpose, port = headers.get("streamtype", ""), headers.get("port", "")
    is_port = port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) in _PORTS
    if purpose not in (DATA, ERROR) or not is_port:
        return None
    return PortStream(purpose, int(port), headers.get("requestid", ""))

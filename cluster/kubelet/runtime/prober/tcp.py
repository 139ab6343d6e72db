"""``tcpSocket``: one connection, which must be accepted. Follows k8s.io/kubernetes ``pkg/probe/tcp``."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from kubeapi.meta import JSON
from kubehost.addresses import join_host_port
from kubelet.pod.probes import ProbeOutcome
from kubelet.runtime.prober.target import ProbeTarget, reason, unknown_port


class TCPSocket(NamedTuple):
    """A connection; ``host`` "" means the pod's address."""

    port: int | str
    host: str = ""

    @classmethod
    def read(cls, tcp: JSON) -> TCPSocket:
        """Read a TCPSocketAction."""
        return cls(tcp["port"], tcp.get("host") or "")

    async def attempt(self, target: ProbeTarget, timeout: float) -> ProbeOutcome:
        """Connect once."""
        port = target.port_number(self.port)
        if port is None:
            return unknown_port(self.port)
        host = self.host or target.address
        try:
            async with asyncio.timeout(timeout):
                _, writer = await target.connect(host, port)
        except TimeoutError:
            return ProbeOutcome(False, f"dial tcp {join_host_port(host, port)}: i/o timeout")
        except (OSError, ValueError) as error:
            return ProbeOutcome(False, f"dial tcp {join_host_port(host, port)}: connect: {reason(error)}")
        writer.transport.abort()
        return ProbeOutcome(True)

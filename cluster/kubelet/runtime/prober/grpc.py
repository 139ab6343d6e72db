"""``grpc``: the gRPC health protocol. Follows k8s.io/kubernetes ``pkg/probe/grpc``; ``health`` has the protocol."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from kubeapi.meta import JSON
from kubehost.addresses import join_host_port
from kubelet.pod.probes import ProbeOutcome
from kubelet.runtime.prober.health import HealthAnswer, health_request
from kubelet.runtime.prober.target import MAX_LINE, ProbeTarget, reason


class GRPC(NamedTuple):
    """A question for the health of a service; "" is that of the whole server."""

    port: int
    service: str = ""

    @classmethod
    def read(cls, action: JSON) -> GRPC:
        """Read a GRPCAction."""
        return cls(action["port"], action.get("service") or "")

    async def attempt(self, target: ProbeTarget, timeout: float) -> ProbeOutcome:
        """Ask once; the texts are those of the kubelet's grpc probe."""
        where = join_host_port(target.address, self.port)
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await target.connect(target.address, self.port)
                writer.write(health_request(where, self.service))
                answer = HealthAnswer()
                while answer.outcome is None:
                    writer.write(answer.feed(await reader.read(MAX_LINE)))
                return answer.outcome
        except TimeoutError:
            what = "connect service" if writer is None else "complete the health rpc of"
            return ProbeOutcome(False, f'timeout: failed to {what} "{where}" within {timeout:g}s')
        except (OSError, ValueError) as error:
            return ProbeOutcome(False, f'error: failed to connect service at "{where}": {reason(error)}')
        finally:
            if writer is not None:
                writer.transport.abort()

"""What the mirror asks of the gateways: that a pod of the remote cluster answers at its address here. Pure."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from kubeapi.meta import ObjectKey
from kubeproxy.tunnels import Tunnel, TunnelReader


class PodPorts(NamedTuple):
    """A pod of the remote cluster, and where it is to answer.

    ``uid`` tells it from a later pod of the same name. ``address`` is its own in the local cluster, an IPv4 address for
    ``Network.bind`` and ``Network.dial``, which no other pod has as long as it is served. ``ports`` are its TCP ports:
    those of its endpoints, and those that its containers declare.
    """

    pod: ObjectKey
    uid: str
    address: str
    ports: frozenset[int]


class Gateways(Protocol):
    """Answers for pods in the last of the network's ``places``, and carries the bytes to them.

    The host is the last place where pods have no networks of their own; otherwise it is the cluster's network, and the
    proxy relays from the host to there, as to any pod. No method waits, and none raises.
    """

    def serve(self, pod: PodPorts) -> None:
        """Answer for a pod, or at other ports than before.

        It listens when this returns: the endpoint is in the EndpointSlices a moment later.
        """
        ...

    def end(self, uid: str) -> None:
        """Answer no more for a pod that has gone, and reset its connections at once."""
        ...

    def open_tunnel(self, address: str, port: int, reader: TunnelReader) -> Tunnel | None:
        """Open a connection to a pod without a socket, by its address here; None if it is not served there."""
        ...

    def renew(self) -> None:
        """Listen in the cluster's network again, which is another one than before."""
        ...

    def problems(self) -> list[str]:
        """Return what does not work, one sentence each: an address that is taken, a server without port-forward."""
        ...

    async def close(self) -> None:
        """Close every socket."""
        ...

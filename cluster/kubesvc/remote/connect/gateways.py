"""Gateways: sockets at the translated addresses of a remote cluster's pods, whose bytes travel by port-forward.

Each pod has one for each port. Accepted connections are forwarded by ``kubeclient.portforward``, which has its own
connections to the API server for each pod, none before the first use. The proxy's connections come without a socket
(``open_tunnel``), so that their bytes are moved once: only programs that dial a pod's own address, and HTTP Services,
whose connections to pods are kept, meet the sockets.

What a real cluster's container runtime does behind port-forward is not what a connection to the pod's address does. It
dials 127.0.0.1 in the pod, so a program that listens at the pod's address alone is not reached (by runtimes of before
2026). And when a client ends its direction, the pod is not told, and has one second for its answer (containerd
``sandbox_portforward_linux.go``).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from functools import partial

from kubeapi.meta import ObjectKey
from kubeclient.portforward.io.dialling import Wire
from kubeclient.portforward.io.forwardedsocket import ForwardedSocket
from kubeclient.portforward.io.forwarder import PodForwarder
from kubeclient.portforward.io.tunnel import Reader, Tunnel
from kubehost.io.binding import bind_socket, socket_family
from kubehost.io.places import Place, whole_socket
from kubehost.network import Network
from kubesvc.remote.connect.podports import PodPorts

BACKLOG = 1024
"""Connections that wait to be accepted."""

DialPod = Callable[[ObjectKey], Coroutine[None, None, Wire]]
"""Makes a connection to the API server for a pod (``PortForwardDialler.dial``)."""


class PortForwardGateways:
    """Implements ``Gateways`` by port-forward."""

    def __init__(self, dial: DialPod, network: Network) -> None:
        self._dial = dial
        self._network = network
        self._gateways: dict[str, Gateway] = {}
        self._by_address: dict[str, Gateway] = {}

    def serve(self, pod: PodPorts) -> None:
        """Answer for a pod, or at other ports than before; it listens when this returns."""
        gateway = self._gateways.get(pod.uid)
        if gateway is None:
            gateway = self._gateways[pod.uid] = Gateway(pod, self._dial)
        self._by_address[pod.address] = gateway
        gateway.listen(pod, self._network.places[-1])

    def end(self, uid: str) -> None:
        """Answer no more for a pod that has gone, and reset its connections at once."""
        gateway = self._gateways.pop(uid, None)
        if gateway is not None:
            self._by_address.pop(gateway.address)
            gateway.end()

    def open_tunnel(self, address: str, port: int, reader: Reader) -> Tunnel | None:
        """Open a tunnel to a pod, given by its address here; None if it is not served there."""
        gateway = self._by_address.get(address)
        return gateway.open_tunnel(port, reader) if gateway is not None else None

    def renew(self) -> None:
        """Listen in the cluster's network again, which is another one than before."""
        for each in self._gateways.values():
            each.renew(self._network.places[-1])

    def problems(self) -> list[str]:
        """Return what does not work, one sentence each."""
        return [problem for each in self._gateways.values() for problem in each.problems()]

    async def close(self) -> None:
        """Close every socket."""
        for uid in tuple(self._gateways):
            self.end(uid)


class Gateway:
    """The listening sockets of one pod, and its forwarded connections."""

    def __init__(self, pod: PodPorts, dial: DialPod) -> None:
        self._pod = pod
        self._forwarder = PodForwarder(partial(dial, pod.pod), self._note)
        self._failure = ""
        self._doors: dict[int, _Door] = {}
        self._taken: dict[int, str] = {}

    def listen(self, pod: PodPorts, place: Place) -> None:
        """Listen at a pod's ports, and no longer at others; connections go on."""
        self._pod = pod
        for port in self._doors.keys() - pod.ports:
            self._doors.pop(port).close()
        self._taken = {port: why for port, why in self._taken.items() if port in pod.ports}
        for port in sorted(pod.ports - self._doors.keys()):
            accept = partial(ForwardedSocket, self._forwarder, port)
            try:
                self._doors[port] = _Door(_listening(place, pod.address, port), accept)
            except OSError as error:
                self._taken[port] = error.strerror or str(error)
            else:
                self._taken.pop(port, None)

    @property
    def address(self) -> str:
        """Where it answers."""
        return self._pod.address

    def open_tunnel(self, port: int, reader: Reader) -> Tunnel | None:
        """Open a tunnel to one of the pod's ports; None if it has no such port."""
        return Tunnel(self._forwarder, port, reader) if port in self._pod.ports else None

    def renew(self, place: Place) -> None:
        """Listen again, in another network."""
        self._close_doors()
        self.listen(self._pod, place)

    def end(self) -> None:
        """Close every socket, and reset the connections."""
        self._close_doors()
        self._forwarder.end()

    def problems(self) -> list[str]:
        """Return what does not work."""
        pod = self._pod
        found = [f"pod {pod.pod} does not answer at {pod.address}:{port}: {why}" for port, why in self._taken.items()]
        # It may work by now: what has failed is tried again when the next client comes.
        return [*found, f"the last connection to pod {pod.pod} failed: {self._failure}"] if self._failure else found

    def _close_doors(self) -> None:
        for each in self._doors.values():
            each.close()
        self._doors.clear()

    def _note(self, problem: str) -> None:
        self._failure = problem


class _Door:
    """A listening socket, which begins to accept in the next turn of the event loop."""

    def __init__(self, sock: socket.socket, accept: Callable[[], ForwardedSocket]) -> None:
        self._sock: socket.socket | None = sock
        self._server: asyncio.Server | None = None
        self._starting = asyncio.create_task(self._start(accept), name="gateway: listen")

    async def _start(self, accept: Callable[[], ForwardedSocket]) -> None:
        sock = self._sock
        if sock is None:
            return
        server = await asyncio.get_running_loop().create_server(accept, sock=sock, backlog=BACKLOG)
        if self._sock is None:
            server.close()
        self._server = server

    def close(self) -> None:
        """Accept no more."""
        if self._server is not None:
            self._server.close()
        elif self._sock is not None:
            self._sock.close()
        self._sock = None


def _listening(place: Place, address: str, port: int) -> socket.socket:
    """Return a socket that listens at a pod's address in a place; OSError."""
    sock = whole_socket(place.socket(socket_family(address), socket.SOCK_STREAM, socket.IPPROTO_TCP))
    try:
        bind_socket(sock, place.bind(address, port), place.socket)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock

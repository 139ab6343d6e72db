"""Connections to a pod's ports from inside it, as `kubectl port-forward` makes them.

A container runtime dials localhost in the pod's network, IPv4 before IPv6, so that a program that listens on 127.0.0.1
alone is reached. Follows containerd ``internal/cri/server/sandbox_portforward_linux.go``, whose texts the errors have.
Where pods have no network of their own, a program listens at the pod's address.
"""

from __future__ import annotations

from kubehost.addresses import LOCALHOST, LOCALHOST_V6, join_host_port
from kubehost.errortexts import errno_text
from kubehost.io.connecting import TCPSocket, connect
from kubehost.network import Network


async def open_port(network: Network, pod: str, port: int) -> TCPSocket:
    """Return a socket that is connected to a port of the pod with an address, the caller's; OSError."""
    inside = network.inside(pod)
    if inside is None:
        target = network.dial(pod, port)
        return await connect(network.place("", target[0]), target)
    reasons = []
    for name, family, address in (("IPv4", "tcp4", LOCALHOST), ("IPv6", "tcp6", LOCALHOST_V6)):
        try:
            return await connect(inside, (address, port))
        except OSError as error:
            why = errno_text(error) if error.errno else str(error)
            reasons.append(f"{name}: dial {family} {join_host_port(address, port)}: connect: {why}")
            code = error.errno
    raise OSError(code, f"failed to connect to localhost:{port} inside namespace of {pod}, {' '.join(reasons)}")

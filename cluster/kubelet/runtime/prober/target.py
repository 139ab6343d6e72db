"""The container that is probed: where it is, and the texts about reaching it that all handlers share."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from kubehost.errortexts import errno_text
from kubehost.io.connecting import Streams, open_connection
from kubehost.network import Network
from kubelet.pod.probes import ProbeOutcome
from kubelet.process.runner import ProcessRunner
from kubelet.spec.process import ProcessSpec

MAX_LINE = 64 * 1024
"""Bytes of the longest line, or chunk, of an answer that is read at once."""

NODE_ITSELF = ("127.0.0.1", "localhost", "::1")
"""The hosts of a probe that are the node, where the kubelet is."""


class ProbeTarget(NamedTuple):
    """A container to probe: its pod's address, its named ports, and how a command runs in it (``command``)."""

    address: str
    ports: Mapping[str, int]
    network: Network
    runner: ProcessRunner
    command: Callable[[tuple[str, ...]], ProcessSpec]

    def port_number(self, port: int | str) -> int | None:
        """Return a port given by number or by the name of a container port; None for an unknown name."""
        if isinstance(port, int):
            return port
        return int(port) if port not in self.ports and port.isdecimal() else self.ports.get(port)

    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> Streams:
        """Connect as a kubelet on the pod's node; OSError, ValueError."""
        target = self.network.dial(host, port)
        is_node = host in NODE_ITSELF
        place = self.network.places[-1] if is_node else self.network.place("", target[0])
        return await open_connection(place, target, tls=tls, limit=MAX_LINE)


class Handler(Protocol):
    """One way to probe a container."""

    async def attempt(self, target: ProbeTarget, timeout: float, /) -> ProbeOutcome:
        """Probe once, for at most ``timeout`` seconds; every failure is an outcome."""
        ...


def unknown_port(port: int | str) -> ProbeOutcome:
    """Return the outcome for a port that is neither a number nor a container port's name."""
    return ProbeOutcome(False, f'couldn\'t find port: strconv.Atoi: parsing "{port}": invalid syntax')


def reason(error: OSError | ValueError) -> str:
    """Return the text of an error as Go has it."""
    if isinstance(error, ssl.SSLError):
        return f"tls: {error.reason or error}"
    if isinstance(error, OSError) and error.errno:
        return errno_text(error)
    return str(error) or type(error).__name__

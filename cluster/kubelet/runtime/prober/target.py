"""The container that is probed: where it is, and the texts about reaching it that all handlers share."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from kubelet.pod.probes import ProbeOutcome
from kubelet.process.runner import ProcessRunner
from kubelet.process.spec import ProcessSpec

MAX_LINE = 64 * 1024
"""Bytes of the longest line, or chunk, of an answer that is read at once."""

Dial = Callable[[str, int], tuple[str, int]]
"""Maps an address and a port of the cluster to the socket address to connect to (``kubehost.network``)."""


class ProbeTarget(NamedTuple):
    """A container to probe: its pod's address, its named ports, and how a command runs in it (``command``)."""

    address: str
    ports: Mapping[str, int]
    dial: Dial
    runner: ProcessRunner
    command: Callable[[tuple[str, ...]], ProcessSpec]

    def port_number(self, port: int | str) -> int | None:
        """Return a port given by number or by the name of a container port; None for an unknown name."""
        if isinstance(port, int):
            return port
        return int(port) if port not in self.ports and port.isdecimal() else self.ports.get(port)


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
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__

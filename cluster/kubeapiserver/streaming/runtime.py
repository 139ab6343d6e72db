"""``Runtime``: what the API server needs of the program that runs the containers.

The kubelet has these methods; the composition root passes it in. Every method raises StatusError if it cannot do what
is asked, before anything has been sent to the client.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from kubeapi.meta import ObjectKey
from kubeapi.metrics.usage import PodUsage
from kubeapi.podoptions import PodExecOptions, PodLogOptions
from kubehost.addresses import Address
from kubehost.io.connecting import TCPSocket


class ContainerIO(Protocol):
    """The streams of one process in a container. The caller that got it must close it."""

    async def read(self) -> tuple[str, bytes] | None:
        """Return ``stdout`` or ``stderr`` and some bytes of it, None at the end. Only one task may read."""
        ...

    async def write(self, content: bytes) -> None:
        """Send input to the process; returns when more may be sent. Input after the process has ended is dropped."""
        ...

    def end_input(self) -> None:
        """Close the process's standard input."""
        ...

    def resize(self, width: int, height: int) -> None:
        """Set the terminal's size in columns and rows; without a terminal this does nothing."""
        ...

    async def wait(self) -> int:
        """Return the exit code, once the process has ended; 0 for an attachment."""
        ...

    async def close(self) -> None:
        """End the process if it was started for the session; a container that was attached to keeps running."""
        ...


class Runtime(Protocol):
    """Where containers run. A container "" is the pod's only one, or its default."""

    def logs(self, pod: ObjectKey, options: PodLogOptions) -> AsyncGenerator[bytes, None]:
        """Return a container's log; the caller closes it."""
        ...

    async def exec(self, pod: ObjectKey, options: PodExecOptions) -> ContainerIO:
        """Start a command in a container; StatusError 500 if it cannot be started."""
        ...

    def attach(self, pod: ObjectKey, container: str, *, has_stdin: bool) -> ContainerIO:
        """Return the streams of a container's own process, from now on."""
        ...

    def port_address(self, pod: ObjectKey, port: int) -> Address:
        """Return the socket address of a pod's port, for ``socket_to``."""
        ...

    def socket_to(self, address: str) -> TCPSocket:
        """Return a non-blocking TCP socket to dial an IP address as from a node, the caller's; OSError."""
        ...

    def usage(self) -> Mapping[ObjectKey, PodUsage]:
        """Return what every running pod uses now."""
        ...

    async def open_port(self, pod: ObjectKey, port: int) -> TCPSocket:
        """Return a socket that is connected to a port as from inside the pod, the caller's; also OSError."""
        ...

"""What the API server needs of whoever runs the containers: the protocol ``Runtime``. Pure.

The kubelet satisfies it, and knows nothing of it; the composition root passes it in. Every method refuses with
StatusError, before anything has been sent to the client.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from kubeapi.meta import ObjectKey
from kubeapi.podoptions import PodExecOptions, PodLogOptions


class ContainerIO(Protocol):
    """The streams of one process in a container. Whoever got it closes it, however the connection ends."""

    async def read(self) -> tuple[str, bytes] | None:
        """Return ``stdout`` or ``stderr`` and some bytes of it, None when there will be no more. For one reader."""
        ...

    async def write(self, content: bytes) -> None:
        """Give the process input; returns when it may be given more. Input that nobody reads is dropped."""
        ...

    def end_input(self) -> None:
        """Let the process read the end of its input."""
        ...

    def resize(self, width: int, height: int) -> None:
        """Tell the terminal its size in columns and rows; nothing without a terminal."""
        ...

    async def wait(self) -> int:
        """Return the exit code, once the process has ended; 0 for an attachment."""
        ...

    async def close(self) -> None:
        """Let go: a process that was started for the session ends, a container that was attached to goes on."""
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

    def port_address(self, pod: ObjectKey, port: int) -> tuple[str, int]:
        """Return the socket address of a pod's port."""
        ...

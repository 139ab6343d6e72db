"""What the API server needs of whoever runs the containers: the protocol ``Runtime``. Pure.

The kubelet satisfies it; the composition root passes it in. Every method refuses with StatusError, before anything has
been sent to the client.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Literal, NamedTuple, Protocol

from kubeapiserver.exchange import Session

Stream = Literal["stdout", "stderr"]


class Output(NamedTuple):
    """Some bytes of one output stream."""

    stream: Stream
    content: bytes


class ContainerIO(Protocol):
    """The streams of one process in a container. Whoever got it closes it, however the connection ends."""

    async def read(self) -> Output | None:
        """Return the next output, None when there will be no more. One reader at a time."""
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
    """Where containers run."""

    def open_log(self, session: Session) -> AsyncGenerator[bytes, None]:
        """Return a container's log."""
        ...

    async def exec(self, session: Session) -> ContainerIO:
        """Start a command in a container."""
        ...

    async def attach(self, session: Session) -> ContainerIO:
        """Return the streams of a container's own process, from now on."""
        ...

    def port_address(self, namespace: str, pod: str, port: int) -> tuple[str, int]:
        """Return where a port of a pod is dialled."""
        ...

"""exec and attach: a container's streams and a client's connection, joined until one of them ends.

Three kinds of connection speak of the same four things, input, its end, the terminal's size and output; ``CommandWire``
is what they have in common.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from kubeapi.meta import JSON
from kubeapiserver.streaming.runtime import ContainerIO
from kubeapiserver.streaming.websocket import EndOfInput, Incoming, Input, Resize, exit_status


class CommandWire(Protocol):
    """One client's connection. Its methods raise ConnectionError when the client has gone."""

    def incoming(self) -> AsyncIterator[Incoming]:
        """Yield what the client says, until it has gone."""
        ...

    async def send(self, stream: str, content: bytes) -> None:
        """Send output; returns when more may be sent."""
        ...

    async def finish(self, status: JSON) -> None:
        """Say how it ended; nothing is sent after that."""
        ...


async def join(streams: ContainerIO, wire: CommandWire) -> None:
    """Carry bytes both ways until the command has ended or the client has gone. Closes ``streams``."""
    feeding = asyncio.create_task(_feed(streams, wire), name="session: input")
    telling = asyncio.create_task(_tell(streams, wire), name="session: output")
    try:
        # The client's going ends the session; the end of its input does not.
        await asyncio.wait((feeding, telling), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (feeding, telling):
            task.cancel()
        results = await asyncio.gather(feeding, telling, return_exceptions=True)
        await streams.close()
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, ConnectionError):
            raise result


async def _feed(streams: ContainerIO, wire: CommandWire) -> None:
    async for message in wire.incoming():
        match message:
            case Input(content):
                await streams.write(content)
            case EndOfInput():
                streams.end_input()
            case Resize(width, height):
                streams.resize(width, height)


async def _tell(streams: ContainerIO, wire: CommandWire) -> None:
    while (output := await streams.read()) is not None:
        await wire.send(*output)
    status = exit_status(await streams.wait())
    with contextlib.suppress(ConnectionError):
        await wire.finish(status)

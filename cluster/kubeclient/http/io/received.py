"""An answer whose head has come, while its body does."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable

from kubeclient.http.bodies import Body
from kubeclient.http.io.wire import Wire
from kubeclient.http.messages import Answer

BEGINNING_LIMIT = 64 * 1024
"""Bytes of a refusal that are read."""


class Received:
    """The answer to one request; ``close`` it in any case. ``silence`` is how many seconds the server may say nothing.

    ``leave`` is called then, with whether the connection is as good as new.
    """

    def __init__(self, wire: Wire, answer: Answer, silence: float, leave: Callable[[bool], None]) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._wire = wire
        self._body = Body(answer)
        self._silence = silence
        self._leave = leave

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the body as they come: all before a cut, then OSError; TimeoutError."""
        while not self._body.is_over:
            for each in self._body.feed(await self._wire.read(self._silence)):
                yield each

    async def beginning(self) -> bytes:
        """Return the beginning of the body, or what there is of it."""
        found = b""
        with contextlib.suppress(OSError, TimeoutError):
            async with contextlib.aclosing(self.chunks()) as chunks:
                async for each in chunks:
                    found += each
                    if len(found) > BEGINNING_LIMIT:
                        break
        return found

    def close(self) -> None:
        """Be done with it."""
        self._leave(self._body.leaves_connection)

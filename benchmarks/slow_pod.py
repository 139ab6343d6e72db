"""A pod that answers every request with its name, like agnhost's netexec, but only after a while.

    POD_IP=127.33.1.5 PORT=8080 HOSTNAME=slow-1 python slow_pod.py 20

Requests do not wait for each other: it is far away, not overloaded. The argument is milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import cast


class _Answer(asyncio.Protocol):
    def __init__(self, answer: bytes, delay: float) -> None:
        self._answer = answer
        self._delay = delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            asyncio.get_running_loop().call_later(self._delay, self._reply)

    def _reply(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._answer)
            self._transport.close()


async def _serve(delay: float) -> None:
    name = os.environ["HOSTNAME"].encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(name), name)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Answer(answer, delay), os.environ["POD_IP"], int(os.environ["PORT"]), backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) / 1000))

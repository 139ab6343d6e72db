"""An echo endpoint that is a process of its own, for tests that need more descriptors than one process has.

Run as a program: ``kubeproxy_echo_process.py ADDRESS PORT``. It says ``ready`` and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import resource
import sys


class Echo(asyncio.Protocol):
    """Sends everything back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, received: bytes) -> None:
        """Send it back."""
        self._transport.write(received)


async def main(address: str, port: int) -> None:
    """Serve for ever."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = await asyncio.get_running_loop().create_server(Echo, address, port, backlog=4096)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

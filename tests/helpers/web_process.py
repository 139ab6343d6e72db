"""A web server for pods, in the two ways in which people write them: polite, or rude to whoever is still there.

``python web_process.py polite|rude TEXT ADDRESS PORT FOLDER``. It answers TEXT; a request for /hold makes a file
``holding-1`` (and so on) in the folder and waits until there is one ``release``. A polite one finishes on SIGTERM what
it has been asked; a rude one ends at once, and listens only once there is a file ``gate``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path


class Web:
    """One server."""

    def __init__(self, text: str, folder: Path) -> None:
        self._text = text
        self._folder = folder
        self._busy = 0
        self._held = 0
        self._stop = asyncio.Event()

    async def run(self, address: str, port: int, *, is_polite: bool) -> None:
        if is_polite:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop.set)
        else:
            # The first process of a container ignores a signal without a handler, and would have its whole grace.
            signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
            await self._wait_for("gate")
        server = await asyncio.start_server(self._serve, address, port)
        await self._stop.wait()
        server.close()
        while self._busy:
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                self._busy += 1
                try:
                    await self._answer(head, writer)
                finally:
                    self._busy -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        if b" /hold " in head:
            self._held += 1
            (self._folder / f"holding-{self._held}").touch()
            await self._wait_for("release")
        is_last = self._stop.is_set()
        connection = "close" if is_last else "keep-alive"
        length = len(self._text.encode())
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n{self._text}".encode()
        )
        await writer.drain()
        if is_last:
            writer.close()

    async def _wait_for(self, name: str) -> None:
        while not (self._folder / name).exists():
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    manner, text, address, port, folder = sys.argv[1:]
    asyncio.run(Web(text, Path(folder)).run(address, int(port), is_polite=manner == "polite"))

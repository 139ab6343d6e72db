"""What stands behind forwarded connections and before them, each a process.

    python -m benchmarks.cluster.forwarded serve PORT
    python -m benchmarks.cluster.forwarded {latency|sequential|parallel|down|up} ADDRESS PORT AMOUNT

The first byte of a connection says what it is for: b"e" for an echo, b"d" and b"u" with a number for so many bytes to
send or to take. AMOUNT is exchanges for latency, seconds for connections, MiB for bytes. A client prints one number:
the median in microseconds, connections per second, MiB per second.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import struct
import sys
import threading
import time

MESSAGE = b"e" + bytes(63)
CHUNK = bytes(1 << 18)
PARALLEL = 16
SECONDS = 60.0
_ORDER = struct.Struct("!cQ")
_UNCOUNTED = 50
"""Exchanges before the counted ones."""


class Served(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._kind = b""
        self._left = 0
        self._may_send = asyncio.Event()
        self._may_send.set()

    def pause_writing(self) -> None:
        """Send no more."""
        self._may_send.clear()

    def resume_writing(self) -> None:
        """Send again."""
        self._may_send.set()

    def data_received(self, content: bytes) -> None:
        """Do what is asked for."""
        if not self._kind:
            self._kind = content[:1]
            if self._kind in (b"d", b"u"):
                _, self._left = _ORDER.unpack_from(content)
                content = content[_ORDER.size :]
            if self._kind == b"d":
                self._sending = asyncio.ensure_future(self._send())
        if self._kind == b"u":
            self._left -= len(content)
            content = b"." if self._left <= 0 else b""
        if self._kind != b"d" and content:
            self._transport.write(content)  # type: ignore[attr-defined]  # uvloop's are no instances of it

    async def _send(self) -> None:
        while self._left > 0:
            await self._may_send.wait()
            self._transport.write(CHUNK[: self._left])  # type: ignore[attr-defined]
            self._left -= len(CHUNK)


async def serve(port: int) -> None:
    """Serve for ever, at the pod's address."""
    server = await asyncio.get_running_loop().create_server(Served, os.environ["POD_IP"], port, backlog=4096)
    await server.serve_forever()


def _connect(address: tuple[str, int]) -> socket.socket:
    sock = socket.create_connection(address, SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _take(sock: socket.socket, count: int) -> None:
    room = memoryview(bytearray(len(CHUNK)))
    while count > 0:
        got = sock.recv_into(room)
        if not got:
            raise ConnectionResetError(f"{count} bytes are missing")
        count -= got


def latency(address: tuple[str, int], amount: int) -> float:
    """Return the median of exchanges over one connection, in microseconds."""
    took = []
    with _connect(address) as sock:
        for _ in range(_UNCOUNTED + amount):
            begin = time.perf_counter()
            sock.sendall(MESSAGE)
            _take(sock, len(MESSAGE))
            took.append(time.perf_counter() - begin)
    return statistics.median(took[_UNCOUNTED:]) * 1e6


def connections(address: tuple[str, int], seconds: int, clients: int) -> float:
    """Return connections per second, each with one exchange."""
    done = [0] * clients
    begin = time.perf_counter()

    def run(client: int) -> None:
        while time.perf_counter() < begin + seconds:
            with _connect(address) as sock:
                sock.sendall(MESSAGE)
                _take(sock, len(MESSAGE))
            done[client] += 1

    threads = [threading.Thread(target=run, args=(each,)) for each in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sum(done) / (time.perf_counter() - begin)


def bulk(kind: str, address: tuple[str, int], amount: int) -> float:
    """Return MiB per second over one connection."""
    count = amount << 20
    with _connect(address) as sock:
        begin = time.perf_counter()
        sock.sendall(_ORDER.pack(kind[:1].encode(), count))
        if kind == "down":
            _take(sock, count)
        else:
            for _ in range(count // len(CHUNK)):
                sock.sendall(CHUNK)
            _take(sock, 1)
        return amount / (time.perf_counter() - begin)


def main() -> None:
    """Serve, or print a client's number."""
    kind, *words = sys.argv[1:]
    if kind == "serve":
        import uvloop

        uvloop.run(serve(int(words[0])))
        return
    address, amount = (words[0], int(words[1])), int(words[2])
    if kind == "latency":
        print(latency(address, amount))
    elif kind in ("sequential", "parallel"):
        print(connections(address, amount, PARALLEL if kind == "parallel" else 1))
    else:
        print(bulk(kind, address, amount))


if __name__ == "__main__":
    main()

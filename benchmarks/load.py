"""The load generator: HTTP/1.1 over sockets, one connection per request, as a process of its own.

    python -m benchmarks.load ADDRESS PORT --seconds 2 --clients 16 [--rate 200]

Closed loop: each client sends its next request when the last is answered. Open loop (``--rate``): requests are due at
Poisson times, the same for every target, and a latency counts from when the request was due, so that a stall is seen
by all requests that it delays. Clients have addresses of their own in 127.0.0.0/8. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import cast

import uvloop

from benchmarks.figures import Trial

TIMEOUT = 2.0
"""Seconds until a request has failed."""
MAX_WAITING = 512
"""Open-loop requests under way at once; more are not sent, and missing in ``offered`` against the answers."""
SEED = 20_26
CLIENT_NETWORK = "127.36.0."


class _Request(asyncio.Protocol):
    """One request: sends it when connected, collects the answer until the server closes."""

    def __init__(self, request: bytes, done: asyncio.Future[bytes]) -> None:
        self._request = request
        self._done = done
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        cast("asyncio.WriteTransport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keep what came."""
        self._received += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand over the answer, or why there is none."""
        if self._done.done():
            return
        if exc is None:
            self._done.set_result(self._received)
        else:
            self._done.set_exception(exc)


class Generator:
    """Sends requests to one address and notes what became of each."""

    def __init__(self, address: str, port: int) -> None:
        self.trial = Trial()
        self._address, self._port = address, port
        self._request = f"GET /hostname HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()

    async def request(self, client: int, due: float) -> None:
        """Send one request from a client's address; its latency counts from ``due``."""
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._exchange(f"{CLIENT_NETWORK}{client + 1}")
        except (OSError, TimeoutError) as error:
            self.trial.errors[type(error).__name__] += 1
        else:
            self._note(answer)
        self.trial.latencies.append(round((time.perf_counter() - due) * 1e6))

    async def _exchange(self, source: str) -> bytes:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bytes] = loop.create_future()
        transport, _ = await loop.create_connection(
            lambda: _Request(self._request, done), self._address, self._port, local_addr=(source, 0)
        )
        try:
            return await done
        finally:
            transport.abort()

    def _note(self, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 200"):
            self.trial.answers[body.decode().strip()] += 1
        else:
            self.trial.errors[head.partition(b"\r\n")[0].decode(errors="replace") or "no answer"] += 1

    async def closed_loop(self, clients: int, seconds: float) -> None:
        """Keep ``clients`` requests under way."""
        end = time.perf_counter() + seconds

        async def client(number: int) -> None:
            while (due := time.perf_counter()) < end:
                self.trial.offered += 1
                await self.request(number, due)

        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(client(number), name=f"client {number}")

    async def open_loop(self, clients: int, seconds: float, rate: float) -> None:
        """Send requests when they are due, however long the others take."""
        start = time.perf_counter()
        waiting = asyncio.Semaphore(MAX_WAITING)
        async with asyncio.TaskGroup() as group:
            for number, offset in enumerate(arrivals(rate, seconds, random.Random(SEED))):
                self.trial.offered += 1
                await asyncio.sleep(max(0.0, start + offset - time.perf_counter()))
                if waiting.locked():
                    self.trial.errors["not sent"] += 1
                    continue
                await waiting.acquire()
                task = group.create_task(self.request(number % clients, start + offset), name=f"request {number}")
                task.add_done_callback(lambda _: waiting.release())


def arrivals(rate: float, seconds: float, rng: random.Random) -> Iterator[float]:
    """Yield the times of a Poisson process, in seconds from the start."""
    now = rng.expovariate(rate)
    while now < seconds:
        yield now
        now += rng.expovariate(rate)


async def _run(generator: Generator, options: argparse.Namespace) -> None:
    started, cpu = time.perf_counter(), time.process_time()
    if options.rate:
        await generator.open_loop(options.clients, options.seconds, options.rate)
    else:
        await generator.closed_loop(options.clients, options.seconds)
    generator.trial.seconds = time.perf_counter() - started
    generator.trial.cpu_seconds = time.process_time() - cpu


def trial_to_json(trial: Trial) -> str:
    """Return a trial as the generator prints it."""
    return json.dumps(vars(trial))


def trial_from_json(text: str) -> Trial:
    """Read what ``trial_to_json`` wrote."""
    fields = json.loads(text)
    for name in ("answers", "errors"):
        fields[name] = Counter(fields[name])
    return Trial(**fields)


def main() -> None:
    """Run one trial and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--clients", type=int, default=16, help="addresses, and in a closed loop requests under way")
    parser.add_argument("--rate", type=float, default=0.0, help="requests per second of an open loop")
    options = parser.parse_args()
    generator = Generator(options.address, options.port)
    uvloop.run(_run(generator, options))
    print(trial_to_json(generator.trial))


if __name__ == "__main__":
    main()

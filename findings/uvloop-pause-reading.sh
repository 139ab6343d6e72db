#!/bin/sh
# uvloop 0.23.0 (CPython 3.11.7, Linux): `transport.pause_reading()` called inside `connection_made` does not hold.
#
# asyncio's own loop keeps the bytes in the socket until `resume_reading()`. uvloop accepts the call and answers
# `is_reading()` with False at that moment, then starts to read when `connection_made` has returned: `data_received`
# is called, and `is_reading()` is True. A proxy that pauses a client until its upstream is connected must buffer.
#
# Seen:
#   asyncio: paused, is_reading=False; received nothing
#   uvloop 0.23.0: paused, is_reading=False; received b'hello' while is_reading=True
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvloop==0.23.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import socket

import uvloop


class Paused(asyncio.Protocol):
    def __init__(self, seen):
        self.seen = seen

    def connection_made(self, transport):
        self.transport = transport
        transport.pause_reading()
        self.seen.append(("paused", transport.is_reading()))

    def data_received(self, data):
        self.seen.append((data, self.transport.is_reading()))


async def talk():
    seen = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Paused(seen), "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.sendall(b"hello")
        await asyncio.sleep(0.5)
        result = list(seen)
    server.close()
    return result


def said(seen):
    rest = ", ".join(f"{data!r} while is_reading={reading}" for data, reading in seen[1:]) or "nothing"
    return f"paused, is_reading={seen[0][1]}; received {rest}"


with asyncio.Runner() as runner:
    plain = said(runner.run(talk()))
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    fast = said(runner.run(talk()))
print(f"asyncio: {plain}")
print(f"uvloop {uvloop.__version__}: {fast}")
assert plain == "paused, is_reading=False; received nothing", "asyncio has changed"
assert fast == "paused, is_reading=False; received b'hello' while is_reading=True", "uvloop has changed"
PYTHON

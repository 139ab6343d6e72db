#!/bin/sh
# aiohttp 3.14.5 (CPython 3.11.7, Linux): bytes of an answer that have arrived are not handed over once the connection is cut.
#
# `StreamReader.readany()` (and `iter_any`) raises the error of the connection before it looks into its buffer, so a
# reader that was busy meanwhile never sees what came whole before the cut. asyncio's own StreamReader, and a socket,
# give the bytes first and the end after them. A client that follows a stream must resume at what it has read, and may
# not count on having read what was sent.
#
# Seen:
#   asyncio: read b'hello', then the end
#   aiohttp 3.14.5: ClientPayloadError, b'hello' stays in the buffer
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

import aiohttp


async def serve(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    await writer.drain()
    writer.close()


async def by_asyncio(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.5)
    body = (await reader.read(1000)).partition(b"\r\n\r\n")[2]
    writer.close()
    return f"read {body.split()[1]!r}, then the {'end' if reader.at_eof() else 'rest'}"


async def by_aiohttp(port):
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
        await asyncio.sleep(0.5)
        try:
            return f"read {await answer.content.readany()!r}"
        except aiohttp.ClientPayloadError as error:
            return f"{type(error).__name__}, {b''.join(answer.content._buffer)!r} stays in the buffer"


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    plain, library = await by_asyncio(port), await by_aiohttp(port)
    server.close()
    print(f"asyncio: {plain}")
    print(f"aiohttp {aiohttp.__version__}: {library}")
    assert plain == "read b'hello', then the end", "asyncio has changed"
    assert library == "ClientPayloadError, b'hello' stays in the buffer", "aiohttp has changed"


asyncio.run(main())
PYTHON

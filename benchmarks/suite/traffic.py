"""Bulk, datagrams and idle connections: the servers behind the peers and the clients before them, each a process.

python -m benchmarks.suite.traffic {serve-bulk|serve-echo} ADDRESS PORT
python -m benchmarks.suite.traffic {down|up|pairs|idle} ADDRESS PORT AMOUNT

A client prints one sample as JSON. AMOUNT is bytes for down and up, seconds for pairs, connections for idle, which
prints its sample when all connections have had an answer, and then holds them until its standard input ends.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import threading
import time

from svcbench.statistics.ranks import nearest_rank

CHUNK = 1 << 18
FLOWS = 32
"""Clients of the datagram work, each with one datagram under way."""
DATAGRAM = 64
"""Bytes of a datagram."""
SECONDS = 60.0
"""Bound of every wait on a socket."""
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
_ORDER = struct.Struct("!cQ")
"""What a bulk client asks for: b"d" or b"u", and how many bytes."""


def serve_bulk(address: str, port: int) -> None:
    """Send or take as many bytes as each connection asks for, a thread per connection."""
    with socket.create_server((address, port), backlog=128) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve_order, args=(connection,), daemon=True).start()


def _serve_order(connection: socket.socket) -> None:
    try:
        with connection:
            kind, count = _ORDER.unpack(connection.recv(_ORDER.size, socket.MSG_WAITALL))
            if kind == b"d":
                _send(connection, count)
            else:
                _take(connection, count)
                connection.sendall(b".")
            connection.recv(1)
    except (OSError, struct.error):
        return


def _send(connection: socket.socket, count: int) -> None:
    chunk = memoryview(bytes(CHUNK))
    while count:
        count -= connection.send(chunk[: min(count, CHUNK)])


def _take(connection: socket.socket, count: int) -> None:
    room = memoryview(bytearray(CHUNK))
    while count > 0:
        got = connection.recv_into(room)
        if not got:
            raise ConnectionResetError(f"{count} bytes are missing")
        count -= got


def bulk(kind: str, address: str, port: int, count: int) -> dict[str, float]:
    """Move bytes over one connection; the unit is MiB."""
    with socket.create_connection((address, port), SECONDS) as connection:
        begin = time.perf_counter()
        connection.sendall(_ORDER.pack(kind[:1].encode(), count))
        if kind == "down":
            _take(connection, count)
        else:
            _send(connection, count)
            _take(connection, 1)
        return {"done": count / (1 << 20), "seconds": time.perf_counter() - begin}


def serve_echo(address: str, port: int) -> None:
    """Send every datagram back to where it came from."""
    room = bytearray(2048)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, port))
        while True:
            length, peer = server.recvfrom_into(room)
            server.sendto(memoryview(room)[:length], peer)


def pairs(address: str, port: int, seconds: float) -> dict[str, float]:
    """Send datagrams and take their answers, one under way per flow; one that is not answered is lost after 1 s."""
    flows = {}
    poll = select.epoll()
    for _ in range(FLOWS):
        flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        flow.connect((address, port))
        flow.setblocking(False)
        flows[flow.fileno()] = flow
        poll.register(flow, select.EPOLLIN)
    latencies: list[int] = []
    lost = 0
    message = bytes(DATAGRAM)
    begin = time.perf_counter_ns()
    end = begin + int(seconds * 1e9)
    sent = dict.fromkeys(flows, begin)
    for flow in flows.values():
        flow.send(message)
    while (now := time.perf_counter_ns()) < end:
        ready = poll.poll(1.0)
        for descriptor, _ in ready:
            try:
                flows[descriptor].recv(DATAGRAM)
                now = time.perf_counter_ns()
                latencies.append((now - sent[descriptor]) // 1000)
                flows[descriptor].send(message)
            except OSError:
                lost += 1
            sent[descriptor] = now
        if not ready:
            lost += _send_again(flows, sent, message)
    seconds = (time.perf_counter_ns() - begin) / 1e9
    poll.close()
    for flow in flows.values():
        flow.close()
    return {"done": len(latencies), "seconds": seconds, "errors": lost, **_percentiles(latencies)}


def _send_again(flows: dict[int, socket.socket], sent: dict[int, int], message: bytes) -> int:
    """Send once more on every flow, as none has had an answer; return how many were lost."""
    lost = 0
    for descriptor, flow in flows.items():
        lost += 1
        sent[descriptor] = time.perf_counter_ns()
        try:
            flow.send(message)
        except OSError:
            continue
    return lost


def _percentiles(latencies: list[int]) -> dict[str, float]:
    ordered = sorted(latencies)
    return {"p50": nearest_rank(ordered, 50), "p99": nearest_rank(ordered, 99), "p999": nearest_rank(ordered, 99.9)}


def idle(address: str, port: int, count: int) -> None:
    """Open connections, have one answer on each, say so, and hold them until standard input ends."""
    held = []
    begin = time.perf_counter()
    failed = 0
    for _ in range(count):
        try:
            connection = socket.create_connection((address, port), SECONDS)
            connection.sendall(REQUEST)
            if not connection.recv(4096):
                failed += 1
            held.append(connection)
        except OSError:
            failed += 1
    seconds = time.perf_counter() - begin
    print(json.dumps({"done": len(held), "seconds": seconds, "errors": failed}), flush=True)
    sys.stdin.read()
    for connection in held:
        connection.close()


def main() -> None:
    """Do what the first argument says."""
    kind, address, port, *amount = sys.argv[1:]
    at = (address, int(port))
    if kind == "serve-bulk":
        serve_bulk(*at)
    elif kind == "serve-echo":
        serve_echo(*at)
    elif kind == "pairs":
        print(json.dumps(pairs(*at, float(amount[0]))))
    elif kind == "idle":
        idle(*at, int(amount[0]))
    else:
        print(json.dumps(bulk(kind, *at, int(amount[0]))))


if __name__ == "__main__":
    main()

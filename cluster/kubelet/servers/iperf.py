"""agnhost's iperf: how fast a connection is, ``python -m kubelet.servers.iperf -s | -c HOST [OPTION]...``.

A small iperf 2: TCP from the client to the server, over several connections if that is asked for, with the reports
that people and Kubernetes' own suite read (iperf 2.2, ``src/ReportOutputs.c``). The client sends zeros, which the real
server takes for a test without a header; the server counts all that it gets. It blocks.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple, NoReturn

USAGE = (
    "Usage: iperf [-s|-c host] [options]: -p port, -t seconds, -i seconds, -P connections, -l bytes, -V, -e, -y C;"
    " kubesvc's knows these alone"
)
_FLAGS, _VALUED = "seV", "pctiPly"
_LONG = {"server": "s", "client": "c", "port": "p", "time": "t", "interval": "i", "parallel": "P", "len": "l"} | {
    "reportstyle": "y",
    "enhanced": "e",
    "ipv6_domain": "V",
}
_PORT, _SECONDS, _CHUNK = "5001", "10", str(128 * 1024)
_COLUMNS = (
    "time,srcaddress,srcport,dstaddr,dstport,transferid,istart,iend,bytes,speed,writecnt,writeerr,tcpretry,tcpcwnd,"
    "tcppcwnd,tcprtt,tcprttvar"
)
_UNITS = ("", "K", "M", "G", "T")


class UsageError(Exception):
    """The arguments are none that this iperf takes; the text says which."""


class Options(NamedTuple):
    """Letters of ``flags``, and ``values`` of those that have one."""

    flags: frozenset[str]
    values: dict[str, str]

    def number(self, letter: str, default: str) -> float:
        """Return a number; UsageError."""
        try:
            return float(self.values.get(letter, default))
        except ValueError:
            raise UsageError(f"invalid argument for -{letter}: {self.values[letter]}") from None


class Interval(NamedTuple):
    """What one connection carried from ``start`` to ``end`` seconds after its begin."""

    start: float
    end: float
    size: int


def read_options(arguments: Sequence[str]) -> Options:
    """Read a command line; UsageError."""
    flags: set[str] = set()
    values: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        letter = _LONG.get(name[2:], "") if name.startswith("--") else word[1:2] if word.startswith("-") else ""
        given = [value] if equals else [word[2:]] if not name.startswith("--") and word[2:] else []
        if letter and letter in _VALUED:
            values[letter] = given[0] if given else rest.pop(0) if rest else ""
        elif letter and letter in _FLAGS and not given:
            flags.add(letter)
        else:
            raise UsageError(f"iperf: unknown option: {word}")
    if ("s" in flags) == ("c" in values):
        raise UsageError("iperf: one of -s and -c is needed")
    return Options(frozenset(flags), values)


def csv_line(interval: Interval, ends: tuple[str, int, str, int], number: int, now: float) -> str:
    """Return the line of one interval, with the columns of iperf 2.2; those that are not known here are -1 or 0."""
    seconds = max(interval.end - interval.start, 1e-9)
    stamp = f"{time.strftime('%z:%Y%m%d%H%M%S', time.localtime(now))}.{int(now % 1 * 1000):03}"
    measured = f"{interval.start:.1f},{interval.end:.1f},{interval.size},{int(interval.size * 8 / seconds)}"
    return f"{stamp},{','.join(map(str, ends))},{number},{measured},-1,-1,0,-1,0,0,0"


def text_line(interval: Interval, number: int) -> str:
    """Return the line of one interval as people read it."""
    seconds = max(interval.end - interval.start, 1e-9)
    size, rate = _scaled(interval.size, 1024), _scaled(interval.size * 8 / seconds, 1000)
    return f"[{number:3}] {interval.start:.2f}-{interval.end:.2f} sec  {size}Bytes  {rate}bits/sec"


def _scaled(amount: float, base: int) -> str:
    unit = 0
    while amount >= base and unit + 1 < len(_UNITS):
        amount, unit = amount / base, unit + 1
    return f"{amount:.3g} {_UNITS[unit]}"


class Report:
    """Writes the intervals of one connection: all of them with ``every`` seconds, and the sum at its end."""

    def __init__(self, sock: socket.socket, number: int, options: Options) -> None:
        self._ends = (*sock.getsockname()[:2], *sock.getpeername()[:2])
        self._number = number
        self._every = options.number("i", "0")
        self._is_csv = options.values.get("y", "").upper() == "C"
        self._began = self._since = time.monotonic()
        self._total = self._recent = 0

    def add(self, size: int) -> None:
        """Count bytes."""
        self._recent += size
        now = time.monotonic()
        if self._every and now - self._since >= self._every:
            self._say(Interval(self._since - self._began, now - self._began, self._recent))
            self._total, self._recent, self._since = self._total + self._recent, 0, now

    def end(self) -> None:
        """Write the sum."""
        self._say(Interval(0.0, time.monotonic() - self._began, self._total + self._recent))

    def _say(self, interval: Interval) -> None:
        line = text_line(interval, self._number)
        _tell(csv_line(interval, self._ends, self._number, time.time()) if self._is_csv else line)


def _tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def _serve(options: Options) -> NoReturn:
    port = int(options.number("p", _PORT))
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    listener = socket.create_server(("", port), family=family, dualstack_ipv6=family == socket.AF_INET6)
    _tell(f"{'-' * 60}\nServer listening on TCP port {port}\n{'-' * 60}")
    number = 0
    while True:
        sock, _ = listener.accept()
        number += 1
        threading.Thread(target=_receive, args=(sock, Report(sock, number, options)), daemon=True).start()


def _receive(sock: socket.socket, report: Report) -> None:
    buffer = bytearray(int(_CHUNK))
    with closing(sock):
        while size := sock.recv_into(buffer):
            report.add(size)
    report.end()


def _run_client(options: Options) -> None:
    port, seconds = int(options.number("p", _PORT)), options.number("t", _SECONDS)
    sockets = [socket.create_connection((options.values["c"], port)) for _ in range(int(options.number("P", "1")))]
    if options.values.get("y", "").upper() == "C":
        _tell(_COLUMNS)
    else:
        _tell(f"{'-' * 60}\nClient connecting to {options.values['c']}, TCP port {port}\n{'-' * 60}")
    end, content = time.monotonic() + seconds, bytes(int(options.number("l", _CHUNK)))
    threads = [
        threading.Thread(target=_send, args=(sock, Report(sock, number, options), content, end))
        for number, sock in enumerate(sockets, 1)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def _send(sock: socket.socket, report: Report, content: bytes, end: float) -> None:
    with closing(sock):
        is_over = False
        while not is_over:
            report.add(sock.send(content))
            is_over = time.monotonic() >= end
    report.end()


def main() -> NoReturn:
    """Run iperf with the arguments of this process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        options = read_options(sys.argv[1:])
        if "s" in options.flags:
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
            _serve(options)
        _run_client(options)
    except UsageError as error:
        sys.exit(f"{error}\n{USAGE}")
    except OSError as error:
        sys.exit(f"iperf: {error.strerror or error}")
    sys.exit(0)


if __name__ == "__main__":
    main()

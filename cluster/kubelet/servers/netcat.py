"""nc, for machines that have none: ``python -m kubelet.servers.netcat [OPTION]... [HOST] [PORT]``.

Follows OpenBSD's nc as Debian has it: what people and Kubernetes' own suite type in pods. It blocks, as a
process of its own may.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple, NoReturn

USAGE = (
    "usage: nc [-46dhklNntuvz] [-p source_port] [-q seconds] [-s source] [-W recvlimit] [-w timeout]"
    " [destination] [port]"
)
_FLAGS, _VALUED = "46dhklNntuvz", "pqsWw"
_CHUNK = 64 * 1024
_STDIN, _STDOUT = 0, 1


class UsageError(Exception):
    """The arguments are none that nc takes; the text says which."""


class Options(NamedTuple):
    """What the command line asks for: letters of ``flags``, and ``values`` of those that have one."""

    flags: frozenset[str]
    values: dict[str, str]
    host: str
    port: str

    @property
    def kind(self) -> socket.SocketKind:
        """TCP or UDP."""
        return socket.SOCK_DGRAM if "u" in self.flags else socket.SOCK_STREAM

    @property
    def protocol(self) -> str:
        """The protocol's name in messages."""
        return "udp" if "u" in self.flags else "tcp"

    @property
    def timeout(self) -> float | None:
        """Seconds after which a connection that is not made, or is silent, ends; None to wait."""
        return float(self.values["w"]) if "w" in self.values else None

    @property
    def family(self) -> int:
        """The address family that is asked for, AF_UNSPEC for any."""
        if "4" in self.flags:
            return socket.AF_INET
        return socket.AF_INET6 if "6" in self.flags else socket.AF_UNSPEC


def read_options(arguments: Sequence[str]) -> Options:
    """Read a command line; UsageError."""
    flags: set[str] = set()
    values: dict[str, str] = {}
    rest, words = list(arguments), []
    while rest:
        word = rest.pop(0)
        if word == "--" or not word.startswith("-") or word == "-":
            words += rest if word == "--" else [word]
            rest = [] if word == "--" else rest
            continue
        for at, letter in enumerate(word[1:], 2):
            if letter in _VALUED:
                values[letter] = word[at:] or (rest.pop(0) if rest else "")
                break
            if letter not in _FLAGS:
                raise UsageError(f"nc: invalid option -- '{letter}'")
            flags.add(letter)
    return _checked(frozenset(flags), values, words)


def _checked(flags: frozenset[str], values: dict[str, str], words: list[str]) -> Options:
    for letter in "qWw":
        if letter in values and not values[letter].lstrip("-").isdecimal():
            raise UsageError(f"nc: timeout is invalid: {values[letter]}")
    if "l" in flags:
        port = values.get("p") or (words.pop() if words else "")
        host = words.pop() if words else ""
    else:
        host, port = words if len(words) == 2 else ("", "")
    if not port or words[2:]:
        raise UsageError("nc: missing port number")
    return Options(flags, values, host, port)


def _addresses(options: Options) -> list[tuple[int, Any]]:
    """Return the family and address of each address of the destination; OSError."""
    kinds = socket.AI_NUMERICHOST if "n" in options.flags else 0
    passive = socket.AI_PASSIVE if "l" in options.flags else 0
    # As bytes: for a text Python imports its codec of international names.
    host = options.host.encode() or None
    found = socket.getaddrinfo(host, options.port, options.family, options.kind, flags=kinds | passive)
    return [(family, address) for family, _, _, _, address in found]


def _connected(options: Options) -> socket.socket | None:
    """Return the first connection that can be made, None after the reasons have been said."""
    for family, address in _addresses(options):
        sock = socket.socket(family, options.kind)
        try:
            sock.settimeout(options.timeout)
            if "s" in options.values or "p" in options.values:
                sock.bind((options.values.get("s", ""), int(options.values.get("p") or 0)))
            sock.connect(address)
        except OSError as error:
            sock.close()
            if "v" in options.flags:
                where = f"{address[0]} port {address[1]} ({options.protocol})"
                _tell(f"nc: connect to {where} {_failure(error)}")
            continue
        return sock
    return None


def _failure(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "timed out: Operation now in progress"
    return f"failed: {os.strerror(error.errno or 0)}"


def _accepted(options: Options) -> Iterator[socket.socket]:
    """Yield the connections of a listener, or one connected to the first that sends a datagram; OSError."""
    family, address = _addresses(options)[0]
    with closing(socket.socket(family, options.kind)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        if "u" in options.flags:
            _, peer = listener.recvfrom(1, socket.MSG_PEEK)
            listener.connect(peer)
            yield listener
            return
        listener.listen(1)
        if "v" in options.flags:
            _tell(f"Listening on {address[0]} {address[1]}")
        while True:
            accepted, peer = listener.accept()
            if "v" in options.flags:
                _tell(f"Connection received on {peer[0]} {peer[1]}")
            yield accepted
            if "k" not in options.flags:
                return


def _exchange(sock: socket.socket, options: Options) -> None:
    """Pass bytes both ways until the peer ends, nothing comes for the timeout, or input has ended for -q seconds.

    ``-W`` bounds how many packets are received.
    """
    sock.settimeout(None)
    sources: list[int | socket.socket] = [sock] if "d" in options.flags else [sock, _STDIN]
    left, packets = options.timeout, int(options.values.get("W", 0))
    while ready := select.select(sources, [], [], left)[0]:
        if sock in ready:
            received = sock.recv(_CHUNK)
            os.write(_STDOUT, received)
            packets -= 1
            if packets == 0 or (not received and "u" not in options.flags):
                return
        if _STDIN in ready and not _pass_input(sock, options):
            sources.remove(_STDIN)
            left = float(options.values.get("q", -1))
            left = left if left >= 0 else options.timeout


def _pass_input(sock: socket.socket, options: Options) -> bool:
    """Send what there is to send; False at the end of the input."""
    if given := os.read(_STDIN, _CHUNK):
        sock.sendall(given)
    elif "N" in options.flags and "u" not in options.flags:
        sock.shutdown(socket.SHUT_WR)
    return bool(given)


def _client(options: Options) -> int:
    sock = _connected(options)
    if sock is None:
        return 1
    with closing(sock):
        if "v" in options.flags and not ("z" in options.flags and "u" in options.flags and not _is_taken(sock)):
            _tell(f"Connection to {options.host} {options.port} port [{options.protocol}/*] succeeded!")
        if "z" not in options.flags:
            _exchange(sock, options)
    return 0


def _is_taken(sock: socket.socket) -> bool:
    """Tell whether no refusal comes back for a datagram."""
    try:
        for _ in range(2):
            sock.send(b"X")
            time.sleep(0.1)
    except OSError:
        return False
    return True


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def run(arguments: Sequence[str]) -> int:
    """Run nc and return its exit code."""
    try:
        options = read_options(arguments)
        if "l" not in options.flags:
            return _client(options)
        for sock in _accepted(options):
            with closing(sock):
                _exchange(sock, options)
    except UsageError as error:
        _tell(f"{error}\n{USAGE}")
        return 1
    except socket.gaierror as error:
        _tell(f'nc: getaddrinfo for host "{options.host}" port {options.port}: {error.strerror}')
        return 1
    except OSError as error:
        _tell(f"nc: {os.strerror(error.errno or 0)}")
        return 1
    return 0


def main() -> NoReturn:
    """Run nc with the arguments of this process."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

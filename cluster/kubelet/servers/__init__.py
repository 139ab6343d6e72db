"""The built-in servers: what a container of a built-in image becomes after the fork.

Each binds what its plan says before anybody is told that it has started. Single-threaded, on epoll, with nothing of
asyncio: their modules are imported before the fork and shared by all pods.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from kubelet.servers import agnhost, nginx, pages
from kubelet.servers.http import ServerError

__all__ = ["ServerError", "prepare"]

BACKLOG = 1024


def prepare(plan: Mapping[str, Any], address: str, environment: Mapping[str, str]) -> Callable[[], NoReturn]:
    """Bind everything of ``plan`` on ``address`` and return what serves it; ServerError or OSError if it cannot.

    nginx never returns: it takes the place of this process.
    """
    tcp = [_listen(address, port) for port in plan["tcp"]]
    udp = [_bind(address, port) for port in plan["udp"]]
    options, name = plan["options"], environment.get("HOSTNAME", "")
    match plan["server"]:
        case "nginx":
            nginx.become(tcp[0], options, environment)
        case "page":
            return pages.page(options, name).serving(tcp)
        case "http-echo":
            return pages.http_echo(options, name).serving(tcp)
        case "netexec" | "serve-hostname" as kind:
            return agnhost.server(kind, name, udp).serving(tcp)
        case "pause":
            return _pause
        case "refuse":
            return partial(_refuse, options["text"], options["code"])
    raise ServerError(f"no such server: {plan['server']}")


def _listen(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setblocking(False)
    try:
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        raise ServerError(f"listen tcp {address}:{port}: bind: {os.strerror(error.errno or 0).lower()}") from error
    return listener


def _bind(address: str, port: int) -> socket.socket:
    datagrams = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setblocking(False)
    try:
        datagrams.bind((address, port))
    except OSError as error:
        raise ServerError(f"listen udp {address}:{port}: bind: {os.strerror(error.errno or 0).lower()}") from error
    return datagrams


def _pause() -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    while True:
        signal.pause()


def _refuse(text: str, code: int) -> NoReturn:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
    raise SystemExit(code)

"""Turns the plan of a built-in server into sockets that are bound and the function that serves them.

A server binds what its plan says before anybody is told that it has started.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from kubehost.io.binding import bind_socket, socket_family
from kubelet.servers import agnhost, nginx, pages
from kubelet.servers.connect import connect
from kubelet.servers.dialling import Dialler
from kubelet.servers.http import STOP_SIGNALS, Server, ServerError, Sockets
from kubelet.servers.plan import ServerPlan

__all__ = ["ServerError", "prepare"]

BACKLOG = 1024


def prepare(plan: ServerPlan, address: str, environment: Mapping[str, str]) -> Callable[[], NoReturn]:
    """Bind everything of ``plan`` on ``address`` and return what serves it; ServerError or OSError if it cannot.

    What is to end well at a signal has the signals blocked until it serves: from then on it is known to have started.
    nginx never returns: it takes the place of this process.
    """
    sockets = Sockets(
        [_listen(address, port) for port in plan.tcp],
        [_bind(address, port) for port in plan.udp],
        [_listen(address, port) for port in plan.tls],
    )
    options, name = plan.options, environment.get("HOSTNAME", "")
    dialler = Dialler.of(options, address, environment.get("POD_NAMESPACE", "default"))
    match plan.server:
        case "nginx":
            nginx.become(sockets.tcp[0], options, environment)
        case "connect":
            return partial(_connect, options, dialler)
        case "pause":
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            return partial(_pause, options["delay"])
        case "refuse":
            return partial(_refuse, options["text"], options["code"])
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    if plan.server == "netexec":
        return agnhost.netexec_server(options, environment, dialler, sockets).serve
    return _server(plan.server, options, name, sockets).serve


def _server(kind: str, options: Mapping[str, Any], name: str, sockets: Sockets) -> Server:
    match kind:
        case "page":
            return pages.page(options, name, sockets)
        case "http-echo":
            return pages.http_echo(options, name, sockets)
        case "serve-hostname":
            return agnhost.serve_hostname(options, name, sockets)
        case "porter":
            return agnhost.porter(options, name, sockets)
    raise ServerError(f"no such server: {kind}")


def _listen(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket_family(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        bind_socket(listener, (address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        raise ServerError(f"listen tcp {address}:{port}: bind: {os.strerror(error.errno or 0).lower()}") from error
    return listener


def _bind(address: str, port: int) -> socket.socket:
    datagrams = socket.socket(socket_family(address), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        bind_socket(datagrams, (address, port))
    except OSError as error:
        raise ServerError(f"listen udp {address}:{port}: bind: {os.strerror(error.errno or 0).lower()}") from error
    return datagrams


def _pause(delay_seconds: float) -> NoReturn:
    signal.sigwait(STOP_SIGNALS)
    time.sleep(delay_seconds)
    os._exit(0)


def _connect(options: Mapping[str, Any], dialler: Dialler) -> NoReturn:
    outcome = connect(options, dialler)
    if outcome.text:
        sys.stderr.write(outcome.text + "\n")
        sys.stderr.flush()
    raise SystemExit(outcome.code)


def _refuse(text: str, code: int) -> NoReturn:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
    raise SystemExit(code)

"""Turns the plan of a built-in server into bound sockets and the function that serves them.

A server binds all its ports before its start is reported.
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
from kubelet.servers.children import STOP_SIGNALS
from kubelet.servers.connect import connect
from kubelet.servers.dialling import Dialler
from kubelet.servers.messages import Service
from kubelet.servers.plan import ServerError, ServerPlan
from kubelet.servers.server import Server, Sockets

BACKLOG = 1024
SERVICES: Mapping[str, Callable[[Mapping[str, Any], str], Service]] = {
    "page": pages.page,
    "http-echo": pages.http_echo,
    "serve-hostname": agnhost.serve_hostname,
    "porter": agnhost.porter,
}
"""The services that are made from their options and their pod's name alone."""


def prepare(plan: ServerPlan, address: str, environment: Mapping[str, str]) -> Callable[[], NoReturn]:
    """Bind everything of ``plan`` on ``address`` and return what serves it; ServerError or OSError if it cannot.

    A server that a signal ends gracefully has the signals blocked until it serves, as it counts as started from now on.
    nginx never returns: it takes the place of this process.
    """
    sockets = Sockets(
        [_listen(address, port) for port in plan.tcp],
        [_bind(address, port) for port in plan.udp],
        [_listen(address, port) for port in plan.tls],
    )
    options = plan.options
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
        return Server(agnhost.netexec_service(options, environment, dialler), sockets).serve
    if plan.server not in SERVICES:
        raise ServerError(f"no such server: {plan.server}")
    return Server(SERVICES[plan.server](options, environment.get("HOSTNAME", "")), sockets).serve


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

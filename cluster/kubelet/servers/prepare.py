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

from kubelet.servers import agnhost, files, grpchealth, nginx, pages, portforwardtester, webhook
from kubelet.servers.children import STOP_SIGNALS
from kubelet.servers.commands import COMMANDS, Command
from kubelet.servers.connect import connect
from kubelet.servers.dialling import Dialler
from kubelet.servers.listening import ANY_ADDRESS, bind_datagrams, listen
from kubelet.servers.messages import Service
from kubelet.servers.plan import ServerError, ServerPlan
from kubelet.servers.server import Server, Sockets

GO_SIGNAL_EXIT = 2
"""With what Go's runtime exits for a signal that does not kill it, as it does not kill process 1."""


def _backend(options: Mapping[str, Any], name: str) -> Service:
    # Imported here, because no other server needs its models.
    from kubelet.servers.backend.service import backend

    return backend(options, name)


SERVICES: Mapping[str, Callable[[Mapping[str, Any], str], Service]] = {
    "page": pages.page,
    "backend": _backend,
    "http-echo": pages.http_echo,
    "serve-hostname": agnhost.serve_hostname,
    "porter": agnhost.porter,
    "liveness": agnhost.liveness,
    "grpc-health-checking": grpchealth.grpc_health,
    "test-webserver": files.file_server,
    "files": files.document_server,
    "webhook": webhook.webhook,
}
"""The services that are made from their options and their pod's name alone."""


def prepare(plan: ServerPlan, address: str, environment: Mapping[str, str]) -> Callable[[], NoReturn]:
    """Bind everything of ``plan`` on ``address`` and return what serves it; ServerError or OSError if it cannot.

    Of several addresses, with commas between, the first is the pod's own, from which it dials.
    A server that a signal ends gracefully has the signals blocked until it serves, as it counts as started from now on.
    nginx never returns: it takes the place of this process.
    """
    addresses = address.split(",")
    address = addresses[0]
    if plan.server == "nginx-image":
        nginx.run_image(address, plan, environment)
    sockets = Sockets(
        [listen(each, port) for port in plan.tcp for each in addresses],
        [bind_datagrams(each, port) for port in plan.udp for each in addresses],
        [listen(each, port) for port in plan.tls for each in addresses],
    )
    if plan.server == "nginx":
        nginx.become(sockets.tcp[0], plan.options, environment)
    dialler = Dialler.of(plan.options, address, environment.get("POD_NAMESPACE", "default"))
    if program := _program(plan, address, environment, dialler):
        return program
    if plan.server == "guestbook":
        return partial(_serve_guestbook, plan.options, dialler, sockets)
    is_netexec = plan.server == "netexec"
    service = agnhost.netexec_service(plan.options, environment, dialler) if is_netexec else _service(plan, environment)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    return Server(service, sockets).serve


def _serve_guestbook(options: Mapping[str, Any], dialler: Dialler, sockets: Sockets) -> NoReturn:
    # Imported here, because no other server needs it.
    from kubelet.servers.guestbook import UnregisteredError, guestbook

    book, service = guestbook(options, dialler)
    try:
        if options["replica_of"]:
            book.register_with(options["replica_of"])
    except UnregisteredError as error:
        _refuse(str(error), 1)
    Server(service, sockets).serve()


def _program(
    plan: ServerPlan, address: str, environment: Mapping[str, str], dialler: Dialler
) -> Callable[[], NoReturn] | None:
    """Return what runs if it is no server of requests and datagrams, else None."""
    options = plan.options
    match plan.server:
        case "connect":
            return partial(_connect, options, dialler)
        case "pause":
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            return partial(_pause, options["delay"], options.get("text", ""))
        case "refuse":
            return partial(_refuse, options["text"], options["code"])
        case "port-forward-tester":
            listener = listen(address if address != ANY_ADDRESS else options["bind"], options["port"])
            return partial(_serve_one, listener, environment)
        case command if command in COMMANDS:
            return partial(_run, COMMANDS[command], options, environment)
    return None


def _service(plan: ServerPlan, environment: Mapping[str, str]) -> Service:
    if plan.server not in SERVICES:
        raise ServerError(f"no such server: {plan.server}")
    return SERVICES[plan.server](plan.options, environment.get("HOSTNAME", ""))


def _pause(delay_seconds: float, text: str) -> NoReturn:
    # As the first process of a pod that shares its processes, it inherits those that the containers leave.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if text:
        os.write(1, f"{text}\n".encode())
    signal.sigwait(STOP_SIGNALS)
    time.sleep(delay_seconds)
    os._exit(0)


def _connect(options: Mapping[str, Any], dialler: Dialler) -> NoReturn:
    outcome = connect(options, dialler)
    if outcome.text:
        sys.stderr.write(outcome.text + "\n")
        sys.stderr.flush()
    raise SystemExit(outcome.code)


def _serve_one(listener: socket.socket, environment: Mapping[str, str]) -> NoReturn:
    listener.setblocking(True)
    _end_by_signals()
    raise SystemExit(portforwardtester.serve(listener, environment))


def _run(command: Command, options: Mapping[str, Any], environment: Mapping[str, str]) -> NoReturn:
    _end_by_signals()
    raise SystemExit(command(options, environment))


def _end_by_signals() -> None:
    """Let SIGTERM end this process even if it is process 1, for which the kernel ignores what has no handler."""
    for number in STOP_SIGNALS:
        signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(GO_SIGNAL_EXIT)


def _refuse(text: str, code: int) -> NoReturn:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
    raise SystemExit(code)

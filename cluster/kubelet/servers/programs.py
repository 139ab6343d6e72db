"""The built-in programs that are no servers of requests and datagrams: each ends by itself, or by a signal."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, NoReturn

from kubelet.servers.agnhost import portforwardtester
from kubelet.servers.agnhost.commands import COMMANDS, Command
from kubelet.servers.agnhost.connect import connect
from kubelet.servers.agnhost.dialling import Dialler
from kubelet.servers.http.children import STOP_SIGNALS
from kubelet.servers.http.listening import ANY_ADDRESS, listen
from kubelet.spec.server import ServerPlan

GO_SIGNAL_EXIT = 2
"""With what Go's runtime exits for a signal that does not kill it, as it does not kill process 1."""


class Given(NamedTuple):
    """What a program has: its options, its pod's address and environment, and how it connects."""

    options: Mapping[str, Any]
    address: str
    environment: Mapping[str, str]
    dialler: Dialler


def is_program(server: str) -> bool:
    """Tell whether a plan's server is one of these programs."""
    return server in _PROGRAMS or server in COMMANDS


def prepare_program(
    plan: ServerPlan, address: str, environment: Mapping[str, str], dialler: Dialler
) -> Callable[[], NoReturn]:
    """Return what runs the program of a plan, whose sockets are bound; ServerError, OSError."""
    if plan.server in COMMANDS:
        return partial(_run, COMMANDS[plan.server], plan.options, environment)
    return _PROGRAMS[plan.server](Given(plan.options, address, environment, dialler))


def _prepare_pause(given: Given) -> Callable[[], NoReturn]:
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    return partial(_pause, given.options["delay"], given.options.get("text", ""))


def _prepare_tester(given: Given) -> Callable[[], NoReturn]:
    host = given.address if given.address != ANY_ADDRESS else given.options["bind"]
    return partial(_serve_one, listen(host, given.options["port"]), given.environment)


def _prepare_out_of_window(given: Given) -> Callable[[], NoReturn]:
    # Imported here, as the next ones, because no other program needs it.
    from kubelet.servers.outofwindow import prepare

    serve = prepare(given.environment)
    _end_by_signals()
    return serve


def _prepare_half_close(given: Given) -> Callable[[], NoReturn]:
    from kubelet.servers.agnhost.halfclose import run_at_once

    return partial(_run, lambda options, _: run_at_once(options, given.dialler), given.options, given.environment)


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


def refuse(text: str, code: int) -> NoReturn:
    """Write why a program cannot run, and exit."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
    raise SystemExit(code)


def _prepare_mtls_server(given: Given) -> Callable[[], NoReturn]:
    from kubelet.servers.agnhost.mutualtls import serve

    listener = listen(given.address, given.options["port"])
    _end_by_signals()
    return partial(serve, listener, given.options)


def _prepare_mtls_client(given: Given) -> Callable[[], NoReturn]:
    from kubelet.servers.agnhost.mutualtls import poll

    return partial(_run, poll, given.options, given.environment)


_PROGRAMS: Mapping[str, Callable[[Given], Callable[[], NoReturn]]] = {
    "connect": lambda given: partial(_connect, given.options, given.dialler),
    "mtlsclient": _prepare_mtls_client,
    "mtlsserver": _prepare_mtls_server,
    "net-runner": _prepare_half_close,
    "out-of-window": _prepare_out_of_window,
    "pause": _prepare_pause,
    "port-forward-tester": _prepare_tester,
    "refuse": lambda given: partial(refuse, given.options["text"], given.options["code"]),
}

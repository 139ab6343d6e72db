"""agnhost's ``net``: two programs that leave a connection half closed, one at each end of it.

Its state at the way between them is CLOSE_WAIT then. Follows k8s.io/kubernetes ``test/images/agnhost/net``.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kubelet.servers.agnhost.dialling import Dialler, LookupFailedError
from kubelet.servers.agnhost.golog import log
from kubelet.servers.http.listening import listen
from kubelet.servers.http.messages import Request, Response, Service
from kubelet.spec.server import LOW_PORTS_END, ServerError

_Say = Callable[[str], None]


class RunnerError(Exception):
    """A runner cannot do its work; ``lines`` are what it said until then."""

    def __init__(self, text: str, lines: str = "") -> None:
        super().__init__(text)
        self.lines = lines


def run_at_once(options: Mapping[str, Any], dialler: Dialler) -> int:
    """Run ``options["runner"]`` with its own ``options["options"]``, a JSON object; return the exit code."""
    try:
        said, code = execute(options["runner"], options["options"], dialler), 0
    except RunnerError as error:
        log(f"Error: {error}")
        said, code = error.lines, 1
    os.write(1, f"output:\n\n{said}".encode())
    return code


def net_server(dialler: Dialler, delay_seconds: float) -> Service:
    """Return the service that runs what a POST to ``/run/NAME`` asks for."""

    def respond(request: Request) -> Response:
        runner = request.path.removeprefix("/run/")
        if not request.path.startswith("/run/") or "/" in runner:
            return Response(404, b"404 page not found\n")
        if not request.body:
            return Response(400, b"Missing request body\n")
        return Response(200, b"", later=partial(_answer, runner, request.body.decode(errors="replace"), dialler))

    return Service(respond, (), delay_seconds=delay_seconds)


def _answer(runner: str, options: str, dialler: Dialler) -> Response:
    try:
        return Response(200, f"ok\noutput:\n\n{execute(runner, options, dialler)}".encode())
    except RunnerError as error:
        return Response(500, f"Error from runner: {error}\noutput:\n\n{error.lines}\n".encode())


def execute(runner: str, text: str, dialler: Dialler) -> str:
    """Run a runner to its end and return what it said; RunnerError."""
    lines: list[str] = []
    try:
        work = _RUNNERS[runner]
    except KeyError:
        raise RunnerError(f"Invalid runner: '{runner}', see --help") from None
    try:
        options = json.loads(text)
        log(f"Options: {options}")
        work(options, dialler, lambda line: lines.append(f"# {line}\n"))
    except (ValueError, AttributeError) as error:
        raise RunnerError(f"Invalid options JSON: {error}") from error
    except (OSError, ServerError, LookupFailedError) as error:
        raise RunnerError(str(error), "".join(lines)) from error
    return "".join(lines)


def _serve(options: Mapping[str, Any], dialler: Dialler, say: _Say) -> None:
    """End the sending side of the first connection, and keep it so for a while."""
    host, port = _place(options.get("LocalAddr", ""))
    here = port + dialler.shift if port < LOW_PORTS_END else port
    with listen(host or dialler.source, here) as listener:
        listener.setblocking(True)
        say(f"Server listening on {options.get('LocalAddr')}")
        connection, _ = listener.accept()
        with connection:
            say("Client connected")
            connection.shutdown(socket.SHUT_WR)
            seconds = options.get("PostFinTimeoutSeconds", 0)
            say(f"Server sent FIN, waiting {seconds} seconds")
            time.sleep(seconds)
    say("Done")


def _connect(options: Mapping[str, Any], dialler: Dialler, say: _Say) -> None:
    """Wait for the other side's end, and leave this side open for a while."""
    host, port = _place(options.get("RemoteAddr", ""))
    connection = dialler.connect(dialler.resolve(host), port, socket.SOCK_STREAM, options.get("TimeoutSeconds") or None)
    say("Connected to server")
    if connection.recv(1):
        raise OSError("Got data but expected EOF")
    seconds = options.get("PostFinTimeoutSeconds", 0)
    say(f"Server has half-closed the connection, waiting {seconds} seconds")
    time.sleep(seconds)
    if options.get("LeakConnection"):
        connection.detach()
    connection.close()
    say("Done")


def _place(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise OSError(f"address {text}: missing port in address")
    return host.strip("[]"), int(port)


_RUNNERS: Mapping[str, Callable[[Mapping[str, Any], Dialler, _Say], None]] = {
    "nat-closewait-client": _connect,
    "nat-closewait-server": _serve,
}

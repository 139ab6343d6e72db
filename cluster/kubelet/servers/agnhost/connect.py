"""``agnhost connect``: one connection, and its result in one word.

Writes UNKNOWN, DNS, TIMEOUT, REFUSED or OTHER to stderr and exits with 1, or writes nothing and exits with 0. Follows
k8s.io/kubernetes ``test/images/agnhost/connect``.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

from kubehost.errortexts import errno_text
from kubelet.servers.agnhost.dialling import Dialler, LookupFailedError

MAX_REPLY = 64 * 1024


class ConnectResult(NamedTuple):
    """The exit code, and the text for stderr."""

    code: int
    text: str = ""


def connect(options: Mapping[str, Any], dialler: Dialler) -> ConnectResult:
    """Try to reach ``options["destination"]``."""
    destination: str = options["destination"]
    host, colon, number = destination.rpartition(":")
    if not colon:
        return ConnectResult(1, f"UNKNOWN: address {destination}: missing port in address")
    if not number.isdecimal() or int(number) > 65535:
        return ConnectResult(1, f"DNS: lookup tcp/{number}: unknown port")
    try:
        return _reach(dialler.resolve(host.strip("[]")), int(number), options, dialler)
    except LookupFailedError as error:
        return ConnectResult(1, f"DNS: {error}")
    except OSError as error:
        return ConnectResult(1, _verdict(error))


def _verdict(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "TIMEOUT"
    if isinstance(error, ConnectionRefusedError):
        return "REFUSED"
    return f"OTHER: {errno_text(error)}"


def _reach(address: str, port: int, options: Mapping[str, Any], dialler: Dialler) -> ConnectResult:
    """Connect; over UDP, where that proves nothing, also send a question and wait for the answer."""
    kind = socket.SOCK_DGRAM if options["protocol"] == "udp" else socket.SOCK_STREAM
    with dialler.connect(address, port, kind, options["timeout"] or None) as sock:
        if kind is socket.SOCK_DGRAM:
            sock.send(f"{options['data']}\n".encode())
            if not sock.recv(MAX_REPLY):
                return ConnectResult(1, "OTHER: No data received from the server.")
    return ConnectResult(0)

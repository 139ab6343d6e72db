"""Messages of exec, attach and port-forward in a WebSocket: the number of a channel as one byte, then content. Pure.

Follows apimachinery ``pkg/util/remotecommand`` (channel.k8s.io, its v4 and v5) and apiserver ``pkg/util/wsstream``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.streaming.websocket import TUNNEL_PROTOCOL
from kubeapiserver.errors import BadInput
from kubeapiserver.responses.statuses import encode

FIRST_PROTOCOL = "channel.k8s.io"
COMMAND_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", FIRST_PROTOCOL)
PORT_PROTOCOLS = (TUNNEL_PROTOCOL, "v4.channel.k8s.io")
"""Without v5: Python's client offers it for port-forward, but uses v4."""
BASE64_READER = "base64.binary.k8s.io"
READER_PROTOCOLS = ("binary.k8s.io", BASE64_READER)
"""For a log: the bytes as they are, or as text."""

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_CHANNELS = {"stdout": STDOUT, "stderr": STDERR}


class Input(NamedTuple):
    """Bytes for the process."""

    content: bytes


class EndOfInput(NamedTuple):
    """The client has closed the input."""


class Resize(NamedTuple):
    """The new size of the client's terminal, in columns and rows."""

    width: int
    height: int


Incoming = Input | EndOfInput | Resize


def choose_protocol(offered: Sequence[str], spoken: Sequence[str]) -> str:
    """Return the first of ``spoken`` that the client offers, "" if it offers none at all; BadInput if none matches."""
    for each in spoken:
        if each in offered:
            return each
    if offered:
        message = f"unable to upgrade: no protocol of {list(offered)} is supported, wants one of {list(spoken)}"
        raise BadInput(message)
    return ""


def read_message(message: bytes) -> Incoming | None:
    """Return what a client's message means, None if it is irrelevant."""
    if not message:
        return None
    channel, content = message[0], message[1:]
    if channel == STDIN:
        return Input(content) if content else None
    if channel == CLOSE and content[:1] == bytes([STDIN]):
        return EndOfInput()
    return read_resize(content) if channel == RESIZE else None


def read_resize(content: bytes) -> Resize | None:
    """Read ``{"Width":111,"Height":33}``."""
    try:
        size = json.loads(content)
        width, height = size["Width"], size["Height"]
    except (ValueError, KeyError, TypeError):
        return None
    is_size = all(isinstance(each, int) and 0 <= each < 65536 for each in (width, height))
    return Resize(width, height) if is_size else None


def log_message(content: bytes, protocol: str) -> bytes | str:
    """Return the message of some bytes of a log: of text for the one protocol that wants it."""
    return base64.b64encode(content).decode() if protocol == BASE64_READER else content


def output_message(stream: str, content: bytes) -> bytes:
    """Return a message with output."""
    return bytes([_CHANNELS[stream]]) + content


def exit_status(code: int) -> JSON:
    """Return the Status of a command that has ended."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def status_message(status: JSON, protocol: str) -> bytes | None:
    """Return the last message of a command, which has its Status; in the first protocol only a failure has one."""
    if protocol != FIRST_PROTOCOL:
        return bytes([ERROR]) + encode(status)
    return None if status["status"] == "Success" else bytes([ERROR]) + status["message"].encode()

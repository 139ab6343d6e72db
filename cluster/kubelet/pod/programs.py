"""What runs in pods as a program of this machine, for who looks at processes and sockets. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from kubeapi.meta import ObjectKey

_TAKEN = re.compile(rb"address (?:is )?already in use|EADDRINUSE|errno 98\b", re.IGNORECASE)
"""How programs say that somebody has their address: strerror(3) of EADDRINUSE, as C, Go, Java, Node and Python do."""
_LONGEST = 200


class Program(NamedTuple):
    """A running container that is no built-in server; ``started_at`` is in seconds since the epoch.

    ``ports`` are those that it declares, by protocol; ``is_probed`` says that a probe decides whether it is ready.
    """

    pod: ObjectKey
    container: str
    pid: int
    pod_ip: str
    started_at: float
    ports: tuple[tuple[str, int], ...]
    is_probed: bool


def taken_address(log: Iterable[bytes]) -> str:
    """Return the last line in which a program says that somebody has its address, "" if there is none."""
    lines = [line for line in log if _TAKEN.search(line)]
    return " ".join(lines[-1].decode(errors="replace").split())[:_LONGEST] if lines else ""

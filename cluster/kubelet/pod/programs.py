"""The programs of this machine that run in pods, and what their logs say about taken addresses. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from kubeapi.meta import ObjectKey

_TAKEN = re.compile(rb"address (?:is )?already in use|EADDRINUSE|errno 98\b", re.IGNORECASE)
"""What programs write when another process has their address: C, Go, Java, Node and Python all use strerror(3)."""
_LONGEST = 200
"""Characters of the line that is returned."""

PLACE_OF_ITS_OWN = "in a sandbox it would have all addresses to itself (kubesvc up --sandbox namespaces)"
"""What would let a program without sandboxes listen on all addresses."""


class RunningProgram(NamedTuple):
    """A running container that is not a built-in server; ``started_at`` is in seconds since the epoch.

    ``ports`` are the declared ones as (protocol, bound port). ``is_probed``: a probe decides whether it is ready.
    ``is_sandboxed``: it has a network of its own, with the pod; or, with ``is_host_network``, that of the nodes.
    """

    pod: ObjectKey
    container: str
    pid: int
    pod_ip: str
    started_at: float
    ports: tuple[tuple[str, int], ...]
    is_probed: bool
    is_sandboxed: bool = False
    is_host_network: bool = False

    @property
    def shares_network(self) -> bool:
        """Whether other pods have the same network, and so the same addresses."""
        return not self.is_sandboxed or self.is_host_network


def taken_address(log: Iterable[bytes]) -> str:
    """Return the last line of a log which says that the program's address is taken, "" if there is none."""
    lines = [line for line in log if _TAKEN.search(line)]
    return " ".join(lines[-1].decode(errors="replace").split())[:_LONGEST] if lines else ""


def taken_text(container: str, said: str, pod_ip: str, *, is_sandboxed: bool) -> str:
    """Return the event of a container in a shared network that has ended with ``said``, as its address is taken."""
    whose, remedy = (
        ("pods with hostNetwork share that of all nodes", "")
        if is_sandboxed
        else ("pods share this machine's", f"; {PLACE_OF_ITS_OWN}")
    )
    return (
        f'container {container} has ended as its address is taken ("{said}"): every program in '
        f"{'such a pod' if is_sandboxed else 'a pod'} has to bind $POD_IP ({pod_ip}), not all addresses, as {whose}"
        f"{remedy}"
    )

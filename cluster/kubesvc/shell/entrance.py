"""Where the cluster's network is, and what a program needs there. Pure.

The running cluster answers it on its control socket; the command line enters by it.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Entrance(NamedTuple):
    """``agent`` is the process in whose namespaces the cluster's network is.

    ``nodes`` are the names of the nodes, the first one first; ``dns_address`` is the name server's in the cluster and
    ``zone`` the cluster's domain. ``folder`` is for files that a program needs, ``hosts`` the nodes' /etc/hosts, and
    ``kubeconfig`` leads to the API server, inside as outside. ``namespaces`` are the names of those that there are,
    ``namespace`` that of short names where none is asked for.
    """

    agent: int
    nodes: tuple[str, ...]
    dns_address: str
    zone: str
    folder: str
    hosts: str
    kubeconfig: str
    namespaces: tuple[str, ...] = ()
    namespace: str = "default"

    @classmethod
    def read(cls, document: dict[str, Any]) -> Entrance:
        """Read the answer of the control socket."""
        lists = {name: tuple(document.get(name, ())) for name in ("nodes", "namespaces")}
        return cls(**{**document, **lists})

"""What a built-in server takes from the place where it runs. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubelet.tools.scripts import ClusterDNS


class ServerHost(NamedTuple):
    """``bind_port`` returns the port to bind in place of the one that is asked for.

    ``nginx`` is the path of the real one, "" where there is none. ``dns`` is where clients ask for the cluster's names,
    None where the C library does. ``served`` are the paths at which something of the container's own is mounted.
    """

    bind_port: Callable[[int], int]
    nginx: str = ""
    dns: ClusterDNS | None = None
    served: tuple[str, ...] = ()

    @property
    def shift(self) -> int:
        """How far ports below 1024 have moved; clients in pods add it."""
        return self.bind_port(80) - 80

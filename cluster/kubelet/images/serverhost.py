"""What a built-in server takes from the place where it runs. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubelet.tools.scripts import ClusterDNS


class ServerHost(NamedTuple):
    """``bind_port`` returns the port to bind on ``address`` in place of the one that is asked for.

    ``nginx`` is the path of the real one, "" where there is none. ``dns`` is where clients ask for the cluster's names,
    None where the C library does. ``served`` are the paths at which something of the container's own is mounted.
    ``address`` is the pod's (those of a node, with commas between), or "" for all addresses, which a pod with a network
    of its own may bind. With ``is_sandboxed`` the container has a file system of its own, with the files of its image
    (``layer``).
    """

    bind_port: Callable[[int], int]
    nginx: str = ""
    dns: ClusterDNS | None = None
    served: tuple[str, ...] = ()
    address: str = ""
    is_sandboxed: bool = False

    def is_served(self, path: str) -> bool:
        """Tell whether something of the container's own is mounted at a path, above or below it."""
        return any(f"{each}/".startswith(f"{path}/") or f"{path}/".startswith(f"{each}/") for each in self.served)

    @property
    def shift(self) -> int:
        """How far ports below 1024 have moved; clients in pods add it."""
        return self.bind_port(80) - 80

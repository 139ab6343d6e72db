"""The cluster's network and pods' as places for sockets, which an agent makes."""

from __future__ import annotations

import errno
from collections.abc import Callable
from socket import SocketType

from kubehost.addresses import Address
from kubehost.io.places import Place
from kubehost.io.socketsource import SocketSource
from kubehost.socketmessages import CLUSTER


class AgentPlace:
    """Implements ``Place`` by the sockets of a source: the cluster's network, or a pod's, ``network``.

    For a pod that has no network (any more) the sockets are ``otherwise``'s, the cluster's: as from the node.
    """

    def __init__(
        self,
        name: str,
        bind: Callable[[str, int], Address],
        source: SocketSource,
        network: str = CLUSTER,
        otherwise: Place | None = None,
    ) -> None:
        self.name = name
        self.bind = bind
        self._source = source
        self._network = network
        self._otherwise = otherwise

    def socket(self, family: int, kind: int, protocol: int = 0) -> SocketType:
        """Return a new, non-blocking socket."""
        try:
            return self._source.take(self._network, (family, kind, protocol))
        except OSError as error:
            if self._otherwise is None or error.errno != errno.ENXIO:
                raise
            return self._otherwise.socket(family, kind, protocol)

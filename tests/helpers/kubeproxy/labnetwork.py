"""A ``PodNetwork`` as the network of a proxy: the cluster's place and pods' beside the host's."""

from __future__ import annotations

import errno
from socket import AF_NETLINK
from socket import socket as Socket  # noqa: N812  # a class, as in podnetwork

from tests.helpers.direct_network import DirectNetwork
from tests.helpers.kubeproxy.podnetwork import PodNetwork

from kubehost.addresses import Address
from kubehost.io.places import Place


class LabPlace:
    """A place in a ``PodNetwork``, the cluster's for ""; without one there is no network (ENETDOWN)."""

    def __init__(self, owner: LabNetwork, pod: str = "") -> None:
        self.name = pod or "cluster"
        self._owner = owner
        self._pod = pod

    def bind(self, address: str, port: int) -> Address:
        """Return the arguments."""
        return address, port

    def socket(self, family: int, kind: int, protocol: int = 0) -> Socket:
        """Return a new, non-blocking socket."""
        owner = self._owner
        if owner.network is None:
            raise OSError(errno.ENETDOWN, "the networks of the pods are gone")
        if family == AF_NETLINK and owner.refuses_netlink:
            raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")
        made = owner.network.socket(self._pod, family, kind, protocol)
        made.setblocking(False)
        return made


class LabNetwork(DirectNetwork):
    """``network`` may be set to another one, or to None, for as long as there is none."""

    def __init__(self, network: PodNetwork | None) -> None:
        super().__init__()
        self.network = network
        self.refuses_netlink = False
        self._cluster = LabPlace(self)
        self.places = (*self.places, self._cluster)

    def place(self, client: str, target: str) -> Place:
        """Return where a connection to a pod begins; the rest is the host's."""
        is_pod = target.startswith(("127.244.", "10.244.", "fd00:10:244:"))
        return self._cluster if is_pod else self.places[0]

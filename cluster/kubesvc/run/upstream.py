"""What a cluster is whose objects are another one's: it runs no pods, decides nothing, and takes no writes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from kubeapi.meta import ObjectKey
from kubeapi.registry import Registry
from kubeapiserver.streaming.runtime import Runtime
from kubeproxy.tunnels import Tunnel, TunnelReader
from kubesvc.network.loopback import LoopbackNetwork
from kubesvc.run.recorders import EventRecorders

if TYPE_CHECKING:
    from kubesvc.config import ClusterConfiguration


class Upstream(Protocol):
    """The other cluster, which takes the place of kubelet, controllers and scheduler: ``start``, then ``parts``."""

    @property
    def read_only(self) -> str:
        """Why the API takes no writes, and where they belong: the end of a sentence."""
        ...

    @property
    def runtime(self) -> Runtime:
        """What logs, exec and port-forward of a pod lead to."""
        ...

    def open_tunnel(self, address: str, port: int, reader: TunnelReader) -> Tunnel | None:
        """Open a connection to an endpoint without a socket; None for one that a socket leads to."""
        ...

    async def start(self) -> None:
        """Fill the Store; StartError."""
        ...

    def parts(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """Return what runs as long as the cluster does, by name."""
        ...

    def renew(self) -> None:
        """Go on in the cluster's network, which is another one than before."""
        ...

    def waiting_for(self) -> list[str]:
        """Return what the Store is not full yet for, a sentence each."""
        ...

    def document(self) -> dict[str, str]:
        """Return its part of the status document."""
        ...

    def not_carried(self, service: ObjectKey) -> list[str]:
        """Return what does not work of a Service, a sentence each."""
        ...

    def problems(self) -> list[str]:
        """Return what does not work of the whole, a sentence each."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Surroundings:
    """What an upstream finds of the cluster that it fills."""

    def __init__(
        self, config: ClusterConfiguration, registry: Registry, network: LoopbackNetwork, recorders: EventRecorders
    ) -> None:
        self.config = config
        self.registry = registry
        self.network = network
        self.recorders = recorders


MakeUpstream = Callable[[Surroundings], Upstream]

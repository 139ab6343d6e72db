"""What the local API answers for the pods of the remote cluster: their ports by the gateways, all else over there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import NoReturn

from kubeapi.meta import ObjectKey
from kubeapi.metrics.usage import PodUsage, no_usage
from kubeapi.objects.pod import read_pod
from kubeapi.podoptions import PodExecOptions, PodLogOptions
from kubeapi.scheme import PODS
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapiserver.streaming.runtime import ContainerIO
from kubehost.addresses import Address
from kubehost.io.connecting import TCPSocket, connect, tcp_socket
from kubehost.network import Network
from kubeproxy.types import IPV4


class RemoteRuntime:
    """Implements kubeapiserver's ``Runtime``. ``context`` is the remote cluster's, for the texts."""

    def __init__(self, store: Store, network: Network, context: str) -> None:
        self._store = store
        self._network = network
        self._context = context

    def logs(self, pod: ObjectKey, options: PodLogOptions) -> AsyncGenerator[bytes, None]:
        """Refuse."""
        self._refuse("logs", pod, f" -c {options.container}" if options.container else "")

    async def exec(self, pod: ObjectKey, options: PodExecOptions) -> ContainerIO:
        """Refuse."""
        self._refuse("exec", pod, f" -- {' '.join(options.command)}")

    def attach(self, pod: ObjectKey, container: str, *, has_stdin: bool) -> ContainerIO:
        """Refuse."""
        del has_stdin
        self._refuse("attach", pod, f" -c {container}" if container else "")

    def port_address(self, pod: ObjectKey, port: int) -> Address:
        """Return the socket address of the pod's gateway; StatusError for a pod without one."""
        address = read_pod(self._store.get(PODS, *pod)).ip_of(IPV4)
        if address is None:
            raise StatusError(400, "BadRequest", f"pod {pod.name} has no address yet")
        return self._network.dial(address, port)

    def socket_to(self, address: str) -> TCPSocket:
        """Return a socket to dial a gateway, the caller's; OSError."""
        return tcp_socket(self._network.place("", address), address)

    async def open_port(self, pod: ObjectKey, port: int) -> TCPSocket:
        """Return a socket that is connected to the pod's gateway, the caller's; OSError."""
        target = self.port_address(pod, port)
        return await connect(self._network.place("", target[0]), target)

    def usage(self) -> Mapping[ObjectKey, PodUsage]:
        """Return nothing: what the pods use is measured over there."""
        return no_usage()

    def _refuse(self, verb: str, pod: ObjectKey, more: str) -> NoReturn:
        self._store.get(PODS, *pod)
        command = f"kubectl --context {self._context} -n {pod.namespace} {verb} {pod.name}{more}"
        message = (
            f"pod {pod.name} is in the cluster of context {self._context}, which kubesvc only mirrors: `{command}`"
        )
        raise StatusError(501, "NotImplemented", message)

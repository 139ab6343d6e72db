"""Relays in the cluster's network for servers of this machine: those of ``externalHosts``, and the proxy's own two.

The proxy answers /healthz at every node's address and /metrics at localhost, as kube-proxy does on a node. A pod that
connects to an external host's address comes out of its own network in the cluster's, where a relay answers at that
address. Connections of a proxied Service go to the server itself.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial

from kubehost.addresses import LOCALHOST, Address
from kubehost.io.binding import bind_socket
from kubehost.io.places import Place
from kubesvc.config import ClusterConfiguration
from kubesvc.network.loopback import LoopbackNetwork

_CHUNK = 64 * 1024
_log = logging.getLogger(__name__)


class OutsideRelays:
    """One relay for each external host with a server, and for the proxy's; ``serve`` runs them in a place.

    ``served`` has each server's socket address on this machine by its address in the cluster.
    """

    def __init__(self, config: ClusterConfiguration, network: LoopbackNetwork) -> None:
        self.served = {
            (config.plan.address(each.address), each.port): network.dial(each.address, each.port)
            for each in config.external_hosts
            if each.is_served
        } | dict(_of_the_proxy(config))
        self._relaying: set[asyncio.Task[None]] = set()

    async def serve(self, place: Place, has_changed: asyncio.Event) -> None:
        """Relay until cancelled; ``has_changed`` is set whenever the place is another network."""
        try:
            while True:
                has_changed.clear()
                with ExitStack() as stack:
                    for address, server in self.served.items():
                        try:
                            stack.callback((await self._listen(place, address, server)).close)
                        except OSError as error:
                            _log.warning(
                                "%s:%d cannot be reached in the cluster's network: %s", *address, error.strerror
                            )
                    await has_changed.wait()
        finally:
            for task in self._relaying:
                task.cancel()
            await asyncio.gather(*self._relaying, return_exceptions=True)

    async def _listen(self, place: Place, address: Address, server: Address) -> asyncio.Server:
        listener = socket.socket(fileno=place.socket(socket.AF_INET, socket.SOCK_STREAM).detach())
        try:
            bind_socket(listener, address)
            return await asyncio.start_server(partial(self._relay, server), sock=listener)
        except BaseException:
            listener.close()
            raise

    async def _relay(self, server: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect to the server and carry bytes both ways until both ends have finished."""
        task = asyncio.current_task()
        assert task is not None
        self._relaying.add(task)
        writers = [writer]
        try:
            there, back = await asyncio.open_connection(*server)
            writers.append(back)
            async with asyncio.TaskGroup() as group:
                group.create_task(_carry(reader, back))
                group.create_task(_carry(there, writer))
        except OSError:
            # A reset, as near to the refusal as it can be once the connection is there.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            self._relaying.discard(task)
            for each in writers:
                each.close()


def _of_the_proxy(config: ClusterConfiguration) -> Iterator[tuple[Address, Address]]:
    """Yield where /healthz and /metrics are in the cluster's network, and on this machine."""
    nodes = tuple(config.plan.address(each.address) for each in config.nodes)
    for text, hosts in (
        (config.proxy.healthz_bind_address, (LOCALHOST, *nodes)),
        (config.proxy.metrics_bind_address, (LOCALHOST,)),
    ):
        host, _, port = text.rpartition(":")
        # An address of a node is this machine's too, where the machine has it; localhost is not the same in both.
        yield from (((each, int(port)), (host, int(port))) for each in hosts if text)


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
        target.write_eof()

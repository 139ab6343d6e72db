"""Where a name server listens: its sockets by place, and the tasks that serve them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from kubedns.io.connections import Connection, Connections, Later
from kubedns.io.datagrams import Datagrams
from kubedns.io.sockets import Sockets, bind
from kubedns.responder import Responder
from kubehost.addresses import Address
from kubehost.io.places import Place


class Failure(NamedTuple):
    """An address that could not be bound; ``error`` names the address, the port and the protocol."""

    address: Address
    error: OSError


class Listening(NamedTuple):
    """The result of binding, address by address."""

    bound: tuple[Address, ...]
    failed: tuple[Failure, ...]


class Listeners:
    """``listen`` binds in a place, at any time; ``serve`` answers there until it is cancelled, then closes all."""

    def __init__(self, responder: Responder, later: Later, connections: Connections) -> None:
        self._responder = responder
        self._later = later
        self._connections = connections
        self._sockets: dict[str, list[Sockets]] = {}
        self._tasks: dict[Sockets, asyncio.Task[None]] = {}
        self._datagrams: set[Datagrams] = set()
        self._group: asyncio.TaskGroup | None = None

    def listen(self, place: Place, addresses: Iterable[Address]) -> Listening:
        """Bind every address in a place, in place of the sockets of an earlier one of its name."""
        self._close(place.name)
        opened, failed = self._sockets.setdefault(place.name, []), []
        for address in addresses:
            try:
                opened.append(bind(place, address))
            except OSError as error:
                failed.append(Failure(address, error))
        for each in opened:
            self._start(each)
        return Listening(self.addresses(place), tuple(failed))

    def move(self, place: Place, addresses: Iterable[Address]) -> None:
        """Listen at other addresses of a place, and go on at those that stay; OSError without any change."""
        opened, wanted = self._sockets.setdefault(place.name, []), set(addresses)
        added: list[Sockets] = []
        try:
            added += (bind(place, each) for each in wanted - {each.address for each in opened})
        except OSError:
            for each in added:
                each.close()
            raise
        for each in [each for each in opened if each.address not in wanted]:
            opened.remove(each)
            self._end(each)
        opened += added
        for each in added:
            self._start(each)

    def answer_by(self, responder: Responder, later: Later) -> None:
        """Let others answer from now on."""
        self._responder = self._connections.responder = responder
        self._later = self._connections.later = later
        for each in self._datagrams:
            each.responder, each.later = responder, later

    def addresses(self, place: Place) -> tuple[Address, ...]:
        """Return the addresses that are bound in a place."""
        return tuple(each.address for each in self._sockets.get(place.name, ()))

    async def serve(self) -> None:
        """Answer until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for opened in self._sockets.values():
                    for each in opened:
                        self._start(each)
                await asyncio.get_running_loop().create_future()
        finally:
            self._group = None
            self.close()

    def close(self) -> None:
        """Give all addresses back."""
        for name in tuple(self._sockets):
            self._close(name)

    def _start(self, sockets: Sockets) -> None:
        if self._group is not None:
            name = f"dns {sockets.address[0]}:{sockets.address[1]}"
            self._tasks[sockets] = self._group.create_task(self._serve(sockets), name=name)

    async def _serve(self, sockets: Sockets) -> None:
        loop = asyncio.get_running_loop()
        datagrams = Datagrams(sockets.udp, self._responder, self._later)
        self._datagrams.add(datagrams)
        loop.add_reader(sockets.udp.fileno(), datagrams.drain)
        try:
            server = await loop.create_server(lambda: Connection(self._connections), sock=sockets.tcp)
            try:
                await server.serve_forever()
            finally:
                server.close()
        finally:
            self._datagrams.discard(datagrams)
            loop.remove_reader(sockets.udp.fileno())
            sockets.close()

    def _close(self, name: str) -> None:
        for sockets in self._sockets.pop(name, []):
            self._end(sockets)

    def _end(self, sockets: Sockets) -> None:
        task = self._tasks.pop(sockets, None)
        if task is None:
            sockets.close()
        else:
            task.cancel()

"""The API server of one cluster: its address, certificate, token and kubeconfig, composed.

It listens on 127.0.0.1 alone; default/kubernetes leads there through the proxy, as in any cluster. The address, the
token and the certificate are kept, so that a kubeconfig stays good from one run to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import re
import secrets
import socket
import time
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from kubeaggregator.io.extensions import Extensions
from kubeapi.io.client import Client
from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.users import API_SERVER
from kubeapiserver.apiserver import APIServer
from kubeapiserver.auth.access import Access
from kubeapiserver.auth.authentication import Authenticator
from kubeapiserver.streaming.runtime import Runtime
from kubeapiserver.wire.largerequests import LargeRequests
from kubeapiserver.wire.server import APIServerListener, Backend, Flush
from kubehost.addresses import LOCALHOST
from kubehost.io.binding import bind_socket
from kubehost.io.places import Place
from kubehost.io.privatefiles import write_private
from kubesvc.addresses.plan import AddressPlan
from kubesvc.network.translation import translate
from kubesvc.run.api.kubeconfig import Kubeconfig, MergeError, context_name, merge, take_out
from kubesvc.run.api.published import Published
from kubesvc.run.oserrors import oserror_text

if TYPE_CHECKING:
    from pathlib import Path

    from kubeapi.metrics.traffic import TrafficSource
    from kubeapi.registry import Registry
    from kubesvc.run.cluster import Cluster
    from kubesvc.state.directory import StateDirectory

_log = logging.getLogger(__name__)

HOST = LOCALHOST
PORT = 6443
"""kubeadm's. The next choice follows from the cluster's name: kubectl caches discovery by the server's address."""
_NAMED_PORTS = (6444, 1000)
_TOKEN_BYTES = 32
_TOKEN = re.compile("[!-~]+")
"""Characters that a header can carry. A file with any others is not a token that kubesvc wrote."""


class ClusterAPI:
    """``bind``, then ``serve``, then ``close``.

    While it serves, the file ``user_kubeconfig`` has the cluster's context too.
    """

    def __init__(self, cluster: Cluster, user_kubeconfig: Path | None) -> None:
        self._config = cluster.configuration
        self._state = cluster.state
        self._registry = cluster.registry
        self._identity = cluster.components.identity
        self._published = Published(cluster)
        self._components = cluster.components
        self._user_kubeconfig = user_kubeconfig
        self._listener: APIServerListener | None = None
        self._socket: socket.socket | None = None
        self.extensions: Extensions | None = None
        self.port = 0
        self.read_only = cluster.read_only
        """Why no client may write, "" if they may."""

    @property
    def address(self) -> str:
        """Its URL."""
        return f"https://{HOST}:{self.port}"

    def bind(self) -> None:
        """Bind the port and point default/kubernetes to it; OSError."""
        self._socket = self._bound()
        self.port = self._socket.getsockname()[1]
        write_private(self._state.api_port, f"{self.port}\n")
        self._published.publish_address(self.port)

    async def keep(self) -> None:
        """Keep what every cluster has, and watch over extension API servers; runs until it is cancelled."""
        assert self.extensions is not None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._published.keep(self.port), name="bootstrap objects")
            tasks.create_task(self.extensions.run(), name="extension API servers")

    async def serve(self, runtime: Runtime, traffic: TrafficSource, flush: Flush) -> None:
        """Start to serve, and write the kubeconfig; OSError, MergeError."""
        assert self._socket is not None
        identity = self._identity
        certificate, token = identity.certificate, self._token()
        authenticator = Authenticator(token, None if self.read_only else identity.issuer)

        def api(registry: Registry) -> APIServer:
            admit = partial(_admit, self._config.plan)
            address = f"{HOST}:{self.port}"
            server = APIServer(registry, clock=time.time, admit=admit, authenticator=authenticator, address=address)
            server.usage.source, server.custom_metrics.source = runtime.usage, traffic
            server.read_only = f"this cluster {self.read_only}" if self.read_only else ""
            return server

        handlers = api(self._registry)
        large = LargeRequests(self._registry, lambda registry: api(registry).answer, handlers.count)
        self.extensions = self._make_extensions(handlers, runtime)
        access = Access(authenticator, (*identity.addresses, *identity.names))
        backend = Backend(handlers.handle, self._registry.store, flush, large, self.extensions)
        self._listener = APIServerListener(backend, runtime, access)
        await self._listener.start(self._socket, certificate.context())
        kubeconfig = Kubeconfig(context_name(self._state.name), self.address, certificate.authority, token)
        write_private(self._state.kubeconfig, kubeconfig.text())
        if self._user_kubeconfig is not None:
            await asyncio.to_thread(merge, self._user_kubeconfig, kubeconfig, self._state.merge_note)

    def _make_extensions(self, handlers: APIServer, runtime: Runtime) -> Extensions:
        client = Client(self._registry, API_SERVER, self._components.admissions)
        made = Extensions(handlers.extensions, client, runtime, lambda: self._identity.proxy_certificate.path)
        self._components.controllers.servers.source = made.told
        return made

    async def serve_inside(self, place: Place, has_changed: asyncio.Event) -> None:
        """Serve in the cluster's network too, at the same port; runs until cancelled.

        ``has_changed`` is set whenever the network is a new one. kubectl works there at 127.0.0.1 as on this machine.
        """
        while True:
            has_changed.clear()
            with contextlib.ExitStack() as stack:
                for host in dict.fromkeys((HOST, self._identity.endpoint)):
                    try:
                        stack.callback((await self._listen_inside(place, host)).close)
                    except OSError as error:
                        text = "the API server cannot be reached at %s in the cluster's network: %s"
                        _log.warning(text, host, oserror_text(error))
                await has_changed.wait()

    async def _listen_inside(self, place: Place, host: str) -> asyncio.Server:
        assert self._listener is not None
        inside = socket.socket(fileno=place.socket(socket.AF_INET, socket.SOCK_STREAM).detach())
        try:
            bind_socket(inside, (host, self.port))
            return await self._listener.listen(inside)
        except BaseException:
            inside.close()
            raise

    async def close(self) -> None:
        """End watches and sessions and close every connection."""
        if self._listener is not None:
            await self._listener.close()
        if self._socket is not None:
            self._socket.close()
        try:
            await asyncio.to_thread(take_out, self._state.merge_note)
        except (MergeError, OSError) as error:
            _log.warning("the user's kubeconfig still has the cluster: %s", error)

    def _token(self) -> str:
        """Return the token of this cluster; generates it on first use."""
        try:
            kept = self._state.token.read_text().strip()
        except (OSError, UnicodeDecodeError):
            kept = ""
        if len(kept) < _TOKEN_BYTES or not _TOKEN.fullmatch(kept):
            kept = secrets.token_urlsafe(_TOKEN_BYTES)
            write_private(self._state.token, f"{kept}\n")
        return kept

    def _bound(self) -> socket.socket:
        for port in self._ports():
            bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                bind_socket(bound, (HOST, port))
                # With SO_REUSEADDR two sockets may be bound to one port, but only one may listen.
                bound.listen(1024)
            except OSError as error:
                bound.close()
                if error.errno != errno.EADDRINUSE or port == 0:
                    raise
            else:
                return bound
        raise OSError(errno.EADDRINUSE, "no free port")

    def _ports(self) -> Iterator[int]:
        """Yield the ports to try: the last run's, kubeadm's, the name's own, any."""
        first, count = _NAMED_PORTS
        kept = _read_port(self._state)
        if kept:
            yield kept
        yield from (PORT, first + zlib.crc32(self._state.name.encode()) % count, 0)


def _admit(plan: AddressPlan, _resource: Resource, obj: JSON) -> tuple[JSON, Sequence[str]]:
    """Translate a Service's addresses as ``up`` does; returns the object and the warnings."""
    translated, notes = translate(obj, plan)
    return translated, [f"{note.path}: {note}" for note in notes]


def _read_port(state: StateDirectory) -> int:
    try:
        port = int(state.api_port.read_text())
    except (OSError, ValueError):
        return 0
    return port if 0 < port < 65536 else 0

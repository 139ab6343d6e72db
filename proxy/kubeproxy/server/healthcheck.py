"""kube-proxy's two HTTP servers: health (10256) and metrics (10249).

A port that is taken only costs that server, never a Service: ``problems`` says which port it is, and which process has
it.
"""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from kubeapi.failures import Failures
from kubehost.io.binding import bind_socket, socket_family
from kubeproxy.portowner import PortOwner, explain_bind_error, find_port_owner
from kubeproxy.server.httpserving import TEXT, Handle, Said, serving

VERBOSE = "?verbose"

Answer = Callable[[], Awaitable[tuple[int, str, str]]]
"""Returns status, content type and body."""


class Site(NamedTuple):
    """What is served at an address, by path; ``setting`` says where the address is set.

    A path with ``?verbose`` is what is answered when that is asked for.
    """

    what: str
    setting: str
    address: tuple[str, int]
    answers: dict[str, Answer]


class HealthcheckServer:
    """Serves answers by path at each of its addresses; ``requests`` counts them by path and status."""

    def __init__(self, failures: Failures, owner_name: Callable[[PortOwner], str] = str) -> None:
        self._failures = failures
        self._owner_name = owner_name
        self.problems: list[str] = []
        self.addresses: list[tuple[str, int]] = []
        self.requests: Counter[tuple[str, int]] = Counter()

    @contextlib.asynccontextmanager
    async def serve(self, sites: list[Site]) -> AsyncIterator[None]:
        """Serve the sites while the context lasts."""
        async with contextlib.AsyncExitStack() as stack:
            for site in sites:
                try:
                    sock = _bind(*site.address)
                except OSError as error:
                    self.problems.append(self._problem(site, error))
                    continue
                self.addresses.append(sock.getsockname()[:2])
                await stack.enter_async_context(serving(sock, self._handler(site.answers)))
            yield

    def _problem(self, site: Site, error: OSError) -> str:
        owner = find_port_owner(*site.address)
        reason = explain_bind_error(error, *site.address, owner=self._owner_name(owner) if owner else "")
        return f"{site.what} is not served: {reason}; {site.setting} sets another address"

    def _handler(self, answers: dict[str, Answer]) -> Handle:
        async def handle(path: str, query: str) -> Said:
            is_verbose = any(each.partition("=")[0] == "verbose" for each in query.split("&"))
            answer = (answers.get(path + VERBOSE) if is_verbose else None) or answers.get(path)
            if answer is None:
                return Said(404, TEXT, "404 page not found\n")
            try:
                said = Said(*await answer())
            except Exception as failure:
                self._failures.note("kube-proxy", f"GET {path}", failure)
                said = Said(500, TEXT, "internal error")
            self.requests[path, said.status] += 1
            return said

        return handle


def _bind(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket_family(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        bind_socket(sock, (address, port))
        sock.listen()
    except OSError:
        sock.close()
        raise
    return sock

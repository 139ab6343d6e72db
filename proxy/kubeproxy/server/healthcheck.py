"""kube-proxy's two HTTP servers: health (10256) and metrics (10249).

aiohttp is imported when a server starts, because its import is slow. A port that is taken only costs that server, never
a Service: ``problems`` says which port it is, and which process has it.
"""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from kubeapi.failures import Failures
from kubehost.io.binding import bind_socket, socket_family
from kubeproxy.portowner import PortOwner, explain_bind_error, find_port_owner

if TYPE_CHECKING:
    from aiohttp import web

VERBOSE = "?verbose"
HEAD_SECONDS = 32.0
"""How long a client may take for its request, as at the API server, or be silent between two."""

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
                await self._open(stack, sock, site.answers)
            yield

    def _problem(self, site: Site, error: OSError) -> str:
        owner = find_port_owner(*site.address)
        reason = explain_bind_error(error, *site.address, owner=self._owner_name(owner) if owner else "")
        return f"{site.what} is not served: {reason}; {site.setting} sets another address"

    async def _open(self, stack: contextlib.AsyncExitStack, sock: socket.socket, answers: dict[str, Answer]) -> None:
        from aiohttp import web

        application = web.Application()
        for path, answer in answers.items():
            if not path.endswith(VERBOSE):
                handler = self._handler(path, answer, answers.get(path + VERBOSE, answer))
                application.router.add_get(path, handler)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0, keepalive_timeout=HEAD_SECONDS)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, sock).start()

    def _handler(self, path: str, answer: Answer, verbose: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        from aiohttp import web

        async def handle(request: web.Request) -> web.Response:
            try:
                status, content_type, body = await (verbose if "verbose" in request.query else answer)()
            except Exception as failure:
                self._failures.note("kube-proxy", f"GET {path}", failure)
                status, content_type, body = 500, "text/plain; charset=utf-8", "internal error"
            self.requests[path, status] += 1
            headers = {"Content-Type": content_type, "X-Content-Type-Options": "nosniff"}
            return web.Response(status=status, body=body.encode(), headers=headers)

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

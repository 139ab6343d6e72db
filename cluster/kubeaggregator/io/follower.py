"""Watches over the extension API server of one APIService: whether it answers, and what it offers.

Follows kube-aggregator ``controllers/status/remote``, ``handler_discovery.go`` and ``controllers/openapiv3``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from kubeaggregator import availability, discovery, openapi
from kubeaggregator.authentication import CHECKER, OLD_CHECKER, SPECIFIER, user_headers
from kubeaggregator.availability import PASSED, Verdict, failed_check, prejudge, status_with
from kubeaggregator.io.server import DOCUMENT_ERRORS, READING_ERRORS, ExtensionServer
from kubeapi.extensions.apis import ExtensionAPIs, Offer
from kubeapi.io.client import Client
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.apiservice import APIService
from kubeapi.objects.endpointslice import read_endpoint_slice, service_of_slice
from kubeapi.objects.service import read_target
from kubeapi.registry import Registry
from kubeapi.scheme import APISERVICES, ENDPOINTSLICES, SERVICES
from kubeapi.status import StatusError
from kubeapi.users import User

NAME = "kube-aggregator"


class Follower:
    """``run`` until it is cancelled; ``server`` returns the present connections of the APIService."""

    def __init__(
        self, name: str, apis: ExtensionAPIs, client: Client, server: Callable[[APIService], ExtensionServer]
    ) -> None:
        self._name = name
        self._apis = apis
        self._client = client
        self._store = client.registry.store
        self._server = server
        self._may_differ = asyncio.Event()
        self._may_offer = asyncio.Event()
        self._swagger_tag = ""

    async def run(self) -> None:
        """Ask the server again and again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self._judge, self._may_differ, availability.backoff))
            tasks.create_task(self._repeat(self._read_offer, self._may_offer, discovery.backoff))

    def note_change(self) -> None:
        """Ask soon, as the APIService is another one."""
        self._may_differ.set()
        self._may_offer.set()

    def note_status(self) -> None:
        """Ask soon what the server offers: its availability has changed."""
        self._may_offer.set()

    def note_endpoints(self, service: ObjectKey) -> None:
        """Ask soon whether the server answers, if this is its Service."""
        api = self._apis.named(self._name)
        if api is not None and api.service is not None and api.service.key == service:
            self._may_differ.set()

    async def _repeat(
        self, step: Callable[[APIService], Awaitable[bool]], wanted: asyncio.Event, backoff: Callable[[int], float]
    ) -> None:
        """Take a step whenever it is wanted, and after a while; a step tells whether the server has answered."""
        failures = 0
        while (api := self._apis.named(self._name)) is not None:
            wanted.clear()
            has_answered = False
            with self._store.failures.guard(NAME, f"APIService {self._name}"):
                has_answered = await step(api)
            failures = 0 if has_answered else failures + 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(backoff(failures)):
                    await wanted.wait()

    async def _judge(self, api: APIService) -> bool:
        verdict = self._prejudged(api)
        is_asked = verdict is None
        if verdict is None:
            verdict = await self._ask(api)
        await self._write(verdict)
        # What the objects say changes with them.
        return verdict.is_available or not is_asked

    def _prejudged(self, api: APIService) -> Verdict | None:
        assert api.service is not None
        key = api.service.key
        service = self._store.find(SERVICES, key)
        listed = (each for each in self._store.list(ENDPOINTSLICES, key.namespace) if service_of_slice(each) == key)
        return prejudge(api, read_target(service) if service else None, map(read_endpoint_slice, listed))

    async def _ask(self, api: APIService) -> Verdict:
        # The real one makes all attempts at once. Most succeed, and each takes a TLS handshake of both sides.
        if not (failure := await self._attempt(api)):
            return PASSED
        others = await asyncio.gather(*(self._attempt(api) for _ in range(availability.ATTEMPTS - 1)))
        return failed_check(failure) if all(others) else PASSED

    async def _attempt(self, api: APIService) -> str:
        """Ask once for the resources; returns what went wrong, "" for success."""
        server = self._server(api)
        try:
            place = server.locate()
        except StatusError as error:
            return error.message
        url = f"https://{place.shown}{api.path}"
        try:
            async with asyncio.timeout(availability.CHECK_SECONDS):
                async with await server.request(place, "GET", api.path, user_headers(CHECKER)) as answer:
                    fault = "" if 200 <= answer.status < 300 else f"bad status from {url}: {answer.status}"
        except TimeoutError:
            fault = f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        except DOCUMENT_ERRORS as error:
            fault = f'Get "{url}": {server.failure(error, place)}'
        return f"failing or missing response from {url}: {fault}" if fault else ""

    async def _write(self, verdict: Verdict) -> None:
        def attempt(registry: Registry) -> None:
            found = registry.store.find(APISERVICES, ObjectKey("", self._name))
            if found is None:
                return
            status = status_with(found, verdict, time.time())
            if status != found.get("status"):
                registry.update_status(APISERVICES, {**found, "status": status})

        with contextlib.suppress(StatusError):  # refused by a webhook: the next check writes again
            await self._client.write(attempt)

    async def _read_offer(self, api: APIService) -> bool:
        server, before = self._server(api), self._apis.offer(api)
        try:
            resources = await self._resources(server, api)
        except (*DOCUMENT_ERRORS, *READING_ERRORS):
            self._keep(before._replace(resources=(), is_current=False))
            return False
        self._keep(before._replace(resources=resources, is_current=True))
        with contextlib.suppress(*DOCUMENT_ERRORS, *READING_ERRORS):
            self._keep(self._apis.offer(api)._replace(openapi=await self._openapi(server, api)))
        with contextlib.suppress(*DOCUMENT_ERRORS, *READING_ERRORS):
            await self._read_swagger(server, api)
        return True

    async def _read_swagger(self, server: ExtensionServer, api: APIService) -> None:
        """Read the OpenAPI v2 document, unless it is the same as before."""
        before = [("If-None-Match", self._swagger_tag)] if self._swagger_tag else []
        headers = [("Accept", "application/json"), *before, *user_headers(SPECIFIER)]
        found = await server.document("/openapi/v2", headers, openapi.SECONDS)
        if found.status == 200:
            self._keep(self._apis.offer(api)._replace(swagger=openapi.read_swagger(found.body, api)))
            self._swagger_tag = found.tag

    def _keep(self, offer: Offer) -> None:
        self._apis.offers[self._name] = offer

    async def _resources(self, server: ExtensionServer, api: APIService) -> tuple[JSON, ...]:
        """Return the version's resources, from aggregated discovery or else from the older form."""
        headers = [("Accept", discovery.ACCEPT), *user_headers(CHECKER)]
        found = await server.document("/apis", headers, availability.CHECK_SECONDS)
        if found.status == 503:
            raise OSError(0, "the server is not available")
        if found.status == 200 and discovery.is_aggregated(found.media_type):
            return discovery.read_aggregated(found.body).get((api.group, api.version), ())
        body = await self._get(server, api.path, OLD_CHECKER, availability.CHECK_SECONDS)
        return discovery.read_resource_list(body)

    async def _openapi(self, server: ExtensionServer, api: APIService) -> dict[str, str]:
        found = await self._get(server, "/openapi/v3", SPECIFIER, openapi.SECONDS)
        return openapi.read_index(found, api.group)

    async def _get(self, server: ExtensionServer, path: str, user: User, seconds: float) -> bytes:
        headers = [("Accept", "application/json"), *user_headers(user)]
        found = await server.document(path, headers, seconds)
        if found.status != 200:
            raise OSError(0, f"{path}: status {found.status}")
        return found.body

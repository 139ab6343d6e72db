"""Calls of admission webhooks over HTTPS, and the request that waits for them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from tests.helpers.kubeapiserver.server import FakeRuntime

from kubeapi.meta import ObjectKey
from kubeapi.status import InternalError, StatusError
from kubeapi.webhooks.calls import CALLS_LIMIT, Call, CallNeeded, Outcome, Reviews, ServicePort
from kubeapiserver.errors import ServiceUnavailable
from kubeapiserver.messages import Request, Response
from kubeapiserver.proxying.location import Location, Proxying
from kubeapiserver.wire.handling import RequestHandler
from kubeapiserver.wire.keys.certificates import server_certificate
from kubeapiserver.wire.webhooks import WebhookCaller

HOST = "127.86.0.2"
NAME = "hook.default.svc"
HOOK = ServicePort("default", "hook", 443)
POST = f'Post "https://{NAME}:443/check?timeout=5s"'


class Endpoints(Proxying):
    """Every Service has one endpoint; ``refusal``: it has none."""

    def __init__(self, refusal: StatusError | None = None) -> None:
        self.refusal = refusal

    def endpoint(self, service: ObjectKey, port: str) -> Location:
        if self.refusal is not None:
            raise self.refusal
        assert (service, port) == (ObjectKey("default", "hook"), "443")
        return Location("10.0.0.1", 8443, "hook-1")


async def call(wanted: Call, runtime: FakeRuntime, refusal: StatusError | None = None) -> Outcome:
    return await WebhookCaller(runtime, Endpoints(refusal)).call(wanted)


@contextlib.asynccontextmanager
async def webhook(folder: Path) -> AsyncIterator[tuple[Call, FakeRuntime]]:
    """Serve a webhook that answers with the name, the path and the body that it is given."""
    certificate = server_certificate(folder / "certificate", (), (NAME,), time.time())

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/broken":
            return web.Response(status=500, text="oh")
        if request.path == "/refusing":
            return web.json_response({"kind": "Status", "message": "teapot"}, status=400)
        if request.path == "/silent":
            return web.Response(content_type="application/json")
        body = (await request.read()).decode()
        return web.Response(text=f"{request.host} {request.path_qs} {request.content_type} {body}")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0, ssl_context=certificate.context())
    await site.start()
    port = runner.addresses[0][1]
    url, authority = f"https://{NAME}:443/check?timeout=5s", certificate.authority.encode()
    try:
        yield Call("u", url, NAME, b"{}", authority, 5, HOOK), FakeRuntime(address=(HOST, port))
    finally:
        await runner.cleanup()


async def test_a_service_s_webhook_is_called_at_its_endpoint_by_its_name(tmp_path: Path) -> None:
    async with webhook(tmp_path) as (wanted, runtime):
        said = b"hook.default.svc:443 /check?timeout=5s application/json {}"
        assert await call(wanted, runtime) == Outcome("u", said)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"authority": None},
            f"{POST}: tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ),
        (
            {"server_name": "other.default.svc"},
            f"{POST}: tls: failed to verify certificate: x509: certificate is not valid for other.default.svc",
        ),
        ({"authority": b"no certificate"}, f'Post "https://{NAME}:443/check?timeout=5s": '),
        ({"timeout_seconds": 0}, f'Post "https://{NAME}:443/check?timeout=5s": context deadline exceeded'),
        ({"url": f"https://{NAME}:443/broken"}, 'an error on the server ("oh") has prevented the request'),
        ({"url": f"https://{NAME}:443/refusing"}, "teapot"),
        (
            {"url": f"https://{NAME}:443/silent"},
            "0-length response with status code: 200 and content type: application/json",
        ),
    ],
)
async def test_a_call_that_fails_says_why(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    async with webhook(tmp_path) as (wanted, runtime):
        outcome = await call(wanted._replace(**change), runtime)  # type: ignore[arg-type]
    assert (outcome.body, outcome.failure[: len(reason)]) == (b"", reason)


async def test_nobody_at_the_endpoint_is_a_failure(tmp_path: Path) -> None:
    async with webhook(tmp_path) as (wanted, _):
        refused = await call(wanted, FakeRuntime(address=(HOST, 1)))
    assert refused.failure.endswith("connection refused")


async def test_a_service_without_endpoints_is_a_failure(tmp_path: Path) -> None:
    async with webhook(tmp_path) as (wanted, runtime):
        refused = await call(wanted, runtime, ServiceUnavailable('no endpoints available for service "hook"'))
    assert refused.failure == f'Post "{wanted.url}": no endpoints available for service "hook"'


async def test_a_request_is_handled_again_with_the_answers(tmp_path: Path) -> None:
    async with webhook(tmp_path) as (wanted, runtime):

        def handle(request: Request) -> Response:
            for question in ("a", "b"):
                reviews = request.reviews or Reviews()
                if question not in reviews.outcomes:
                    keep = partial(reviews.outcomes.__setitem__, question)
                    raise CallNeeded(wanted, keep, reviews)
            return Response(200, " ".join(reviews.outcomes).encode())

        answer = await RequestHandler(handle, None, runtime, Endpoints()).answer(Request("POST", "/"))
        assert isinstance(answer, Response)
        assert answer.body == b"a b"


async def test_a_request_that_always_needs_another_answer_fails() -> None:
    wanted = Call("u", "https://127.86.0.2:1/", "", b"", None, 5)

    async def handle(_: Request) -> Response:
        raise CallNeeded(wanted, lambda _: None)

    with pytest.raises(InternalError, match=f"{CALLS_LIMIT} calls"):
        await WebhookCaller(FakeRuntime(), Endpoints()).answered(
            handle, Request("POST", "/"), CallNeeded(wanted, lambda _: None)
        )

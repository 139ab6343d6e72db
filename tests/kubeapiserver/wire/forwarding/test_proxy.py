"""Requests that go on to a pod, through a real listener to a real backend."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from tests.helpers.kubeapiserver.server import Door, FakeRuntime, served

from kubeapi.meta import ObjectKey
from kubeapi.scheme import PODS
from kubeapi.status import NotFound
from kubeapiserver.messages import Proxied, Request
from kubeapiserver.wire.keys.certificates import server_certificate

HOST = "127.86.0.1"
PREFIX = "/api/v1/namespaces/default/pods/web/proxy"
LARGE = 5 * 1024 * 1024


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    """Be a backend with a path for each thing that one can do."""
    match request.path:
        case "/ws":
            return await talk(request)
        case "/cut":
            return await break_off(request)
        case "/echo" | "/count":
            body = b"".join([each async for each in request.content.iter_any()])
            return web.Response(body=io.BytesIO(body) if request.path == "/echo" else str(len(body)).encode())
        case "/page":
            return web.Response(text=f'<a href="/x">x</a><a href="http://{request.host}/y">', content_type="text/html")
        case "/moved":
            return web.Response(status=302, headers={"Location": "/there"})
    said = {**request.headers, "method": request.method, "path": request.path_qs}
    return web.json_response({name.lower(): value for name, value in said.items()})


async def talk(request: web.BaseRequest) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(f"echo {message.data}")
    return socket


async def break_off(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    assert request.transport is not None
    request.transport.abort()
    return response


@contextlib.asynccontextmanager
async def backend(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve ``answer``; yields the port."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def proxied_to(port: int, scheme: str = "http", pod: str = "web") -> AsyncIterator[Door]:
    """Serve an API server that sends everything on to the port."""

    def handle(request: Request) -> Proxied:
        path, _, query = request.target.removeprefix(PREFIX).partition("?")
        return Proxied(scheme, "default", pod, HOST, port, PREFIX, path, query)

    async with served(handle, runtime=FakeRuntime(address=(HOST, port))) as door:
        yield door


@pytest.mark.parametrize("method", ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"])
async def test_method_path_and_headers_go_on(method: str) -> None:
    async with backend() as port, proxied_to(port) as door:
        headers = {"X-Mine": "1"}
        async with door.client.request(method, f"{PREFIX}/some/path?a=b", headers=headers) as reply:
            said = await reply.json()
    assert (said["method"], said["path"], said["x-mine"]) == (method, "/some/path?a=b", "1")
    assert said["x-forwarded-uri"] == f"{PREFIX}/some/path"
    assert said["host"].startswith("127.114.0.1:")
    assert "authorization" not in said


async def test_a_head_request_has_an_answer_without_body() -> None:
    async with backend() as port, proxied_to(port) as door, door.client.head(f"{PREFIX}/page") as reply:
        assert (reply.status, await reply.read()) == (200, b"")


async def test_bodies_longer_than_the_apis_limit_go_through_both_ways() -> None:
    async with backend() as port, proxied_to(port) as door:
        async with door.client.post(f"{PREFIX}/count", data=io.BytesIO(b"x" * LARGE)) as reply:
            assert await reply.text() == str(LARGE)
        async with door.client.post(f"{PREFIX}/count", data=_chunks()) as reply:
            assert await reply.text() == "30"
        async with door.client.post(f"{PREFIX}/echo", data=io.BytesIO(b"x" * LARGE)) as reply:
            assert len(await reply.read()) == LARGE


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"0123456789"


async def test_links_and_redirects_lead_through_the_proxy() -> None:
    async with backend() as port, proxied_to(port) as door:
        async with door.client.get(f"{PREFIX}/page") as reply:
            assert await reply.text() == f'<a href="{PREFIX}/x">x</a><a href="{PREFIX}/y">'
        async with door.client.get(f"{PREFIX}/moved", allow_redirects=False) as reply:
            assert (reply.status, reply.headers["Location"]) == (302, f"{PREFIX}/there")


async def test_a_backend_may_sign_its_certificate_itself(tmp_path: Path) -> None:
    context = server_certificate(tmp_path / "certificate", (HOST,), (), time.time()).context()
    async with backend(context) as port, proxied_to(port, "https") as door:
        async with door.client.get(f"{PREFIX}/x") as reply:
            assert (await reply.json())["path"] == "/x"
        async with door.client.ws_connect(f"{PREFIX}/ws") as socket:
            await socket.send_str("a")
            assert (await socket.receive()).data == "echo a"


async def test_a_websocket_is_a_tunnel() -> None:
    async with backend() as port, proxied_to(port) as door, door.client.ws_connect(f"{PREFIX}/ws") as socket:
        for number in range(3):
            await socket.send_str(str(number))
            assert (await socket.receive()).data == f"echo {number}"
        await socket.close()
        assert (await socket.receive()).type is WSMsgType.CLOSED


async def test_an_upgrade_that_is_refused_is_not_tunnelled() -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "tea"}
    async with backend() as port, proxied_to(port) as door, door.client.get(f"{PREFIX}/x", headers=headers) as reply:
        assert (reply.status, (await reply.json())["message"]) == (
            500,
            "Internal error occurred: invalid upgrade response: status code 200",
        )


@pytest.mark.parametrize("headers", [{}, {"Connection": "Upgrade", "Upgrade": "websocket"}])
async def test_a_pod_that_cannot_be_reached_is_reported_with_kubernetes_text(headers: dict[str, str]) -> None:
    async with proxied_to(1) as door, door.client.get(f"{PREFIX}/", headers=headers) as reply:
        status = await reply.json()
    assert (reply.status, status["reason"]) == (503, "ServiceUnavailable")
    assert status["message"] == f"error trying to reach service: dial tcp {HOST}:1: connect: connection refused"


async def test_half_an_answer_does_not_look_like_a_whole_one() -> None:
    async with backend() as port, proxied_to(port) as door, door.client.get(f"{PREFIX}/cut") as reply:
        with pytest.raises(aiohttp.ClientPayloadError):
            await reply.read()


async def test_an_endpoint_that_is_no_pod_of_ours_is_dialled_where_it_says() -> None:
    class Unknown(FakeRuntime):
        def port_address(self, pod: ObjectKey, port: int) -> tuple[str, int]:
            raise NotFound(PODS, pod.name)

    async with backend() as port:

        def handle(_request: Request) -> Proxied:
            return Proxied("http", "default", "web", HOST, port, PREFIX, "/x", "")

        async with served(handle, runtime=Unknown()) as door, door.client.get(f"{PREFIX}/x") as reply:
            assert reply.status == 200


async def test_a_client_that_leaves_ends_the_tunnel() -> None:
    before = asyncio.all_tasks()
    async with backend() as port, proxied_to(port) as door:
        socket = await door.client.ws_connect(f"{PREFIX}/ws")
        await socket.send_str("a")
        await socket.receive()
        assert socket._response.connection is not None
        assert socket._response.connection.transport is not None
        socket._response.connection.transport.abort()
        await socket.close()
    assert not [each for each in asyncio.all_tasks() - before if each.get_name() == "proxy tunnel"]

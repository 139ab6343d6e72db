"""Large bodies are worked off in a thread: the loop goes on meanwhile, and alone changes anything."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.helpers.kubeapiserver.client import admit_unchanged
from tests.helpers.patience import PATIENCE

from kubeapi.meta import JSON
from kubeapi.registry import Registry, RegistryConfig, bootstrap
from kubeapi.scheme import CONFIGMAPS, SERVICES
from kubeapi.store import Store
from kubeapiserver.apiserver import APIServer
from kubeapiserver.auth.authentication import Authenticator
from kubeapiserver.messages import Answer, Request, Response
from kubeapiserver.wire.largerequests import ATTEMPTS, LargeRequests

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
NODE_PORTS = (30000, 30099)


def registry() -> Registry:
    made = Registry(
        Store(), RegistryConfig(node_port_range=NODE_PORTS), clock=lambda: 1_790_000_000.0, rng=random.Random(1)
    )
    bootstrap(made)
    return made


def request(method: str, path: str, body: JSON, media: str = "application/json") -> Request:
    return Request.of(method, path, {"content-type": media})._replace(body=json.dumps(body).encode())


def api_server(of: Registry) -> APIServer:
    return APIServer(of, clock=lambda: 1_790_000_000.0, admit=admit_unchanged, authenticator=Authenticator("t0ken"))


@contextmanager
def off_loop(of: Registry) -> Iterator[tuple[LargeRequests, APIServer]]:
    server = api_server(of)
    made = LargeRequests(of, lambda shadow: api_server(shadow).answer, server.count)
    try:
        yield made, server
    finally:
        made.close()


def status_of(answer: Answer) -> int:
    assert isinstance(answer, Response)
    return answer.status


def config_map(name: str, count: int = 2000, **more: Any) -> JSON:
    return {"metadata": {"name": name, **more}, "data": {f"key-{number}": "value" for number in range(count)}}


async def test_the_loop_goes_on_while_a_request_is_worked_off() -> None:
    has_turned = threading.Event()

    def handle(_request: Request) -> Answer:
        assert has_turned.wait(PATIENCE)
        return Response(200, b"")

    made = LargeRequests(registry(), lambda _: handle, lambda *_: None)
    asyncio.get_running_loop().call_soon(has_turned.set)
    assert status_of(await made.handle(request("POST", "/", {}))) == 200
    made.close()


async def test_the_loop_alone_writes() -> None:
    store = registry()
    writers: list[int] = []
    store.store.watch(CONFIGMAPS, 0, lambda _: writers.append(threading.get_ident()))
    with off_loop(store) as (large, _):
        assert status_of(await large.handle(request("POST", CONFIG_MAPS, config_map("a")))) == 201
        patch = {"data": {"more": "x"}}
        media = "application/merge-patch+json"
        assert status_of(await large.handle(request("PATCH", f"{CONFIG_MAPS}/a", patch, media))) == 200
    assert writers == [threading.get_ident()] * 2
    assert len(store.store.get(CONFIGMAPS, "default", "a")["data"]) == 2001


async def test_a_refusal_is_the_same() -> None:
    store = registry()
    with off_loop(store) as (large, server):
        bad = request("POST", CONFIG_MAPS, config_map("NOT A NAME"))
        assert await large.handle(bad) == server.answer(bad)
        again = request("POST", CONFIG_MAPS, config_map("a"))
        assert status_of(await large.handle(again)) == 201
        assert await large.handle(again) == server.answer(again)


async def test_answers_are_counted_with_the_others() -> None:
    with off_loop(registry()) as (large, server):
        await large.handle(request("POST", CONFIG_MAPS, config_map("a")))
        metrics = server.handle(Request.of("GET", "/metrics", {}))
    assert isinstance(metrics, Response)
    assert b'apiserver_request_total{code="201",resource="configmaps",verb="POST"} 1' in metrics.body


async def test_an_object_that_was_changed_meanwhile_is_patched_again() -> None:
    store = registry()
    store.create(CONFIGMAPS, config_map("a"))
    shared, was_changed = store.store, threading.Event()
    update = shared.update

    def late(resource: Any, obj: JSON) -> JSON:
        """Let another writer come first, once."""
        if not was_changed.is_set():
            was_changed.set()
            stored = shared.get(CONFIGMAPS, "default", "a")
            update(CONFIGMAPS, {**stored, "data": {**stored["data"], "other": "kept"}})
        return update(resource, obj)

    shared.update = late  # type: ignore[method-assign]  # what comes in between
    with off_loop(store) as (large, _):
        patch = request("PATCH", f"{CONFIG_MAPS}/a", {"data": {"mine": "x"}}, "application/merge-patch+json")
        assert status_of(await large.handle(patch)) == 200
    stored = shared.get(CONFIGMAPS, "default", "a")["data"]
    assert (stored["other"], stored["mine"]) == ("kept", "x")


async def test_a_conflict_that_stays_is_told() -> None:
    store = registry()
    stored = store.create(CONFIGMAPS, config_map("a"))
    tries = 0

    def counted(answer: Any) -> Any:
        def handle(asked: Request) -> Answer:
            nonlocal tries
            tries += 1
            found: Answer = answer(asked)
            return found

        return handle

    made = LargeRequests(
        store,
        lambda shadow: counted(api_server(shadow).answer),
        lambda *_: None,
    )
    old = {**stored, "metadata": {**stored["metadata"], "resourceVersion": "1"}}
    assert status_of(await made.handle(request("PUT", f"{CONFIG_MAPS}/a", old))) == 409
    assert tries == ATTEMPTS
    made.close()


async def test_node_ports_are_given_once_and_given_back() -> None:
    store = registry()

    def service(name: str, count: int) -> JSON:
        ports = [{"name": f"p{number}", "port": number + 1} for number in range(count)]
        return {"metadata": {"name": name}, "spec": {"type": "NodePort", "ports": ports}}

    path = "/api/v1/namespaces/default/services"
    with off_loop(store) as (large, server):
        many = [large.handle(request("POST", path, service(f"large-{number}", 8))) for number in range(4)]
        too_many = large.handle(request("POST", path, service("too-many", 200)))
        answers = asyncio.gather(*many, too_many)
        for number in range(8):
            assert status_of(server.handle(request("POST", path, service(f"small-{number}", 4)))) == 201
            await asyncio.sleep(0)
        *created, refused = await answers
    assert [status_of(each) for each in created] == [201] * 4
    assert status_of(refused) == 500
    given = [port["nodePort"] for each in store.store.list(SERVICES) for port in each["spec"]["ports"] if
             "nodePort" in port]  # fmt: skip
    assert len(given) == len(set(given)) == 4 * 8 + 8 * 4
    rest = 100 - len(given)
    assert status_of(server.handle(request("POST", path, service("rest", rest)))) == 201


async def test_a_request_that_a_closed_server_still_works_off_writes_nothing() -> None:
    store, has_begun, may_go_on = registry(), threading.Event(), threading.Event()

    def slow(answer: Any) -> Any:
        def handle(asked: Request) -> Answer:
            has_begun.set()
            assert may_go_on.wait(PATIENCE)
            found: Answer = answer(asked)
            return found

        return handle

    made = LargeRequests(store, lambda shadow: slow(api_server(shadow).answer), lambda *_: None)
    working = asyncio.create_task(made.handle(request("POST", CONFIG_MAPS, config_map("a"))))
    await asyncio.to_thread(has_begun.wait, PATIENCE)
    made.close()
    may_go_on.set()
    with pytest.raises(RuntimeError, match="closed"):
        await working
    assert store.store.list(CONFIGMAPS) == []


@pytest.mark.usefixtures("wanted_failures")
async def test_a_fault_in_the_thread_is_the_requests() -> None:
    def handle(_request: Request) -> Answer:
        raise KeyError("what")

    made = LargeRequests(registry(), lambda _: handle, lambda *_: None)
    with pytest.raises(KeyError, match="what"):
        await made.handle(request("POST", "/", {}))
    made.close()

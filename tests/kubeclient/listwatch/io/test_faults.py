"""An API server, or what is between, that misbehaves: what is known stays known, and becomes right again."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest
from tests.helpers.kubeclient.following import Followed, access_to, followed, opened
from tests.helpers.kubeclient.server import (
    Asked,
    Cut,
    Script,
    ScriptedServer,
    added,
    answer,
    bookmark,
    event,
    forever,
    head,
    item,
    listing,
    scripted,
    status,
)

from kubeapi.meta import JSON
from kubeapi.scheme import SERVICES
from kubeclient.io import client
from kubeclient.listwatch import backoff
from kubeclient.listwatch.io import follower, reading
from kubeclient.listwatch.listoptions import SHORT_WATCH_SECONDS

NO_STREAM = answer(status(422, "Invalid", "sendInitialEvents is forbidden for watch"), 422)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have no test wait for a server that has long come back."""
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(backoff, "LONGEST_SECONDS", 0.002)
    monkeypatch.setattr(client, "RETRY_AFTER_LIMIT", 0.001)
    monkeypatch.setattr(follower, "RETRY_AFTER_LIMIT", 0.001)
    yield


def whole(body: bytes) -> Script:
    async def script(_: Asked) -> AsyncIterator[bytes]:
        yield body

    return script


def cut(*pieces: bytes) -> Script:
    async def script(_: Asked) -> AsyncIterator[bytes]:
        for each in pieces:
            yield each
        raise Cut

    return script


def kept_open(*pieces: bytes) -> Script:
    """Send pieces, and keep the connection."""

    async def script(_: Asked) -> AsyncIterator[bytes]:
        for each in pieces:
            yield each
        await forever()

    return script


def ended(*pieces: bytes) -> Script:
    async def script(_: Asked) -> AsyncIterator[bytes]:
        for each in pieces:
            yield each

    return script


async def silent(_: Asked) -> AsyncIterator[bytes]:
    await forever()
    yield b""


@contextlib.asynccontextmanager
async def following(script: Script, **options: Any) -> AsyncIterator[tuple[ScriptedServer, Followed]]:
    """Serve a script, and follow its Services; ``options`` are those of the ListerWatcher."""
    async with (
        scripted(script) as server,
        opened(access_to(server.url)) as opened_client,
        followed(opened_client, **options) as found,
    ):
        yield server, found


IDLE = kept_open(head())
GOOD = whole(answer(listing("a", version=5)))


def play(
    lists: Iterable[Script] = (GOOD,), watches: Iterable[Script] = (IDLE,), streamed: Iterable[bytes] = (NO_STREAM,)
) -> Script:
    """Answer lists and watches with one script after another; the last of each goes on."""
    waiting = {False: list(lists), True: list(watches)}

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        if asked.wants_initial:
            for each in streamed:
                yield each
            return
        scripts = waiting[asked.is_watch]
        chosen = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        async for piece in chosen(asked):
            yield piece

    return script


BUSY = status(429, "TooManyRequests", "the server is busy", details={"retryAfterSeconds": 1})
REFUSED = {
    "busy": BUSY,
    "bad-token": status(401, "Unauthorized", "Unauthorized"),
    "no-permission": status(403, "Forbidden", 'services is forbidden: User "me" cannot list resource "services"'),
    "internal-error": status(500, "InternalError", "etcdserver: leader changed"),
    "starting": status(503, "ServiceUnavailable", "the server is starting"),
}
TRUNCATED = json.dumps(listing("a", "b", version=5)).encode()[:-20]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        *(pytest.param(whole(answer(body, body["code"])), body["message"], id=name) for name, body in REFUSED.items()),
        pytest.param(cut(), "has ended the connection", id="cut-before-the-answer"),
        pytest.param(cut(head(length=500), b'{"items": ['), "has ended the connection", id="cut-in-the-answer"),
        pytest.param(whole(head(length=len(TRUNCATED)) + TRUNCATED), "no JSON object", id="truncated-json"),
        pytest.param(whole(answer([])), "no JSON object", id="a-list-of-json"),
        pytest.param(whole(b"HTTP/1.1 204 No Content\r\n\r\n"), "no JSON object", id="nothing"),
        pytest.param(whole(head(length=100_000) + b"[" * 100_000), "no JSON object", id="deep-json"),
        pytest.param(whole(answer({"kind": "ServiceList"})), "the answer is no list", id="no-list"),
        pytest.param(whole(answer({"metadata": {}, "items": {}})), "the answer is no list", id="no-items"),
        pytest.param(whole(b"SSH-2.0-OpenSSH_9.9\r\n"), "the API server", id="no-http"),
        pytest.param(whole(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 7\r\n\r\n<html/>"), "502: <html/>", id="html"),
        pytest.param(whole(answer({}, 302, {"Location": "/login"})), "the server answers 302", id="login-page"),
        pytest.param(whole(answer(listing("a", token="t"))), "a page leads to itself", id="endless-list"),
    ],
)
async def test_a_list_is_asked_for_until_it_succeeds(fault: Script, problem: str) -> None:
    script = play([*[fault] * 3, silent])
    async with following(script) as (server, found):
        await found.until(lambda _: len(server.lists) >= 4)
        assert problem in found.problem
        assert not found.informer.has_synced
        server.script = play()
        await server.stop()
        await server.start(port=int(server.url.rpartition(":")[2]))
        await found.until(lambda each: each.names == ["a"] and not each.problem)


WATCH_ENDS = {
    "its-time-is-over": (ended(head(), added("b", 6)), "6"),
    "cut": (cut(head(), added("b", 6)), "6"),
    "cut-in-an-event": (cut(head(), added("b", 6) + added("c", 7)[:30]), "6"),
    "ended-in-an-event": (ended(head(), added("b", 6) + added("c", 7)[:30]), "6"),
    "cut-after-a-bookmark": (cut(head(), added("b", 6) + bookmark(9)), "9"),
    "in-small-pieces": (cut(head(), *(bytes([each]) for each in added("b", 6))), "6"),
    "internal-error": (ended(head(), added("b", 6), event("ERROR", status(500, "InternalError"))), "6"),
    "too-many": (ended(head(), added("b", 6), event("ERROR", status(429, "TooManyRequests"))), "6"),
}


@pytest.mark.parametrize(("first", "version"), WATCH_ENDS.values(), ids=WATCH_ENDS)
async def test_a_watch_goes_on_from_its_last_version(first: Script, version: str) -> None:
    newest = whole(answer(listing(version=20)))
    script = play([GOOD, newest], [first, kept_open(head(), added("c", 10))])
    async with following(script) as (server, found):
        await found.until(lambda each: each.names == ["a", "b", "c"])
        assert [each.query["resourceVersion"] for each in server.watches] == ["5", version]
        assert [each.query.get("limit") for each in server.lists] in (["500"], ["500", "1"])
        assert found.problem == ""


GONE = status(410, "Expired", "too old resource version")
TOO_LARGE = status(504, "Timeout", "Too large", details={"causes": [{"reason": "ResourceVersionTooLarge"}]})
LIST_AGAIN = {
    "expired": ended(head(), event("ERROR", GONE)),
    "expired-at-once": whole(answer(GONE, 410)),
    "not-reached": whole(answer(TOO_LARGE, 504)),
    "no-version": whole(answer(status(400, "BadRequest", "invalid resource version"), 400)),
    "no-event": kept_open(head(), b'"hello"\n'),
    "unknown-type": kept_open(head(), event("RENAMED", item("b", 6))),
}


@pytest.mark.parametrize("first", LIST_AGAIN.values(), ids=LIST_AGAIN)
async def test_a_watch_that_cannot_go_on_lists_again(first: Script) -> None:
    script = play([GOOD, whole(answer(listing("b", version=9)))], [first, IDLE])
    async with following(script) as (server, found):
        await found.until(lambda each: each.names == ["b"] and not each.problem)
        await found.until(lambda _: len(server.watches) == 2)
        assert server.watches[1].query["resourceVersion"] == "9"


async def test_a_server_with_another_history_is_listed_again() -> None:
    other = whole(answer(listing("b", version=2)))
    script = play([GOOD, other], [cut(head(), bookmark(9)), IDLE])
    async with following(script) as (server, found):
        await found.until(lambda each: each.names == ["b"])
        await found.until(lambda _: len(server.watches) == 2)
        assert [each.query["resourceVersion"] for each in server.watches] == ["5", "2"]


async def test_a_list_in_pages_that_expires_is_read_in_one_piece() -> None:
    script = play(
        [
            whole(answer(listing("a", "b", version=3, token="next"))),
            whole(answer(GONE, 410)),
            whole(answer(listing("b", "c", version=4))),
        ]
    )
    async with following(script) as (server, found):
        await found.until(lambda each: each.names == ["b", "c"])
        sent = [(each.query.get("limit"), each.query.get("continue")) for each in server.lists]
        assert sent == [("500", None), ("1000", "next"), (None, None)]


def compact(body: JSON, code: int = 200) -> Script:
    """Answer as kube-apiserver writes: without spaces."""
    text = json.dumps(body, separators=(",", ":")).encode()
    return whole(head(code, length=len(text)) + text)


async def test_a_page_is_read_while_the_next_one_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    acts: list[str] = []

    def noted(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def do(*given: Any) -> Any:
            acts.append(name)
            return act(*given)

        return do

    for each in ("text", "read"):
        monkeypatch.setattr(client.APIClient, each, noted(each, getattr(client.APIClient, each)))
    pages = [listing("a", token="two"), listing("b", token="three"), listing("c", version=7)]
    async with following(play([compact(page) for page in pages])) as (server, found):
        await found.until(lambda each: each.names == ["a", "b", "c"])
        assert [asked.query.get("continue") for asked in server.lists] == [None, "two", "three"]
    assert acts == ["text", "text", "read", "text", "read", "read"]


async def test_a_list_whose_next_page_has_expired_meanwhile_is_read_in_one_piece() -> None:
    pages = [compact(listing("a", "b", token="next")), compact(GONE, 410), compact(listing("c", version=4))]
    async with following(play(pages)) as (server, found):
        await found.until(lambda each: each.names == ["c"])
        assert [each.query.get("continue") for each in server.lists] == [None, "next", None]


async def test_objects_stay_known_while_the_server_is_away() -> None:
    async with following(play()) as (server, found):
        await found.until(lambda _: len(server.watches) == 1)
        await server.stop()
        await found.until(lambda each: "cannot be reached" in each.problem)
        assert found.names == ["a"]
        server.script = play([whole(answer(listing("a", "b", version=7)))])
        await server.start(port=int(server.url.rpartition(":")[2]))
        await found.until(lambda each: not each.problem and len(server.watches) == 2)
        assert server.watches[1].query["resourceVersion"] == "5"


async def test_a_server_that_is_down_at_the_start_is_waited_for() -> None:
    server = ScriptedServer(play())
    await server.start()
    await server.stop()
    async with opened(access_to(server.url)) as opened_client, followed(opened_client) as found:
        await found.until(lambda each: "Connection refused" in each.problem)
        assert "context test of test.kubeconfig" in found.problem
        await server.start(port=int(server.url.rpartition(":")[2]))
        await found.until(lambda each: each.names == ["a"] and not each.problem)
        await server.stop()


BUFFERS = {"the-head": silent, "the-body": IDLE}


@pytest.mark.parametrize("first", BUFFERS.values(), ids=BUFFERS)
async def test_a_proxy_that_holds_answers_back_is_asked_for_short_ones(
    monkeypatch: pytest.MonkeyPatch, first: Script
) -> None:
    monkeypatch.setattr(follower, "HEAD_SECONDS", 0.05)
    monkeypatch.setattr(reading, "SILENCE_SECONDS", 0.05)
    script = play([GOOD], [first, ended(head(), added("b", 6))])
    async with following(script) as (server, found):
        await found.until(lambda each: each.names == ["a", "b"])
        assert float(server.watches[0].query["timeoutSeconds"]) >= 300
        assert float(server.watches[1].query["timeoutSeconds"]) == SHORT_WATCH_SECONDS
        assert "holds them back" in found.source.freshness()[found.informer.resource].remark


async def test_a_server_that_streams_lists_is_asked_once() -> None:
    initial = added("a", 1) + added("gone", 2) + event("DELETED", item("gone", 3))
    pieces = (head(), initial, bookmark(4, ends_initial=True) + added("b", 5), added("c", 6))

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        for each in pieces:
            yield each
        await forever()

    async with following(script) as (server, found):
        await found.until(lambda each: each.names == ["a", "b", "c"])
        assert len(server.asked) == 1


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "in-pages"])
async def test_what_has_changed_is_not_held_by_the_list_that_had_it(is_streamed: bool) -> None:
    first = (head(), added("a", 1), bookmark(4, ends_initial=True)) if is_streamed else (head(),)
    seen = asyncio.Event()

    class Kept(dict[str, object]):
        """An object that can be asked whether it is still there."""

    kept = list[weakref.ref[Kept]]()

    def slim(obj: JSON) -> JSON:
        kept.append(weakref.ref(found := Kept(obj)))
        return found

    async def changing(_: Asked) -> AsyncIterator[bytes]:
        for each in (*first, event("MODIFIED", item("a", 6))):
            yield each
        await seen.wait()
        yield added("b", 7)
        await forever()

    script = changing if is_streamed else play([GOOD], [changing])
    async with following(script, slim={SERVICES: slim}) as (_, found):
        await found.until(lambda _: len(kept) == 2)
        seen.set()
        await found.until(lambda each: each.names == ["a", "b"])
        gc.collect()
        assert [each() is None for each in kept] == [True, False, False]


async def test_a_streamed_list_that_is_cut_is_read_in_pages() -> None:
    async with following(play(streamed=(head(), added("x", 1)))) as (server, found):
        await found.until(lambda each: each.names == ["a"] and len(server.watches) == 1)


async def test_a_server_that_takes_a_streamed_list_for_a_watch_is_asked_for_pages() -> None:
    async with following(play(streamed=(head(), added("x", 1), bookmark(2)))) as (server, found):
        await found.until(lambda each: each.names == ["a"] and len(server.watches) == 1)


async def test_a_streamed_list_that_is_held_back_is_read_in_pages_and_watched_shortly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "HEAD_SECONDS", 0.05)
    script = play()

    async def holding_back(asked: Asked) -> AsyncIterator[bytes]:
        async for piece in (silent if asked.wants_initial else script)(asked):
            yield piece

    async with following(holding_back) as (server, found):
        await found.until(lambda each: each.names == ["a"] and len(server.watches) == 1)
        assert float(server.watches[0].query["timeoutSeconds"]) == SHORT_WATCH_SECONDS


async def test_items_that_are_no_objects_are_left_out_and_said() -> None:
    listed = listing("a", version=5)
    listed["items"] += [{}, 7, {"metadata": {"name": 3}}]
    async with following(play([whole(answer(listed))])) as (_, found):
        await found.until(lambda each: each.names == ["a"])
        assert "is no object" in found.source.freshness()[found.informer.resource].remark


async def test_an_object_that_cannot_be_slimmed_harms_no_other_one() -> None:
    def slim(obj: JSON) -> JSON:
        assert obj["metadata"]["name"] != "a"
        return {"metadata": obj["metadata"], "slim": True}

    script = play([whole(answer(listing("a", "b", version=5)))])
    async with following(script, slim={SERVICES: slim}) as (_, found):
        await found.until(lambda each: each.names == ["a", "b"])
        assert ["slim" in each for each in found.informer.cache.values()] == [False, True]


async def test_ten_thousand_services_come_in_one_list() -> None:
    names = [f"service-{number}" for number in range(10_000)]
    async with following(play([whole(answer(listing(*names, version=5)))])) as (_, found):
        await found.until(lambda each: len(each.informer.cache) == len(names))


async def test_a_busy_server_is_asked_again_when_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = whole(answer(status(429, "TooManyRequests", "too many"), 429, {"Retry-After": "1"}))
    async with scripted(play([busy, busy, GOOD])) as server, opened(access_to(server.url)) as opened_client:
        assert len((await opened_client.get("/api/v1/services"))["items"]) == 1
        assert len(server.lists) == 3

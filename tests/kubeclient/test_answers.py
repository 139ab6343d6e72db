"""What an API server sends: lines of a watch, refusals, versions; and when it is asked again."""

from __future__ import annotations

import json
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helpers.kubeclient.server import added, bookmark, event, item, status

from kubeapi.meta import JSON
from kubeapi.scheme import ENDPOINTSLICES, EVENTS_V1, NODES, PODS, SERVICES, Resource
from kubeapi.watching import EventType, WatchEvent
from kubeclient.listwatch import watchlines
from kubeclient.listwatch.backoff import LONGEST_SECONDS, RESET_SECONDS, Backoff
from kubeclient.listwatch.freshness import Freshness, oldest
from kubeclient.listwatch.listoptions import WATCH_SECONDS, is_behind, watch_params
from kubeclient.listwatch.paging import FEWEST_ITEMS, MOST_ITEMS, PAGE_BYTES, Pager, next_token
from kubeclient.listwatch.selection import Selection
from kubeclient.listwatch.slim import PARTS_LIMIT, Sharing, slimmed
from kubeclient.listwatch.watchlines import Bookmark, LineReader, read_events
from kubeclient.paths import path_of
from kubeclient.refusals import Refusal, must_list_again, read_refusal, with_remedy


def read_event(line: bytes, resource: Resource) -> WatchEvent | Bookmark:
    (found,) = read_events([line], resource)
    return found


@given(st.lists(st.binary(min_size=1, max_size=9)), st.integers(1, 7))
def test_lines_are_the_same_in_any_pieces(texts: list[bytes], size: int) -> None:
    lines = [text.replace(b"\n", b"x") for text in texts]
    sent = b"".join(line + b"\n" for line in lines) + b"rest"
    reader, found = LineReader(), list[bytes]()
    for start in range(0, len(sent), size):
        found += reader.feed(sent[start : start + size])
    assert found == lines
    assert reader.is_in_line


def test_a_line_without_end_does_not_take_all_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchlines, "LINE_LIMIT", 10)
    reader = LineReader()
    reader.feed(b"12345\n12345")
    with pytest.raises(ValueError, match="an event of more than"):
        reader.feed(b"678901")


def test_an_event_has_its_object_with_kind_and_version() -> None:
    found = read_event(added("web", 7), ENDPOINTSLICES)
    assert isinstance(found, WatchEvent)
    assert (found.type, found.resource_version) == (EventType.ADDED, "7")
    assert (found.object["kind"], found.object["apiVersion"]) == ("EndpointSlice", "discovery.k8s.io/v1")
    assert read_event(bookmark(8), SERVICES) == Bookmark("8", False)
    assert read_event(bookmark(9, ends_initial=True), SERVICES) == Bookmark("9", True)


def test_an_error_event_is_a_refusal() -> None:
    with pytest.raises(Refusal, match="gone") as refused:
        read_event(event("ERROR", status(410, "Expired", "gone")), SERVICES)
    assert (refused.value.code, refused.value.reason) == (410, "Expired")


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b'{"type":"ADDED"}',
        event("ADDED", {}),
        event("X", item("a")),
        event("ADDED", {"metadata": 1}),
    ],
)
def test_what_is_no_event_is_told_from_one(line: bytes) -> None:
    with pytest.raises(ValueError):
        read_event(line, SERVICES)


def test_a_refusal_has_the_servers_words() -> None:
    details = {"kind": "services", "name": "web", "retryAfterSeconds": 3}
    causes = [{"reason": "FieldValueInvalid", "field": "spec", "message": "bad"}]
    body = json.dumps(status(422, "Invalid", "wrong", details={**details, "causes": causes})).encode()
    refusal = read_refusal(422, {"retry-after": "5"}, body)
    assert (refusal.code, refusal.reason, str(refusal), refusal.name) == (422, "Invalid", "wrong", "web")
    assert [str(each) for each in refusal.causes] == ["spec: bad"]
    assert refusal.retry_after == 5.0


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "the server answers 502"),
        (b"<html>\n bad\tgateway", "the server answers 502: <html> bad gateway"),
        (b"\xff", "the server answers 502: \ufffd"),
        (b"[" * 100_000, f"the server answers 502: {'[' * 200}"),
        (b'{"kind":"Status","details":7,"code":"x"}', "the server answers 502"),
    ],
)
def test_what_is_no_status_is_shown(body: bytes, text: str) -> None:
    refusal = read_refusal(502, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, body)
    assert (str(refusal), refusal.code, refusal.retry_after) == (text, 502, 0.0)


def test_credentials_that_a_proxy_wants_are_not_the_servers() -> None:
    assert str(read_refusal(407, {}, b"")) == "the proxy on the way answers 407"


def test_a_redirect_says_where_it_leads() -> None:
    refusal = read_refusal(302, {"location": "https://login.test/"}, b"<a href=/>")
    assert str(refusal).startswith("the server answers 302, which sends on to https://login.test/: name the API server")


def test_a_refusal_says_what_to_do() -> None:
    where = "the API server https://x (context a of b)"
    login = with_remedy(Refusal(401, "Unauthorized", "Unauthorized"), where)
    assert str(login) == f"{where} refuses the credentials (Unauthorized); log in again, or renew the kubeconfig"
    role = with_remedy(Refusal(403, "Forbidden", 'User "me" cannot list resource "services"'), where)
    assert str(role).endswith('cannot list resource "services"; a Role that allows it, bound to this user, helps')
    assert str(with_remedy(Refusal(404, "NotFound", "not there"), where)) == "not there"


@pytest.mark.parametrize(
    ("code", "again"),
    [(410, True), (400, True), (404, True), (401, False), (403, False), (429, False), (500, False), (504, False)],
)
def test_a_watch_that_may_go_on_later_does_not_list_again(code: int, again: bool) -> None:
    assert must_list_again(Refusal(code, "", "")) is again


def test_versions_that_are_no_numbers_are_not_compared() -> None:
    assert is_behind("9", "10")
    assert not is_behind("10", "9")
    assert not is_behind("10", "10")
    assert not is_behind("a", "b")
    assert not is_behind("", "1")


def test_pauses_grow_with_jitter_and_are_forgotten() -> None:
    pauses = Backoff(Random(1))
    found = [pauses.next(float(number)) for number in range(8)]
    bounds = [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    assert all(low <= pause <= 2 * low for low, pause in zip(bounds, found, strict=True))
    assert pauses.next(8.0, retry_after=3600.0) == 3600.0
    assert pauses.next(9.0 + RESET_SECONDS) < 2 * 0.8
    assert max(found) <= 2 * LONGEST_SECONDS


def test_watches_last_differently_long() -> None:
    rng = Random(1)
    seconds = [int(watch_params("7", rng)["timeoutSeconds"]) for _ in range(50)]
    assert len(set(seconds)) > 20
    assert min(seconds) >= WATCH_SECONDS
    assert max(seconds) <= 2 * WATCH_SECONDS


def test_freshness_names_the_oldest() -> None:
    known = {
        SERVICES: Freshness(90.0),
        PODS: Freshness(50.0, "cut"),
        NODES: Freshness(40.0, "cut"),
    }
    assert oldest(known, 100.0) == (NODES, known[NODES])
    assert known[NODES].age(100.0) == 60.0
    assert known[SERVICES].age(100.0) == 0.0
    assert oldest({SERVICES: Freshness(1.0)}, 2.0) is None
    assert oldest({SERVICES: Freshness()}, 2.0) == (SERVICES, Freshness())
    assert Freshness().age(5.0) == math.inf


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "path"),
    [
        (SERVICES, "", "", "/api/v1/services"),
        (SERVICES, "shop", "web", "/api/v1/namespaces/shop/services/web"),
        (EVENTS_V1, "shop", "", "/apis/events.k8s.io/v1/namespaces/shop/events"),
        (NODES, "shop", "n", "/api/v1/nodes/n"),
    ],
)
def test_a_resource_is_asked_for_at_its_path(resource: Resource, namespace: str, name: str, path: str) -> None:
    assert path_of(resource, namespace, name) == path


def test_only_selectors_that_there_are_are_sent() -> None:
    assert Selection().params() == {}
    assert Selection("!a", "metadata.name=x").params() == {"labelSelector": "!a", "fieldSelector": "metadata.name=x"}


def test_what_nobody_reads_is_not_kept() -> None:
    last = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    obj = {"metadata": {"name": "a", "managedFields": [1], "annotations": dict(last), "labels": {"x": "y"}}}
    assert slimmed(obj) == {"metadata": {"name": "a", "labels": {"x": "y"}}}
    assert slimmed({"metadata": {"annotations": {**last, "a": "b"}}}) == {"metadata": {"annotations": {"a": "b"}}}


def test_equal_parts_of_objects_are_kept_once() -> None:
    def made(address: str) -> JSON:
        endpoint = {"addresses": [address], "conditions": {"ready": True}, "nodeName": "".join(("node", "-1"))}
        return {"metadata": {"name": address}, "ports": [{"port": 80}], "endpoints": [endpoint]}

    sharing = Sharing()
    one, other = sharing.share(made("10.0.0.1")), sharing.share(made("10.0.0.2"))
    assert (one, other) == (made("10.0.0.1"), made("10.0.0.2"))
    assert one["ports"] is other["ports"]
    for name in ("conditions", "nodeName"):
        assert one["endpoints"][0][name] is other["endpoints"][0][name]


def test_what_is_remembered_of_parts_is_bounded() -> None:
    sharing = Sharing()
    for port in range(PARTS_LIMIT + 2):
        sharing.share({"ports": [{"port": port}]})
    assert len(sharing._parts) < 10


def test_long_parts_are_nobody_elses() -> None:
    sharing = Sharing()
    sharing.share({"conditions": [{"type": "Ready", "lastTransitionTime": "2026-11-29T10:00:00Z"}] * 10})
    assert sharing._parts == {}


@pytest.mark.parametrize(
    ("text", "token"),
    [
        (
            b'{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"5","continue":"eyJ2.a-b_c="},',
            "eyJ2.a-b_c=",
        ),
        (b'{"metadata":{"continue":"x","remainingItemCount":3},"items":[]}', "x"),
        (b'{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"5"},"items":[{"continue":"x"}]}', ""),
        (b'{"items":[{"metadata":{"continue":"x"}}],"metadata":{"continue":"y"}}', ""),
        (b'{"metadata":{"labels":{"continue":"x"},"continue":"y"}}', ""),
        (b"", ""),
    ],
)
def test_the_token_of_the_next_page_is_seen_where_a_page_begins_with_it(text: bytes, token: str) -> None:
    assert next_token(text) == token


@pytest.mark.parametrize(
    ("sizes", "limit"),
    [
        ([PAGE_BYTES // 2], 1000),
        ([PAGE_BYTES], 500),
        ([PAGE_BYTES * 4], 125),
        ([PAGE_BYTES * 1000], FEWEST_ITEMS),
        ([1], 1000),
        ([1, 1, 1], MOST_ITEMS),
    ],
)
def test_a_page_has_as_many_objects_as_the_one_before_lets_expect(sizes: list[int], limit: int) -> None:
    pager = Pager()
    for each in sizes:
        pager.note_size(each)
    assert pager.params() == {"limit": str(limit)}

"""Watches: whose events a client sees, in what form, and from where on."""

from __future__ import annotations

import json

import pytest
from tests.helpers.kubeapi.objects import namespace, service
from tests.helpers.kubeapiserver.client import DEFAULT, TABLE_ACCEPT, APIClient

from kubeapi.scheme import SERVICES
from kubeapi.watching import WatchEvent

WATCH_LIST = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.post(f"{DEFAULT}/services", service("web", metadata={"labels": {"app": "web"}}))
    return client


@pytest.mark.parametrize("flag", ["true", "1", "True", "t", "", "maybe"])
def test_a_watch_without_a_version_begins_with_what_there_is(client: APIClient, flag: str) -> None:
    assert client.watch(f"{DEFAULT}/services?watch={flag}").seen() == ["ADDED kubernetes", "ADDED web"]
    assert client.watch(f"{DEFAULT}/services?watch={flag}&resourceVersion=0").seen() == [
        "ADDED kubernetes",
        "ADDED web",
    ]


@pytest.mark.parametrize("flag", ["0", "false", "False"])
def test_what_apimachinery_takes_for_false_is_a_list(client: APIClient, flag: str) -> None:
    assert client.get(f"{DEFAULT}/services?watch={flag}").json["kind"] == "ServiceList"


def test_a_watch_from_a_version_sees_everything_after_it_and_nothing_before(client: APIClient) -> None:
    version = client.version()
    client.patch(f"{DEFAULT}/services/web", {"metadata": {"labels": {"a": "b"}}})
    watch = client.watch(f"{DEFAULT}/services?watch=1&resourceVersion={version}")
    client.post(f"{DEFAULT}/services", service("new"))
    client.delete(f"{DEFAULT}/services/new")
    assert watch.seen() == ["MODIFIED web", "ADDED new", "DELETED new"]


def test_an_events_object_is_whole_and_has_its_version(client: APIClient) -> None:
    watch = client.watch(f"{DEFAULT}/services?watch=1&resourceVersion={client.version()}")
    created = client.post(f"{DEFAULT}/services", service("new")).json
    deleted = client.delete(f"{DEFAULT}/services/new").json
    events = watch.take()
    assert events == [{"type": "ADDED", "object": created}, {"type": "DELETED", "object": deleted}]
    versions = [int(each["object"]["metadata"]["resourceVersion"]) for each in events]
    assert versions[0] < versions[1] <= client.version()


def test_a_watch_of_a_namespace_sees_no_other(client: APIClient) -> None:
    client.post("/api/v1/namespaces", namespace("other"))
    watch = client.watch(f"{DEFAULT}/services?watch=1&resourceVersion={client.version()}")
    everywhere = client.watch(f"/api/v1/services?watch=1&resourceVersion={client.version()}")
    client.post("/api/v1/namespaces/other/services", service("far"))
    assert (watch.seen(), everywhere.seen()) == ([], ["ADDED far"])


def test_what_stops_to_match_is_deleted_for_the_watcher_and_what_begins_to_is_added(client: APIClient) -> None:
    watch = client.watch(f"{DEFAULT}/services?watch=1&labelSelector=app%3Dweb&resourceVersion={client.version()}")
    for labels in ({"app": "db"}, {"app": "web"}, {"app": "web", "tier": "1"}, {"app": "x"}, {"app": "y"}):
        client.patch(f"{DEFAULT}/services/web", {"metadata": {"labels": labels}}, "merge")
    client.delete(f"{DEFAULT}/services/web")
    assert watch.seen() == ["DELETED web", "ADDED web", "MODIFIED web", "DELETED web"]


def test_a_watcher_that_loses_an_object_sees_it_as_it_was_at_the_version_of_the_change(client: APIClient) -> None:
    watch = client.watch(f"{DEFAULT}/services?watch=1&labelSelector=app%3Dweb&resourceVersion={client.version()}")
    client.patch(f"{DEFAULT}/services/web", {"metadata": {"labels": {"app": "db"}}})
    metadata = watch.take()[0]["object"]["metadata"]
    assert metadata["labels"] == {"app": "web"}
    assert metadata["resourceVersion"] == str(client.version())


def test_history_is_seen_through_the_selector_too(client: APIClient) -> None:
    version = client.version()
    client.patch(f"{DEFAULT}/services/web", {"metadata": {"labels": {"app": "db"}}})
    client.patch(f"{DEFAULT}/services/web", {"metadata": {"labels": {"app": "web"}}})
    watch = client.watch(f"{DEFAULT}/services?watch=1&labelSelector=app%3Dweb&resourceVersion={version}")
    assert watch.seen() == ["DELETED web", "ADDED web"]


def test_one_object_is_watched_by_its_name(client: APIClient) -> None:
    watch = client.watch(f"{DEFAULT}/services?watch=true&fieldSelector=metadata.name%3Dweb&resourceVersion=0")
    client.post(f"{DEFAULT}/services", service("other"))
    client.delete(f"{DEFAULT}/services/web")
    assert watch.seen() == ["ADDED web", "DELETED web"]


def test_only_the_first_table_of_a_watch_defines_its_columns(client: APIClient) -> None:
    watch = client.watch(f"{DEFAULT}/services?watch=1&resourceVersion={client.version()}", TABLE_ACCEPT)
    for name in ("a", "b"):
        client.post(f"{DEFAULT}/services", service(name))
    tables = [each["object"] for each in watch.take()]
    assert [each["kind"] for each in tables] == ["Table", "Table"]
    assert [bool(each["columnDefinitions"]) for each in tables] == [True, False]
    assert [each["rows"][0]["cells"][0] for each in tables] == ["a", "b"]


def test_every_watcher_gets_its_own_first_table(client: APIClient) -> None:
    watches = [client.watch(f"{DEFAULT}/services?watch=1", TABLE_ACCEPT) for _ in range(3)]
    client.post(f"{DEFAULT}/services", service("a"))
    for watch in watches:
        columns = [bool(each["object"]["columnDefinitions"]) for each in watch.take()]
        assert columns == [True, False, False]


def test_watchers_of_one_form_share_the_very_bytes(client: APIClient) -> None:
    targets = (f"{DEFAULT}/services?watch=1", f"{DEFAULT}/services?watch=1&labelSelector=app")
    one, other = (client.watch(each).watch for each in targets)
    events: list[WatchEvent] = []
    stop = client.registry.store.watch(SERVICES, client.version(), events.append)
    client.patch(f"{DEFAULT}/services/web", {"metadata": {"labels": {"a": "b"}}})
    stop()
    assert one.encode(events[0]) is other.encode(events[0]) is not None


def test_a_bookmark_tells_how_far_the_watcher_has_come(client: APIClient) -> None:
    bookmark = client.watch(f"{DEFAULT}/services?watch=1&allowWatchBookmarks=true").watch.bookmark
    assert bookmark is not None
    event = json.loads(bookmark(42))
    assert event["type"] == "BOOKMARK"
    assert (event["object"]["kind"], event["object"]["apiVersion"]) == ("Service", "v1")
    assert event["object"]["metadata"]["resourceVersion"] == "42"
    table = client.watch(f"{DEFAULT}/services?watch=1&allowWatchBookmarks=1", TABLE_ACCEPT).watch.bookmark
    assert table is not None
    assert json.loads(table(42))["object"]["rows"] == []
    assert client.watch(f"{DEFAULT}/services?watch=1").watch.bookmark is None


def test_initial_events_end_with_a_bookmark_that_says_so(client: APIClient) -> None:
    events = client.watch(f"{DEFAULT}/services?{WATCH_LIST}").take()
    assert [each["type"] for each in events] == ["ADDED", "ADDED", "BOOKMARK"]
    metadata = events[-1]["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert metadata["resourceVersion"] == str(client.version())


def test_initial_events_can_be_declined(client: APIClient) -> None:
    query = "watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
    watch = client.watch(f"{DEFAULT}/services?{query}")
    client.post(f"{DEFAULT}/services", service("a"))
    assert watch.seen() == ["ADDED a"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "sendInitialEvents=true",
            "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (
            "resourceVersion=1&resourceVersionMatch=NotOlderThan",
            "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    ],
)
def test_options_of_a_watch_that_contradict_each_other_are_invalid(client: APIClient, query: str, message: str) -> None:
    reply = client.get(f"{DEFAULT}/services?watch=1&{query}")
    assert reply.status == 422
    assert reply.json["message"] == f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: {message}'


def test_a_watch_from_the_distant_past_fails_with_one_event() -> None:
    client = APIClient(history_limit=1)
    for name in ("a", "b", "c"):
        client.post(f"{DEFAULT}/services", service(name))
    watch = client.watch(f"{DEFAULT}/services?watch=1&resourceVersion=1")
    (event,) = watch.take()
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert watch.watch.is_over


def test_a_watch_from_the_future_is_refused(client: APIClient) -> None:
    assert client.get(f"{DEFAULT}/services?watch=1&resourceVersion=999").status == 504


@pytest.mark.parametrize(("text", "seconds"), [("300", 300.0), ("-1", 0.0), ("0", 0.0)])
def test_a_watch_ends_when_the_client_says(client: APIClient, text: str, seconds: float) -> None:
    assert client.watch(f"{DEFAULT}/services?watch=1&timeoutSeconds={text}").watch.timeout_seconds == seconds


def test_a_time_that_is_no_number_is_a_bad_request(client: APIClient) -> None:
    assert client.get(f"{DEFAULT}/services?watch=1&timeoutSeconds=soon").status == 400


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        pytest.param("/api/v1/watch/services", ["ADDED kubernetes", "ADDED web", "ADDED kube-dns"], id="everywhere"),
        pytest.param("/api/v1/watch/namespaces/default/services", ["ADDED kubernetes", "ADDED web"], id="a-namespace"),
        pytest.param("/api/v1/watch/namespaces/default/services/web", ["ADDED web"], id="one-object"),
        pytest.param("/api/v1/watch/namespaces/default/services/a,b=c", [], id="a-strange-name"),
        pytest.param("/api/v1/watch/namespaces/default", ["ADDED default"], id="one-namespace"),
        pytest.param("/apis/apps/v1/watch/deployments", [], id="a-group"),
        pytest.param("/api/v1/watch/services?labelSelector=app%3Dweb", ["ADDED web"], id="labels"),
    ],
)
def test_the_older_paths_of_watches_lead_to_watches(client: APIClient, path: str, seen: list[str]) -> None:
    assert client.watch(path).seen() == seen


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/api/v1/watch/services", 405),
        ("GET", "/apis/authentication.k8s.io/v1/watch/selfsubjectreviews", 405),
        ("GET", "/api/v1/watch", 404),
        ("GET", "/api/v1/watch/nope", 404),
        ("GET", "/api/v1/watch/namespaces/default/pods/x/status", 404),
        ("GET", "/api/v1/watch/namespaces/default/pods/x/proxy", 404),
    ],
)
def test_not_all_can_be_watched(client: APIClient, method: str, path: str, code: int) -> None:
    assert client.send(method, path).status == code

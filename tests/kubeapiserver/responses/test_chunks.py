"""Lists in chunks: consistent while they last, and honest when they are too old."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helpers.kubeapi.objects import namespace, service
from tests.helpers.kubeapiserver.client import DEFAULT, TABLE_ACCEPT, APIClient, Reply

from kubeapi.scheme import CONFIGMAPS

MAPS = f"{DEFAULT}/configmaps"


def config_map(name: str, **labels: str) -> dict[str, object]:
    return {"metadata": {"name": name, "labels": labels}}


def filled(count: int, history_limit: int = 1000) -> APIClient:
    """Return a cluster with ConfigMaps, every second of them labelled ``even``."""
    client = APIClient(history_limit=history_limit)
    for number in range(count):
        client.registry.create(CONFIGMAPS, config_map(f"m{number:03}", **({} if number % 2 else {"even": "yes"})))
    return client


def chunks(client: APIClient, target: str) -> Iterator[Reply]:
    """Ask for a list as kubectl does, chunk by chunk."""
    token = ""
    while True:
        reply = client.get(f"{target}&continue={token}")
        assert reply.status == 200, reply.text
        yield reply
        token = reply.json["metadata"].get("continue", "")
        if not token:
            return


@given(st.integers(0, 30), st.integers(1, 12))
def test_chunks_together_are_the_list(count: int, limit: int) -> None:
    client = filled(count)
    found = list(chunks(client, f"{MAPS}?limit={limit}"))
    assert [name for each in found for name in each.names] == client.get(MAPS).names
    assert all(len(each.names) <= limit for each in found)
    assert len({each.json["metadata"]["resourceVersion"] for each in found}) == 1


def test_a_chunk_says_how_many_are_left_unless_a_selector_hides_it() -> None:
    client = filled(10)
    assert client.get(f"{MAPS}?limit=4").json["metadata"]["remainingItemCount"] == 6
    assert client.get(f"{MAPS}?limit=10").json["metadata"].keys() == {"resourceVersion"}
    selected = client.get(f"{MAPS}?limit=2&labelSelector=even")
    assert selected.names == ["m000", "m002"]
    assert "continue" in selected.json["metadata"]
    assert "remainingItemCount" not in selected.json["metadata"]


def test_a_selector_holds_for_every_chunk() -> None:
    found = chunks(filled(9), f"{MAPS}?limit=2&labelSelector=even")
    assert [each.names for each in found] == [["m000", "m002"], ["m004", "m006"], ["m008"]]


def test_later_chunks_show_what_was_there_at_the_first() -> None:
    client = filled(6)
    first = client.get(f"{MAPS}?limit=2").json["metadata"]
    client.registry.delete(CONFIGMAPS, "default", "m003")
    client.registry.create(CONFIGMAPS, config_map("m0025"))
    client.registry.update(CONFIGMAPS, {**config_map("m004"), "data": {"new": "yes"}})
    rest = client.get(f"{MAPS}?limit=9&continue={first['continue']}")
    assert rest.names == ["m002", "m003", "m004", "m005"]
    assert "data" not in rest.json["items"][2]
    assert rest.json["metadata"] == {"resourceVersion": first["resourceVersion"]}


def test_a_token_that_is_too_old_comes_back_with_one_that_goes_on() -> None:
    client = filled(6, history_limit=3)
    first = client.get(f"{MAPS}?limit=2").json["metadata"]
    for value in range(4):
        client.registry.update(CONFIGMAPS, {**config_map("m005"), "data": {"value": str(value)}})
    client.registry.create(CONFIGMAPS, config_map("m0055"))
    refused = client.get(f"{MAPS}?limit=2&continue={first['continue']}")
    assert (refused.status, refused.json["reason"]) == (410, "Expired")
    assert refused.json["message"].startswith("The provided continue parameter is too old to display a consistent list")
    token = refused.json["metadata"]["continue"]
    rest = client.get(f"{MAPS}?continue={token}")
    assert rest.names == ["m002", "m003", "m004", "m005", "m0055"]
    assert rest.json["metadata"]["resourceVersion"] == str(client.version())


def test_a_token_grows_too_old_although_nothing_of_its_kind_changes() -> None:
    client = filled(6)
    first = client.get(f"{MAPS}?limit=2").json["metadata"]
    client.registry.store.compacted_version = client.version() + 1
    assert client.get(f"{MAPS}?limit=2&continue={first['continue']}").status == 410


def test_chunks_go_through_all_namespaces() -> None:
    client = APIClient()
    client.post("/api/v1/namespaces", namespace("another"))
    for place in ("another", "default"):
        for name in ("a", "b"):
            client.post(f"/api/v1/namespaces/{place}/services", service(name))
    found = [name for each in chunks(client, "/api/v1/services?limit=1") for name in each.names]
    assert found == ["a", "b", "a", "b", "kubernetes", "kube-dns"]


def test_a_table_is_cut_like_a_list() -> None:
    client = filled(5)
    table = client.get(f"{MAPS}?limit=2", TABLE_ACCEPT).json
    assert [row["cells"][0] for row in table["rows"]] == ["m000", "m001"]
    assert table["metadata"]["remainingItemCount"] == 3


def test_a_client_that_accepts_any_version_gets_the_whole_list() -> None:
    reply = filled(5).get(f"{MAPS}?limit=2&resourceVersion=0")
    assert (len(reply.names), "continue" in reply.json["metadata"]) == (5, False)


def test_a_list_of_exactly_an_older_version() -> None:
    client = filled(3)
    before = client.version()
    client.registry.delete(CONFIGMAPS, "default", "m001")
    reply = client.get(f"{MAPS}?resourceVersion={before}&resourceVersionMatch=Exact")
    assert (reply.names, reply.json["metadata"]["resourceVersion"]) == (["m000", "m001", "m002"], str(before))


def test_a_version_that_the_history_no_longer_has_is_expired() -> None:
    client = filled(6, history_limit=3)
    reply = client.get(f"{MAPS}?resourceVersion=2&resourceVersionMatch=Exact")
    assert (reply.status, reply.json["reason"]) == (410, "Expired")
    assert reply.json["message"].startswith("The resourceVersion for the provided list is too old.")


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "%C3%A4",
        token("{}"),
        token("[]"),
        token('{"rv":"x","start":"a/b"}'),
        token('{"rv":0,"start":"a/b"}'),
        token('{"rv":-2,"start":"a/b"}'),
        token('{"rv":1,"start":7}'),
        token('{"rv":true,"start":"a/b"}'),
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    reply = filled(1).get(f"{MAPS}?continue={text}")
    assert (reply.status, reply.json["message"]) == (
        400,
        "continue key is not valid: it is not a token of this server",
    )


def test_a_token_says_the_version_itself() -> None:
    client = filled(3)
    going_on = client.get(f"{MAPS}?limit=1").json["metadata"]["continue"]
    assert client.get(f"{MAPS}?continue={going_on}&resourceVersion=0").status == 200
    reply = client.get(f"{MAPS}?continue={going_on}&resourceVersion=1")
    assert (reply.status, reply.json["message"]) == (
        400,
        "specifying resource version is not allowed when using continue",
    )

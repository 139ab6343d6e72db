"""Which values of an update count as unchanged, so that newer rules do not concern them."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapiserver.crds import CRDS, TABS, CustomClient, crd, obj, tab, version

from kubeapi.customresources.schema.ratcheting import is_as_before
from kubeapi.meta import JSON

KEYED = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
SCHEMA: JSON = obj(keyed={**KEYED, "items": obj(k={}, v={})}, plain={"type": "array", "items": obj(v={})}, a={})
OLD: JSON = {"a": 1, "keyed": [{"k": "x", "v": 1}, {"k": "y", "v": 2}], "plain": [{"v": 1}, {"v": 2}]}


@pytest.mark.parametrize(
    ("new", "path", "is_same"),
    [
        ({"a": 1}, "a", True),
        ({"a": 2}, "a", False),
        ({"keyed": [{"k": "y", "v": 2}]}, "keyed[0].v", True),
        ({"keyed": [{"k": "y", "v": 3}]}, "keyed[0].v", False),
        ({"keyed": [{"k": "z", "v": 3}]}, "keyed[0].v", False),
        ({"plain": [{"v": 1}, {"v": 2}]}, "plain[0].v", True),
        ({"plain": [{"v": 1}]}, "plain[0].v", False),
        (OLD, "", True),
    ],
)
def test_an_item_without_a_key_is_as_it_was_if_its_list_is(new: JSON, path: str, is_same: bool) -> None:
    assert is_as_before(new, OLD, SCHEMA, path) is is_same


def test_an_item_that_stays_is_judged_anew_in_a_list_that_changes() -> None:
    client = CustomClient()
    text, items = {"type": "string"}, {"type": "array", "x-kubernetes-list-type": "set"}
    client.define(crd(version(schema=obj(spec=obj(items={**items, "items": text}, other=text)))))
    client.post(TABS, tab({"items": ["a", "b"]}))
    definition = client.get(f"{CRDS}/tabs.example.com").json
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["items"]["items"] = {**text, "enum": ["c"]}
    assert client.put(f"{CRDS}/tabs.example.com", definition).status == 200
    stored = client.get(f"{TABS}/a").json
    assert client.put(f"{TABS}/a", {**stored, "spec": {"items": ["a", "b", "c"]}}).status == 422
    assert client.put(f"{TABS}/a", {**stored, "spec": {"items": ["a", "b"], "other": "x"}}).status == 200

"""The texts of listed objects: made once for each version, and bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeapiserver.responses.itemtexts import ItemTexts


def config_map(name: str, version: int = 1, **content: Any) -> JSON:
    metadata = {"name": name, "uid": f"uid-of-{name}", "resourceVersion": str(version)}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": content}


def test_an_item_has_everything_but_kind_and_api_version() -> None:
    obj = config_map("a", k="v")
    assert json.loads(ItemTexts().text(obj)) == {"metadata": obj["metadata"], "data": {"k": "v"}}


def test_the_text_of_a_version_is_made_once() -> None:
    texts = ItemTexts()
    assert texts.text(config_map("a")) is texts.text(config_map("a"))


@pytest.mark.parametrize(
    "other",
    [config_map("a", 2, k="new"), config_map("b", 1, k="new"), {**config_map("a", 1, k="new"), "kind": "Secret"}],
    ids=["another-version", "another-object", "another-kind"],
)
def test_what_is_not_the_same_write_of_the_same_object_has_a_text_of_its_own(other: JSON) -> None:
    texts = ItemTexts()
    texts.text(config_map("a"))
    assert json.loads(texts.text(other))["data"] == {"k": "new"}


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
def test_what_is_stored_nowhere_is_not_kept(field: str) -> None:
    texts, obj = ItemTexts(), config_map("a", usage=1)
    del obj["metadata"][field]
    texts.text(obj)
    assert json.loads(texts.text({**obj, "data": {"usage": 2}}))["data"] == {"usage": 2}
    assert texts.kept_bytes() == 0


def test_no_more_is_kept_than_the_limit() -> None:
    texts = ItemTexts(limit=10_000)
    for number in range(1000):
        texts.text(config_map(f"c{number}"))
        assert texts.kept_bytes() <= 10_000
    assert texts.kept_bytes() > 4_000


def test_a_text_that_is_larger_than_what_may_be_kept_drops_no_other() -> None:
    texts = ItemTexts(limit=10_000)
    kept = texts.text(config_map("small"))
    assert len(texts.text(config_map("large", text="x" * 10_000))) > 10_000
    assert texts.text(config_map("small")) is kept


def test_a_text_that_is_asked_for_outlasts_those_that_are_not() -> None:
    texts = ItemTexts(limit=10_000)
    wanted, forgotten = texts.text(config_map("wanted")), texts.text(config_map("forgotten"))
    for number in range(1000):
        texts.text(config_map(f"c{number}"))
        assert texts.text(config_map("wanted")) is wanted
    assert texts.text(config_map("forgotten")) is not forgotten

from __future__ import annotations

from kubeapi.meta import ObjectKey
from kubecontroller.index import Index, SelectorIndex


def test_an_index_follows_its_objects() -> None:
    index = Index[str](lambda obj: obj["values"])
    index.refresh("a", {"values": [1, 2]})
    index.refresh("b", {"values": [2]})
    assert list(index.having(2)) == ["a", "b"]
    index.refresh("a", {"values": [3]})
    index.refresh("b", None)
    index.refresh("never seen", None)
    assert [list(index.having(value)) for value in (1, 2, 3)] == [[], [], ["a"]]


def test_a_selector_index_finds_the_objects_of_a_namespace_that_select_labels() -> None:
    index = SelectorIndex(lambda obj: obj["selector"])
    here, there = ObjectKey("default", "web"), ObjectKey("other", "web")
    both = ObjectKey("default", "both")
    index.refresh(here, {"selector": {"app": "web"}})
    index.refresh(there, {"selector": {"app": "web"}})
    index.refresh(both, {"selector": {"app": "web", "tier": "front"}})
    index.refresh(ObjectKey("default", "none"), {"selector": None})
    assert index.selecting("default", {"app": "web"}) == [here]
    assert index.selecting("default", {"app": "web", "tier": "front"}) == [here, both]
    index.refresh(here, {"selector": {"app": "shop"}})
    index.refresh(both, None)
    assert index.selecting("default", {"app": "web", "tier": "front"}) == []
    assert index.selecting("default", {"app": "shop"}) == [here]

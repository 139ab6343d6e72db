"""Strategic merge patches merge, order and refuse as apimachinery's do (the rows are its own results)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeapi.patch.items import StrategicPatchError
from kubeapi.patch.strategic import strategic_merge
from kubeapi.schema import struct_of
from kubeapi.scheme import DEPLOYMENTS, SERVICES

A, B = {"port": 80, "name": "a"}, {"port": 81, "name": "b"}
C, BB = {"port": 82, "name": "c"}, {"port": 81, "name": "bb"}


def named(ports: list[JSON]) -> str:
    return " ".join(port.get("name", str(port["port"])) for port in ports)


def order(*ports: int) -> list[JSON]:
    return [{"port": each} for each in ports]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param({"ports": [BB]}, "a bb", id="a changed item keeps its place"),
        pytest.param({"ports": [{"port": 80, "$patch": "delete"}]}, "b", id="an item is deleted"),
        pytest.param({"ports": [C]}, "c a b", id="a new item comes before what nothing orders"),
        pytest.param({"ports": [C, BB]}, "c a bb", id="a new item and a changed one"),
        pytest.param({"ports": [BB, C]}, "a bb c", id="a new item after a changed one"),
        pytest.param({"ports": [BB, A]}, "bb a", id="the patch orders what it names"),
        pytest.param({"ports": [C, {"$patch": "replace"}]}, "c", id="all are replaced"),
        pytest.param({"$setElementOrder/ports": order(81, 80)}, "b a", id="an order alone"),
        pytest.param({"$setElementOrder/ports": order(82, 81), "ports": [C]}, "c a b", id="one is not in the order"),
        pytest.param({"$setElementOrder/ports": order(80, 81, 82), "ports": [C]}, "a b c", id="a new item in order"),
        pytest.param(
            {"$setElementOrder/ports": order(81), "ports": [{"port": 80, "$patch": "delete"}]}, "b", id="rest"
        ),
        pytest.param({"$setElementOrder/ports": [], "ports": [C]}, "a b c", id="an empty order"),
    ],
)
def test_lists_merge_by_key_and_the_patch_orders_what_it_names(patch: JSON, expected: str) -> None:
    merged = strategic_merge({"spec": {"ports": [A, B]}}, {"spec": patch}, struct_of(SERVICES))
    assert named(merged["spec"]["ports"]) == expected


def test_an_item_that_nothing_orders_keeps_its_place_among_those_of_the_order() -> None:
    document = {"spec": {"ports": order(80, 81, 82)}}
    patch = {"spec": {"$setElementOrder/ports": order(82, 80)}}
    assert named(strategic_merge(document, patch, struct_of(SERVICES))["spec"]["ports"]) == "81 82 80"


def test_a_container_that_is_patched_in_comes_first() -> None:
    document = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "a"}]}}}}
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "b"}]}}}}
    containers = strategic_merge(document, patch, struct_of(DEPLOYMENTS))["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in containers] == ["sidecar", "web"]


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        pytest.param({"a": {"b": "c"}}, {"a": {"$patch": "replace", "d": "e"}}, {"a": {"d": "e"}}, id="replace a map"),
        pytest.param({"a": {"b": "c"}}, {"a": {"$patch": "delete"}}, {"a": {}}, id="empty a map"),
        pytest.param({}, {"a": {"$patch": "replace", "d": "e"}}, {}, id="replace a map that is not there"),
        pytest.param({}, {"a": {"b": {"$patch": "delete"}, "c": None, "d": 1}}, {"a": {"d": 1}}, id="nothing to take"),
        pytest.param({"a": "x"}, {"a": {"b": None, "c": "d"}}, {"a": {"c": "d"}}, id="a map in place of a text"),
        pytest.param({"a": 1, "b": 2}, {"$retainKeys": ["b", "c"], "c": 3}, {"b": 2, "c": 3}, id="some keys are kept"),
    ],
)
def test_maps_are_merged_key_by_key(document: JSON, patch: JSON, expected: JSON) -> None:
    assert strategic_merge(document, patch, None) == expected


def test_a_set_of_scalars_has_the_new_ones_first() -> None:
    document = {"metadata": {"finalizers": ["a", "b"]}}
    patch = {"metadata": {"finalizers": ["b", "c"], "$deleteFromPrimitiveList/finalizers": ["a"]}}
    merged = strategic_merge(document, patch, struct_of(SERVICES))
    assert merged == {"metadata": {"finalizers": ["b", "c"]}}
    merged = strategic_merge(document, {"metadata": {"finalizers": ["c"]}}, struct_of(SERVICES))
    assert merged == {"metadata": {"finalizers": ["c", "a", "b"]}}


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        pytest.param({"$patch": "foo"}, 500, "unknown patch type: foo in map: map[$patch:foo]", id="directive"),
        pytest.param(
            {"ports": [{"$patch": "foo", "port": 80}]},
            500,
            "unknown patch type: foo in map: map[$patch:foo port:80]",
            id="directive-of-an-item",
        ),
        pytest.param(
            {"ports": [{"name": "x"}]},
            500,
            "map: map[name:x] does not contain declared merge key: port",
            id="no-merge-key",
        ),
        pytest.param(
            {"ports": [{"$patch": "delete", "name": "x"}]},
            500,
            "map: map[$patch:delete name:x] does not contain declared merge key: port",
            id="no-merge-key-to-delete",
        ),
        pytest.param(
            {"$setElementOrder/ports": order(80, 82), "ports": [BB]},
            500,
            "The order in patch list:\n[map[name:bb port:81]]\n doesn't match $setElementOrder list:\n"
            "[map[port:80] map[port:82]]\n",
            id="not-in-the-order",
        ),
        pytest.param(
            {"$setElementOrder/ports": order(81, 80), "ports": [A, B]},
            500,
            "The order in patch list:\n[map[name:a port:80] map[name:b port:81]]\n doesn't match $setElementOrder"
            " list:\n[map[port:81] map[port:80]]\n",
            id="in-another-order",
        ),
        pytest.param(
            {"$setElementOrder/ports": "x"}, 500, "expected a []interface {}, but received a string", id="order-no-list"
        ),
        pytest.param(
            {"$setElementOrder/nope": []},
            500,
            'unable to find api field in struct ServiceSpec for the json field "nope"',
            id="order-of-an-unknown-field",
        ),
        pytest.param({"ports": [80]}, 500, "list element types are not identical", id="scalars-among-objects"),
        pytest.param(
            {"$retainKeys": ["type"], "clusterIP": "x"}, 400, "invalid patch format of retainKeys", id="not-retained"
        ),
        pytest.param({"$retainKeys": "type"}, 400, "invalid patch format of retainKeys", id="retain-no-list"),
    ],
)
def test_what_cannot_be_merged(patch: Any, code: int, message: str) -> None:
    document = {"spec": {"ports": [A, B], "type": "ClusterIP"}}
    with pytest.raises(StrategicPatchError) as caught:
        strategic_merge(document, {"spec": patch}, struct_of(SERVICES))
    assert (caught.value.code, str(caught.value)[: len(message)]) == (code, message)


def test_a_patch_leaves_what_it_was_given_as_it_was() -> None:
    document = {"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}
    before = json.dumps(document)
    strategic_merge(document, {"spec": {"ports": [{"port": 80, "name": "x"}], "selector": {"c": "d"}}}, None)
    strategic_merge(document, {"spec": {"ports": [C, {"port": 80, "name": "x"}]}}, struct_of(SERVICES))
    assert json.dumps(document) == before

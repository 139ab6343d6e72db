"""Laying one value over another, and taking fields away (structured-merge-diff's own tables)."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapiserver.apply.fieldpath import FieldSet
from kubeapiserver.apply.merge import merge, remove, with_named_parents
from kubeapiserver.apply.typed import ABSENT, LEAF, Atom, atom_of, compare, field_set

SET = Atom("list", element=LEAF)
SERVICE = atom_of("core.v1.Service")


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        ("abc", "ab", "abc"),
        ("ab", "abc", "abc"),
        ("abc", "", "abc"),
        ("", "abc", "abc"),
        ("ab", "ba", "ba"),
        ("abc", "def", "abcdef"),
        ("abc", "cdef", "abcdef"),
        ("abcgf", "cdef", "abcgdef"),
        ("abc", "defxyz", "abcdefxyz"),
        ("cdef", "ace", "acdef"),
        ("abcxyz", "def", "abcxyzdef"),
        ("abcxyz", "defxyz", "abcdefxyz"),
        ("cagf", "cfag", "cfag"),
        ("abcd", "defa", "bcdefa"),
        ("cdefghij", "2h3e4kl", "cdfg2hij3e4kl"),
        ("abcdefghij", "1b2h3e4kl", "a1bcdfg2hij3e4kl"),
        ("abb", "c", "abbc"),
        ("abb", "b", "ab"),
        ("abb", "a", "abb"),
        ("abcdec", "1b2ed", "a1bc2ecd"),
    ],
)
def test_items_come_in_the_order_of_the_new_list_and_the_others_stay_where_they_were(
    old: str, new: str, merged: str
) -> None:
    assert merge(SET, list(old), list(new)) == list(merged)


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        pytest.param({}, {"type": "NodePort"}, {"type": "NodePort"}, id="a field is set"),
        pytest.param({"type": "NodePort"}, {}, {"type": "NodePort"}, id="a field stays"),
        pytest.param({"type": "NodePort"}, {"type": None}, {"type": None}, id="null counts"),
        pytest.param({"selector": {"a": "1"}}, {"selector": {"b": "2"}}, {"selector": {"b": "2"}}, id="atomic"),
        pytest.param({"ports": None}, {"ports": [{"port": 1}]}, {"ports": [{"port": 1}]}, id="a list over null"),
        pytest.param({"ports": [{"port": 1}]}, {"ports": None}, {"ports": [{"port": 1}]}, id="null over a list"),
        pytest.param({"ports": []}, {"ports": None}, {"ports": None}, id="null over nothing"),
    ],
)
def test_a_struct_is_merged_field_by_field(old: Any, new: Any, merged: Any) -> None:
    assert merge(SERVICE, {"spec": old}, {"spec": new}) == {"spec": merged}


def paths(*texts: str) -> FieldSet:
    return frozenset(tuple(text.split(" ")) for text in texts)


PORTS = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
PORT_80 = 'k:{"port":80,"protocol":"TCP"}'


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        pytest.param(paths(), {"type": "x", "ports": PORTS, "selector": {"a": "b"}}, id="nothing"),
        pytest.param(paths("f:spec f:type"), {"ports": PORTS, "selector": {"a": "b"}}, id="a field"),
        pytest.param(paths("f:spec f:ports f:no"), {"type": "x", "ports": PORTS, "selector": {"a": "b"}}, id="no such"),
        pytest.param(
            paths(f"f:spec f:ports {PORT_80}"),
            {"type": "x", "ports": PORTS[1:], "selector": {"a": "b"}},
            id="an item",
        ),
        pytest.param(
            paths(f"f:spec f:ports {PORT_80} f:name"),
            {"type": "x", "ports": [{"port": 80}, PORTS[1]], "selector": {"a": "b"}},
            id="a field of an item",
        ),
        pytest.param(
            paths("f:spec f:selector f:a"), {"type": "x", "ports": PORTS, "selector": None}, id="within atomic"
        ),
        pytest.param(paths("f:spec f:type", "f:spec f:ports", "f:spec f:selector"), None, id="everything"),
    ],
)
def test_removing_takes_what_is_named_and_leaves_null_where_nothing_is_left(fields: FieldSet, left: Any) -> None:
    value = {"kind": "Service", "spec": {"type": "x", "ports": PORTS, "selector": {"a": "b"}}}
    assert remove(SERVICE, value, fields) == {"kind": "Service", "spec": left}


def test_the_fields_on_the_way_to_a_member_are_those_that_the_schema_names() -> None:
    found = with_named_parents(SERVICE, paths(f"f:spec f:ports {PORT_80} f:name", "f:metadata f:labels f:a"))
    assert found == paths(
        f"f:spec f:ports {PORT_80} f:name",
        "f:spec f:ports",
        "f:spec",
        "f:metadata f:labels f:a",
        "f:metadata f:labels",
        "f:metadata",
    )


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        pytest.param({}, paths(), id="nothing"),
        pytest.param({"spec": {}}, paths("f:spec"), id="an empty struct"),
        pytest.param({"spec": None}, paths("f:spec"), id="null"),
        pytest.param({"spec": {"ports": []}}, paths(), id="an empty list"),
        pytest.param({"spec": {"selector": {"a": "b"}}}, paths("f:spec f:selector"), id="an atomic map"),
        pytest.param({"metadata": {"labels": {"a": "b"}}}, paths("f:metadata f:labels f:a"), id="a map"),
        pytest.param({"metadata": {"finalizers": ["x"]}}, paths('f:metadata f:finalizers v:"x"'), id="a set"),
        pytest.param(
            {"metadata": {"ownerReferences": [{"uid": "u", "name": "n"}]}},
            paths('f:metadata f:ownerReferences k:{"uid":"u"}'),
            id="an atomic item",
        ),
        pytest.param(
            {"spec": {"ports": [{"port": 80}]}},
            paths(f"f:spec f:ports {PORT_80}", f"f:spec f:ports {PORT_80} f:port"),
            id="a keyed item",
        ),
    ],
)
def test_a_value_has_the_fields_that_it_states(value: Any, fields: FieldSet) -> None:
    assert field_set(SERVICE, value) == fields


@pytest.mark.parametrize(
    ("old", "new", "added", "removed", "modified"),
    [
        pytest.param("ab", "ab", "", "", "", id="the same"),
        pytest.param("ab", "ba", "", "", "", id="another order"),
        pytest.param("a", "ab", "b", "", "", id="one more"),
        pytest.param("ab", "a", "", "b", "", id="one less"),
        pytest.param("abb", "abbb", "", "", "b", id="more duplicates"),
        pytest.param("ab", "abb", "b", "b", "", id="a new duplicate"),
        pytest.param("abb", "ab", "b", "b", "", id="a duplicate less"),
        pytest.param("abb", "a", "", "b", "", id="all duplicates gone"),
    ],
)
def test_sets_differ_by_their_members(old: str, new: str, added: str, removed: str, modified: str) -> None:
    found = compare(SET, list(old), list(new))
    assert [sorted(path[0][3] for path in each) for each in found] == [list(added), list(removed), list(modified)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"type": ""}, {}, id="text"),
        pytest.param({"publishNotReadyAddresses": False}, {}, id="a boolean"),
        pytest.param({"healthCheckNodePort": 0}, {}, id="a number"),
        pytest.param({"selector": {}}, {}, id="a map"),
        pytest.param({"externalIPs": []}, {}, id="a list"),
        pytest.param({"ports": None}, {}, id="null"),
    ],
)
def test_what_go_leaves_out_when_it_is_empty_is_no_difference(old: Any, new: Any) -> None:
    assert not compare(SERVICE, {"spec": old}, {"spec": new})


def test_a_pointer_to_zero_is_a_difference() -> None:
    deployment = atom_of("apps.v1.Deployment")
    assert compare(deployment, {"spec": {}}, {"spec": {"replicas": 0}}).added == {("f:spec", "f:replicas")}


def test_absent_says_what_it_is() -> None:
    assert repr(ABSENT) == "ABSENT"

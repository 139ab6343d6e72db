from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
import yaml

from kubesvc.manifests import yamltext
from kubesvc.manifests.faults import Place, Position, locate
from kubesvc.manifests.reading import read_text
from kubesvc.manifests.scalars import UnusableScalar, read_plain
from kubesvc.manifests.yamltext import MAX_DEPTH


def read_one(text: str) -> Any:
    trees, faults = read_text(dedent(text), "t.yaml")
    assert faults == []
    assert len(trees) == 1
    return trees[0].value


def printed(text: str) -> list[str]:
    return [str(fault) for fault in read_text(dedent(text), "t.yaml")[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80", 80),
        ("-7", -7),
        ("+7", 7),
        ("0755", 493),
        ("0o755", 493),
        ("08", 8),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("1e3", 1000),
        ("1.0", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e400x", "1e400x"),
        ("99999999999999999999999", 1e23),
        ("true", True),
        ("Yes", True),
        ("on", True),
        ("y", True),
        ("no", False),
        ("OFF", False),
        ("", None),
        ("~", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("yEs", "yEs"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("12:30:45", "12:30:45"),
        ("1.27.3", "1.27.3"),
        ("127.0.0.1", "127.0.0.1"),
        ("30s", "30s"),
        ("-", "-"),
        ("=", "="),
    ],
)
def test_a_plain_scalar_means_what_go_yaml_makes_of_it(text: str, value: object) -> None:
    found = read_plain(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.Inf", ".nan", "1e400"])
def test_a_number_that_json_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(UnusableScalar):
        read_plain(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: '80'", "80"),
        ('a: "yes"', "yes"),
        ("a: !!str 80", "80"),
        ("a: ! 80", "80"),
        ("a: !!int '80'", 80),
        ("a: !!bool 'on'", True),
        ("a: !!null ''", None),
        ("a: !!timestamp 2026-01-02", "2026-01-02"),
        ("a: !!binary aGVsbG8=", "hello"),
        ("a: |\n  80\n", "80\n"),
        ("a: >-\n  80\n  81\n", "80 81"),
    ],
)
def test_quotes_and_tags_decide_over_the_form(text: str, value: object) -> None:
    assert read_one(text) == {"a": value}


@pytest.mark.parametrize("text", ["a: !!python/object:os.system x", "a: !mine x", "a: !!set {x}", "a: !!int x"])
def test_a_tag_without_meaning_is_a_fault(text: str) -> None:
    (fault,) = printed(text)
    assert fault.startswith("t.yaml:1:4: a: ")


def test_anchors_merge_keys_and_aliases_work() -> None:
    value = read_one(
        """
        base: &base {app: web, tier: front}
        more: &more {tier: back, zone: a}
        selector:
          <<: [*base, *more]
          app: api
        copy: *base
        """
    )
    assert value["selector"] == {"app": "api", "tier": "front", "zone": "a"}
    assert value["copy"] == value["base"]
    assert value["copy"] is not value["base"]


def test_a_merged_key_has_the_place_where_it_is_written() -> None:
    trees, _ = read_text("base: &b\n  app: web\nuse:\n  <<: *b\n", "t.yaml")
    assert locate(trees[0].spot.place, "use.app") == (2, 3)


def test_a_json_document_with_tabs_and_escapes_is_read() -> None:
    assert read_one('{\n\t"a":\t[1, null, true],\n\t"b": "\\ud83d\\ude00 \\/ \\u00e9"\n}\n') == {
        "a": [1, None, True],
        "b": "😀 / é",
    }


def test_documents_without_content_do_not_count() -> None:
    trees, faults = read_text("---\n# only a comment\n---\na: 1\n---\n---\nnull\n...\n", "t.yaml")
    assert ([tree.value for tree in trees], faults) == ([{"a": 1}], [])


def test_positions_go_on_through_the_documents_of_a_file() -> None:
    trees, _ = read_text("a: 1\n---\nb: 2\n--- {c: 3}\n", "t.yaml")
    assert [tree.spot.place.position for tree in trees] == [(1, 1), (3, 1), (4, 5)]


def test_a_separator_inside_a_block_of_text_does_not_split_it() -> None:
    assert read_one("a: |\n  ---\n  b\n") == {"a": "---\nb\n"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            "a:\n\t- b",
            "t.yaml:2:1: a: a tab is used for indentation, where YAML allows only spaces\n"
            "    replace the tab by spaces",
            id="tab",
        ),
        pytest.param(
            "a: 'x\nb: c\n",
            "t.yaml:3:1: a: the quote that is opened at line 1 is never closed",
            id="open quote",
        ),
        pytest.param(
            "image: a: b",
            't.yaml:1:9: a ":" is not allowed here\n    quote the value if it contains ": "; '
            'otherwise check the indentation and that the line above has its ":"',
            id="colon in a value",
        ),
        pytest.param(
            "spec:\n  a: 1\n b: 2\n",
            "t.yaml:3:2: this does not belong to the mapping that begins at line 1\n"
            "    check the indentation: the keys of one mapping stand in one column",
            id="indentation",
        ),
        pytest.param(
            "a: [1, 2\n",
            't.yaml:2:1: a[2]: the list that is opened with "[" at line 1 needs a "," or its "]" here',
            id="open list",
        ),
        pytest.param(
            '{"a": 1 "b": 2}',
            't.yaml:1:12: the mapping that is opened with "{" at line 1 needs a "," or its "}" here',
            id="JSON without a comma",
        ),
        pytest.param(
            "a: @x",
            "t.yaml:1:4: a: a plain value cannot begin with this character\n    quote the value",
            id="reserved character",
        ),
        pytest.param(
            "a: *nobody", "t.yaml:1:4: a: *nobody refers to an anchor that is not defined before it", id="unknown alias"
        ),
        pytest.param("a: &a [*a]", "t.yaml:1:8: a[0]: *a is inside the value of &a itself", id="endless alias"),
        pytest.param("a: \x01", "t.yaml:1:4: the character U+0001 is not allowed in YAML", id="control character"),
        pytest.param(
            "a:\n  b: 1\n  b: 2\n",
            't.yaml:3:3: a.b: key "b" already set in map\n    it is first set at line 2',
            id="duplicate key",
        ),
        pytest.param(
            "{80: x}", 't.yaml:1:2: a key must be text, but 80 is a number\n    quote it: "80"', id="number as key"
        ),
        pytest.param(
            "on: x", 't.yaml:1:1: a key must be text, but on is a boolean\n    quote it: "on"', id="boolean as key"
        ),
        pytest.param(
            "? [a]\n: b",
            "t.yaml:1:3: a key must be text, not a mapping or a list\n    quote it if it is text",
            id="list as key",
        ),
        pytest.param(
            "<<: 5", "t.yaml:1:1: <<: the value of << must be a mapping, or a list of mappings", id="bad merge"
        ),
        pytest.param(
            "a: {b: {c: .nan}}",
            "t.yaml:1:12: a.b.c: .nan is not a number in JSON\n    quote it if it is text",
            id="NaN",
        ),
    ],
)
def test_broken_text_is_said_in_plain_words_with_its_place(text: str, fault: str) -> None:
    assert printed(text) == [fault]


def test_a_broken_document_does_not_hide_the_others() -> None:
    trees, faults = read_text("a: 1\n---\nb: [\n---\nc: 'x\n---\nd: 4\n", "t.yaml")
    assert [tree.value for tree in trees] == [{"a": 1}, {"d": 4}]
    assert [fault.line for fault in faults] == [4, 6]


def test_a_document_that_is_nested_without_end_is_refused_not_crashed_on() -> None:
    (fault,) = printed("[" * 100_000)
    assert fault == f"t.yaml:1:{MAX_DEPTH + 1}: {'[0]' * MAX_DEPTH}: nested deeper than {MAX_DEPTH} levels"


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (fault,) = printed("\n".join(lines))
    assert fault.endswith("the aliases of this document stand for more than 100000 values")


def test_the_pure_python_parser_gives_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {b: [1, 'two', 3.5, ~]}\nc: *x\nd: |\n  text\n"
    fast = read_one(text)
    monkeypatch.setattr(yamltext, "_LOADER", yaml.SafeLoader)
    assert read_one(text) == fast


def place(text: str) -> Place:
    return read_text(dedent(text), "t.yaml")[0][0].spot.place


SERVICE = """\
metadata:
  annotations:
    kubesvc.dev/balancer: random
spec:
  clusterIP: 127.96.0.9
  loadBalancerSourceRanges: []
  selector: {app: web}
  ports:
    - name: http
      port: 80
    -   port: 81
"""


@pytest.mark.parametrize(
    ("field", "position"),
    [
        ("spec.ports[0].port", (10, 7)),
        ("spec.ports[1].port", (11, 9)),
        ("spec.ports[1]", (11, 9)),
        ("spec.ports[1].targetPort", (11, 9)),
        ("spec.ports[7].port", (8, 3)),
        ("spec.selector[app]", (7, 14)),
        ("spec.selector", (7, 3)),
        ("metadata.annotations[kubesvc.dev/balancer]", (3, 5)),
        ("spec.clusterIPs[0]", (5, 3)),
        ("spec.LoadBalancerSourceRanges[0]", (6, 3)),
        ("spec.externalName", (4, 1)),
        ("status.phase", (1, 1)),
        ("", (1, 1)),
    ],
)
def test_a_field_path_leads_to_its_place_or_the_nearest_that_is_written(field: str, position: Position) -> None:
    assert locate(place(SERVICE), field) == position

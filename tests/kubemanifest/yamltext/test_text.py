from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
import yaml

from kubemanifest.faults import Place, Position, locate
from kubemanifest.reading import read_text
from kubemanifest.yamltext import parsing
from kubemanifest.yamltext.building import MAX_DEPTH
from kubemanifest.yamltext.scalars import UnusableScalar, read_plain


def read_one(text: str) -> Any:
    trees, faults, warnings = read_text(dedent(text), "t.yaml")
    assert (faults, warnings) == ([], [])
    assert len(trees) == 1
    return trees[0].value


def printed(text: str) -> list[str]:
    return [str(fault) for fault in read_text(dedent(text), "t.yaml").faults]


def read_with_warnings(text: str) -> tuple[list[Any], list[str]]:
    trees, faults, warnings = read_text(text, "t.yaml")
    assert faults == []
    return [tree.value for tree in trees], [str(warning) for warning in warnings]


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
        (".5_0", 0.5),
        (".5_", ".5_"),
        ("1e3", 1000),
        ("1.0", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e400x", "1e400x"),
        ("1e400", "1e400"),
        ("0xfffffffffffffffff", "0xfffffffffffffffff"),
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


@pytest.mark.parametrize("text", [".inf", "-.Inf", ".nan"])
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


@pytest.mark.parametrize("text", ["a: !!int x", "a: !!bool 1", "a: !!null x", "a: !!binary '%'"])
def test_a_tag_that_the_value_does_not_fit_is_a_fault(text: str) -> None:
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
    trees, _, _ = read_text("base: &b\n  app: web\nuse:\n  <<: *b\n", "t.yaml")
    assert locate(trees[0].spot.place, "use.app") == (2, 3)


def test_a_json_document_with_tabs_and_escapes_is_read() -> None:
    assert read_one('{\n\t"a":\t[1, null, true],\n\t"b": "\\ud83d\\ude00 \\/ \\u00e9"\n}\n') == {
        "a": [1, None, True],
        "b": "😀 / é",
    }


def test_documents_without_content_do_not_count() -> None:
    trees, faults, _ = read_text("---\n# only a comment\n---\na: 1\n---\n---\nnull\n...\n", "t.yaml")
    assert ([tree.value for tree in trees], faults) == ([{"a": 1}], [])


def test_positions_go_on_through_the_documents_of_a_file() -> None:
    trees, _, _ = read_text("a: 1\n---\nb: 2\n--- {c: 3}\n", "t.yaml")
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
            "~: x", 't.yaml:1:1: a key must be text, but this is empty\n    quote it: "~"', id="nothing as key"
        ),
        pytest.param(
            "9223372036854775808: x",
            "t.yaml:1:1: a key must be text, but this is a number above 9223372036854775807\n"
            '    quote it: "9223372036854775808"',
            id="number as key that Go has no int for",
        ),
        pytest.param(
            "a: &a [1]\n*a : b",
            "t.yaml:2:1: a key must be text, but *a is a list",
            id="list as key by its alias",
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


@pytest.mark.parametrize(
    ("key", "read"),
    [
        ("9000", "9000"),
        ("010", "8"),
        ("0x1F", "31"),
        ("1_000", "1000"),
        ("+7", "7"),
        ("1.0", "1"),
        ("1.10", "1.1"),
        ("1e3", "1000"),
        ("1e6", "1e+06"),
        ("123456789.125", "1.2345679e+08"),
        ("0.00001", "1e-05"),
        ("1e300", ".inf"),
        ("-.Inf", "-.inf"),
        ("true", "true"),
        ("y", "true"),
        ("Off", "false"),
        ("!!int '1'", "1"),
    ],
)
def test_a_key_that_is_no_text_becomes_what_kubectl_makes_of_it_with_a_warning(key: str, read: str) -> None:
    # As `kubectl annotate --local -f FILE a=b -o json` prints them, kubectl 1.33.
    values, (warning,) = read_with_warnings(f"a: {{{key}: x}}")
    assert values == [{"a": {read: "x"}}]
    assert warning.startswith("t.yaml:1:5: a: the key ")
    assert f'Kubernetes reads it as "{read}"' in warning


@pytest.mark.parametrize("key", ["2001-01-01", "12:30", "=", "!!str 1", "! 1", "!!binary aQ==", "'1'"])
def test_a_key_that_is_text_is_no_reason_for_a_warning(key: str) -> None:
    read_one(f"a: {{{key}: x}}")


@pytest.mark.parametrize(
    ("text", "value", "warning"),
    [
        pytest.param(
            "a:\n  b: 1\n  b: 2\n",
            {"a": {"b": 2}},
            't.yaml:3:3: a.b: key "b" already set in map\n'
            "    it is first set at line 2; the last one counts, as kubectl reads it",
            id="a key twice",
        ),
        pytest.param(
            '{"a": 1,\n "a": 2}',
            {"a": 2},
            't.yaml:2:2: a: key "a" already set in map\n'
            "    it is first set at line 1; the last one counts, as kubectl reads it",
            id="a key twice in JSON",
        ),
        pytest.param(
            "a: !foo 1", {"a": "1"}, "t.yaml:1:4: a: the tag !foo has no meaning in a manifest and is ignored", id="tag"
        ),
        pytest.param(
            "a: !!python/object:os.system x",
            {"a": "x"},
            "t.yaml:1:4: a: the tag !!python/object:os.system has no meaning in a manifest and is ignored",
            id="tag of another language",
        ),
        pytest.param(
            "a: !!set {x}",
            {"a": {"x": None}},
            "t.yaml:1:4: a: the tag !!set has no meaning in a manifest and is ignored",
            id="tag of a mapping",
        ),
        pytest.param(
            "a: !foo [1]",
            {"a": [1]},
            "t.yaml:1:4: a: the tag !foo has no meaning in a manifest and is ignored",
            id="tag of a list",
        ),
        pytest.param(
            "%YAML 1.1\n---\na: 1\n",
            {"a": 1},
            "t.yaml:1:1: kubectl refuses a directive\n    remove the line",
            id="directive",
        ),
        pytest.param(
            "--- {a: 1}",
            {"a": 1},
            't.yaml:1:5: kubectl refuses text in the line of a "---"\n    begin it in the next line',
            id="text after the separator",
        ),
    ],
)
def test_what_kubectl_takes_otherwise_than_it_looks_or_refuses_is_taken_with_a_warning(
    text: str, value: object, warning: str
) -> None:
    assert read_with_warnings(text) == ([value], [warning])


@pytest.mark.parametrize(
    ("text", "value", "warnings"),
    [
        pytest.param("{<<: *l, tier: b}", {"app": "web", "tier": "b"}, 0, id="before the own key"),
        pytest.param("{tier: b, <<: *l}", {"app": "web", "tier": "a"}, 1, id="after the own key"),
        pytest.param("{tier: a, <<: *l}", {"app": "web", "tier": "a"}, 0, id="after the same"),
        pytest.param("{tier: b, <<: [*m, *l]}", {"app": "web", "tier": "m"}, 2, id="a list, of which the first wins"),
        pytest.param("{<<: *l, <<: *m}", {"app": "web", "tier": "m"}, 0, id="two, of which the last wins"),
        pytest.param("{<<: *l, tier: b, <<: *m}", {"app": "web", "tier": "m"}, 1, id="around the own key"),
        pytest.param("{<<: *l, tier: b, tier: c}", {"app": "web", "tier": "c"}, 1, id="an own key twice"),
        pytest.param("{!!merge <<: *l}", {"app": "web", "tier": "a"}, 0, id="by its tag"),
        pytest.param('{"<<": *m, tier: b}', {"<<": {"tier": "m"}, "tier": "b"}, 0, id="quoted, which is only a key"),
    ],
)
def test_a_merge_key_replaces_what_stands_before_it_as_in_kubectl(text: str, value: object, warnings: int) -> None:
    values, said = read_with_warnings(f"l: &l {{app: web, tier: a}}\nm: &m {{tier: m}}\nselector: {text}\n")
    assert values[0]["selector"] == value
    assert len(said) == warnings


def test_a_warning_of_a_merge_stands_at_the_merge_key() -> None:
    _, warnings = read_with_warnings("selector:\n  app: a\n  <<: {app: b}\n")
    assert warnings == [
        't.yaml:3:3: selector.<<: << replaces "app" that stands before it, as kubectl reads it\n'
        "    write << first to keep the mapping's own"
    ]


@pytest.mark.parametrize(
    "text", ['{"a": 1}\n{"b": 2}\n', '{"a": 1}{"b": 2}', '{\n"a": 1\n}\n\n \t{\n"b":\n2}', '{"a": 1} {"b": 2,}']
)
def test_json_objects_may_follow_one_another_as_jq_prints_them(text: str) -> None:
    values, (warning,) = read_with_warnings(text)
    assert values == [{"a": 1}, {"b": 2}]
    assert 'a second JSON object begins here without a "---" before it' in warning


def test_each_of_several_json_objects_has_its_own_place() -> None:
    trees, _, (warning,) = read_text('# two\n---\n{"a": 1} {"b": 2}\n{"c": 3,\n "d": 4}\n', "t.yaml")
    assert (warning.line, warning.column) == (3, 10)
    assert [locate(tree.spot.place, field) for tree, field in zip(trees, "abd", strict=True)] == [
        (3, 2),
        (3, 11),
        (5, 2),
    ]


@pytest.mark.parametrize("text", ["a: 1\n---\n\ufeffb: 2\n", "\ufeffa: 1\n---\nb: 2\n", "a: 1\r\n---\r\nb: 2\r\n"])
def test_joined_files_may_have_byte_order_marks_and_line_ends_of_their_own(text: str) -> None:
    assert read_with_warnings(text) == ([{"a": 1}, {"b": 2}], [])


def test_what_stands_after_the_end_of_a_document_is_a_fault_where_kubectl_loses_it() -> None:
    assert printed("a: 1\n...\nb: 2\n") == [
        't.yaml:3:1: a new document must begin here\n    separate documents with "---"'
    ]


def test_a_broken_document_does_not_hide_the_others() -> None:
    trees, faults, _ = read_text("a: 1\n---\nb: [\n---\nc: 'x\n---\nd: 4\n", "t.yaml")
    assert [tree.value for tree in trees] == [{"a": 1}, {"d": 4}]
    assert [fault.line for fault in faults] == [4, 6]


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@pytest.mark.parametrize(
    ("text", "line", "column", "path"),
    [
        pytest.param("[" * 3000, 1, MAX_DEPTH + 1, "[0]" * MAX_DEPTH, id="lists-in-one-line"),
        pytest.param("[\n" * 3000, MAX_DEPTH + 1, 1, "[0]" * MAX_DEPTH, id="lists-in-lines"),
        pytest.param("{a: " * 3000, 1, 4 * MAX_DEPTH + 1, ".a" * MAX_DEPTH, id="mappings-in-one-line"),
        pytest.param("- " * 3000, 1, 2 * MAX_DEPTH + 1, "[0]" * MAX_DEPTH, id="block-lists"),
        pytest.param("a: 1\n---\nb: " + "[" * 1200 + "\n...x: [", 3, MAX_DEPTH + 3, ".b" + "[0]" * 99, id="later"),
    ],
)
def test_a_document_that_is_nested_without_end_is_refused_whatever_limit_the_parser_has(
    text: str, line: int, column: int, path: str, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "_LOADER", getattr(yaml, loader))
    expected = f"t.yaml:{line}:{column}: {path.removeprefix('.')}: nested deeper than {MAX_DEPTH} levels"
    assert printed(text) == [expected]


def test_what_is_wrong_before_the_depth_is_too_great_is_said_as_ever() -> None:
    (fault,) = printed(f"a: {'[' * (MAX_DEPTH - 1)}")
    assert fault.startswith(f"t.yaml:2:1: a{'[0]' * 98}")
    assert "nested" not in fault


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (fault,) = printed("\n".join(lines))
    assert fault.endswith("the aliases of this document stand for more than 100000 values")


def test_the_pure_python_parser_gives_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {b: [1, 'two', 3.5, ~]}\nc: *x\nd: |\n  text\n"
    fast = read_one(text)
    monkeypatch.setattr(parsing, "_LOADER", yaml.SafeLoader)
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

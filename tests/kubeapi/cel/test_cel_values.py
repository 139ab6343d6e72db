"""Values of expressions, and why some have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeapi.cel.environment import Environment
from kubeapi.cel.evaluation.evaluator import Budget
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.program import compiled
from kubeapi.cel.types import DYN

OBJECT = {"spec": {"replicas": 3, "a": [1, 2, 3], "m": {"k": "v"}, "s": "hello"}}
ENVIRONMENT = Environment({"object": DYN})


def value_of(text: str) -> Any:
    return compiled(text, ENVIRONMENT).evaluate({"object": OBJECT})


OF_AN_OBJECT = [
    "object.spec.replicas <= 5 || object.spec.nope",
    "object.spec.nope || true",
    "!(false && object.spec.nope == 1)",
    "has(object.spec.replicas) && !has(object.spec.nope)",
    "object.spec.a.all(i, i > 0) && object.spec.a.exists(i, i == 2) && object.spec.a.exists_one(i, i == 2)",
    "object.spec.a.map(i, i * 2) == [2, 4, 6] && object.spec.a.map(i, i > 1, i * 2) == [4, 6]",
    "object.spec.a.filter(i, i > 1).size() == 2",
    "object.spec.m.all(k, object.spec.m[k] == 'v')",
    "object.spec.?nope.orValue('d') == 'd' && object.spec.?m.?k.orValue('d') == 'v'",
    "object.spec.m[?'k'].optMap(v, v + '!').orValue('none') == 'v!'",
    "object.spec.m[?'x'].optFlatMap(v, optional.of(v)) == optional.none()",
    "[dyn('x'), dyn(1)].exists(i, i > 0) && ![dyn('x'), dyn(-1)].all(i, i > 0)",
    "quantity('100m').add(quantity('1')).compareTo(quantity('1.1')) == 0 && sign(quantity('-1')) == -1",
]
RECORDED = yaml.safe_load(Path(__file__).with_name("values.yaml").read_text())


@pytest.mark.parametrize(("text", "value"), [(text, value) for value, texts in RECORDED.items() for text in texts])
def test_an_expression_has_the_value_that_kubernetes_gives_it(text: str, value: bool) -> None:
    assert value_of(text) is value


@pytest.mark.parametrize("text", OF_AN_OBJECT)
def test_an_expression_reads_an_object(text: str) -> None:
    assert value_of(text) is True


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("object.spec.nope == 1", "no such key: nope"),
        ("object.spec.a[5]", "index out of bounds: 5"),
        ("object.spec.m['x']", "no such key: x"),
        ("object.spec.s + object.spec.replicas", "no such overload"),
        ("1 / 0", "division by zero"),
        ("1 % 0", "modulus by zero"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("1u - 2u", "unsigned integer overflow"),
        ("[].max()", "max called on empty list"),
        ("optional.none().value()", "optional.none() dereference"),
        ("'abc'.substring(5)", "index out of range: 5"),
        ("int('++1')", 'strconv.ParseInt: parsing "++1": invalid syntax'),
        ("uint('+1')", 'strconv.ParseUint: parsing "+1": invalid syntax'),
        ("uint(-0.5)", "unsigned integer overflow"),
        ("double(' 1')", 'strconv.ParseFloat: parsing " 1": invalid syntax'),
        ("double('1e400')", 'strconv.ParseFloat: parsing "1e400": value out of range'),
        ("timestamp(9223372036854775807)", "timestamp overflow"),
        ("timestamp('9999-12-31T23:59:59Z').getHours('+02:00')", "timestamp overflow"),
        ("quantity('1000m').asInteger()", "cannot convert value to integer"),
        ("int('x')", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("{'a': 1, 'a': 2}", "Failed with repeated key: a"),
    ],
)
def test_what_has_no_value_says_why(text: str, why: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        value_of(text)
    assert str(caught.value) == why


def test_expressions_share_a_budget() -> None:
    budget = Budget(100)
    program = compiled("[1, 2, 3].all(x, x > 0)", ENVIRONMENT)
    program.evaluate({"object": {}}, budget)
    assert 0 < budget.left < 100
    with pytest.raises(EvaluationError, match="actual cost limit exceeded"):
        for _ in range(20):
            program.evaluate({"object": {}}, budget)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "'%s'.format([[1, 'b', 1.5, duration('1s'), b'x', int, null]])",
            '[1, "b", 1.500000, duration("1s"), b"x", int, null]',
        ),
        ("'%s'.format([{'b': 1, 'a': 2}])", '{"a":2, "b":1}'),
        ("'%e|%.2e|%.18e'.format([1234.5, 0.00012, -0.0])", "1.234500×10⁰³|1.200000×10⁻⁰⁴|     0.000000×10⁰⁰"),
        ("string(timestamp('2024-12-31T23:59:59.5+05:30') - duration('1h'))", "2024-12-31T22:59:59.5+05:30"),
        ("string(duration('1.500001s')) + ' ' + string(duration('-1ns'))", "1.5000010000000001s -0.000000001s"),
        ("'%f %b %X'.format([1234567.891, true, -255])", "1,234,567.891000 1 -FF"),
        ("string(1000000.0) + ' ' + string(123456.0) + ' ' + string(0.00001234)", "1e+06 123456 1.234e-05"),
    ],
)
def test_values_are_shown_as_kubernetes_shows_them(text: str, shown: str) -> None:
    assert value_of(text) == shown

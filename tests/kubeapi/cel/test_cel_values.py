"""Values of expressions, and why some have none."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapi.cel.environment import Environment
from kubeapi.cel.evaluator import Budget
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.program import compiled
from kubeapi.cel.types import DYN

OBJECT = {"spec": {"replicas": 3, "a": [1, 2, 3], "m": {"k": "v"}, "s": "hello"}}
ENVIRONMENT = Environment({"object": DYN})


def value_of(text: str) -> Any:
    return compiled(text, ENVIRONMENT).evaluate({"object": OBJECT})


TRUE = [
    "1 + 2 * 3 == 7 && -5 % 3 == -2 && -5 / 2 == -2 && 0x1F == 31",
    "dyn(1) == 1.0 && 1 < 1.5 && 1u + 2u == 3u && dyn(1) != '1'",
    "9223372036854775807 > -9223372036854775808",
    "object.spec.replicas <= 5 || object.spec.nope",
    "object.spec.nope || true",
    "!(false && object.spec.nope == 1)",
    "has(object.spec.replicas) && !has(object.spec.nope)",
    "object.spec.a.all(i, i > 0) && object.spec.a.exists(i, i == 2) && object.spec.a.exists_one(i, i == 2)",
    "[dyn('x'), 1].exists(i, i > 0)",
    "![dyn('x'), -1].all(i, i > 0)",
    "object.spec.a.map(i, i * 2) == [2, 4, 6] && object.spec.a.map(i, i > 1, i * 2) == [4, 6]",
    "object.spec.a.filter(i, i > 1).size() == 2",
    "object.spec.m.all(k, object.spec.m[k] == 'v')",
    "object.spec.?nope.orValue('d') == 'd' && object.spec.?m.?k.orValue('d') == 'v'",
    "object.spec.m[?'k'].optMap(v, v + '!').orValue('none') == 'v!'",
    "object.spec.m[?'x'].optFlatMap(v, optional.of(v)) == optional.none()",
    "optional.ofNonZeroValue('') == optional.none() && optional.of(1).or(optional.of(2)).value() == 1",
    "[?optional.none(), 2] == [2] && {?'a': optional.of(1), ?'b': optional.none()} == {'a': 1}",
    "{'a': 1, 'b': 2}.transformMap(k, v, v * 2) == {'a': 2, 'b': 4}",
    "[5, 6].transformList(i, v, i + v) == [5, 7] && {'a': 1}.transformMapEntry(k, v, {v: k}) == {1: 'a'}",
    "{'a': 1}.all(k, v, v > 0) && [1, 2].exists(i, v, i == 1 && v == 2)",
    "[3, 1, 2].sort() == [1, 2, 3] && ['a', 'bb'].sortBy(e, -size(e)) == ['bb', 'a']",
    "[1, 2].isSorted() && [1, 2].sum() == 3 && [1, 2].max() == 2 && [1, 2].min() == 1 && [1, 2].indexOf(2) == 1",
    "[1, 2, 1].distinct() == [1, 2] && [1, 2].reverse() == [2, 1] && [[1], [2]].flatten() == [1, 2]",
    "lists.range(3) == [0, 1, 2] && [1, 2, 3].slice(1, 2) == [2] && [1].first().value() == 1 && [1].includes(1)",
    "sets.contains([1, 2], [1]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])",
    "'%s is %d, %.2f, %x'.format(['a', 3, 1.5, 255]) == 'a is 3, 1.50, ff' && '%s'.format([[1, 'b']]) == '[1, b]'",
    "'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b' && ' x '.trim() == 'x'",
    "'hello'.substring(1, 3) == 'el' && 'hello'.charAt(1) == 'e' && 'hello'.indexOf('l') == 2",
    "'hello'.lastIndexOf('l') == 3 && 'aXb'.lowerAscii() == 'axb' && 'aa'.replace('a', 'b', 1) == 'ba'",
    r"'abc'.matches('^a.c$') && 'a1b22'.find('[0-9]+') == '1' && 'a1b22'.findAll('[0-9]+') == ['1', '22']",
    r"r'\d' == '\\d' && '\u00e9'.size() == 1 && b'abc' == bytes('abc') && strings.quote('a\"b') == '\"a\\\"b\"'",
    "duration('1h') > duration('30m') && duration('90s').getMinutes() == 1 && string(duration('1h')) == '3600s'",
    "timestamp('2020-01-01T00:00:00Z') + duration('1h') == timestamp('2020-01-01T01:00:00Z')",
    "timestamp('2020-02-03T04:05:06.5Z').getMonth() == 1 && timestamp('2020-02-03T04:05:06.5Z').getDayOfWeek() == 1",
    "string(timestamp('2020-01-01T00:00:00.25Z')) == '2020-01-01T00:00:00.25Z'",
    "timestamp('2020-01-01T00:00:00Z').getHours('+02:00') == 2",
    "type(1) == int && type('a') == string && type([]) == list && type(duration('1s')) == google.protobuf.Duration",
    "int('42') == 42 && double('1.5') == 1.5 && string(1.0) == '1' && bool('true') && uint(3) == 3u",
    "quantity('1Gi').isGreaterThan(quantity('500Mi')) && quantity('100m').add(quantity('1')).compareTo("
    "quantity('1.1')) == 0 && quantity('5k').asInteger() == 5000 && !isQuantity('x') && quantity('-1').sign() == -1",
    "ip('10.0.0.1').family() == 4 && isIP('::1') && !isIP('10.0.0.1.5') && ip('::1').isLoopback()",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
    "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8",
    "ip.isCanonical('::1') && !ip.isCanonical('0:0::1') && string(ip('10.0.0.1')) == '10.0.0.1'",
    "url('https://a.b:80/c?d=e').getHost() == 'a.b:80' && url('https://a.b/c?d=e').getQuery()['d'] == ['e']",
    "url('https://a.b:80/c').getPort() == '80' && !isURL('a b') && url('/x').getEscapedPath() == '/x'",
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
    "isSemver('v1.2', true) && !isSemver('1.2') && semver('1.2.3').minor() == 2",
    "!format.dns1123Label().validate('abc').hasValue() && format.dns1123Label().validate('A_b').hasValue()",
    "format.named('uuid').hasValue() && jsonpatch.escapeKey('a/b~c') == 'a~1b~0c'",
    "'a' in ['a'] && 'a' in {'a': 1} && !('b' in {'a': 1})",
]


@pytest.mark.parametrize("text", TRUE)
def test_an_expression_has_the_value_that_kubernetes_gives_it(text: str) -> None:
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

"""What expressions cost at most, as Kubernetes' own estimator says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeapi.customresources.cel.rules import compile_rules
from kubeapi.kinds.customresourcedefinition.costs import Place, inside
from kubeapi.meta import JSON

RECORDED: Any = yaml.safe_load((Path(__file__).parent / "costs.yaml").read_text())
SCHEMA: JSON = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": RECORDED["schema"]}},
}


@pytest.mark.parametrize(("text", "cost"), RECORDED["costs"].items())
def test_a_rule_costs_what_kubernetes_estimates(text: str, cost: int) -> None:
    [rule] = compile_rules([{"rule": text}], SCHEMA, is_resource=True)
    place = Place.of(SCHEMA, 1, is_resource=True)
    assert place is not None
    assert rule.program is not None
    assert place.cost(rule.program) == cost


@pytest.mark.parametrize(
    ("schema", "times", "expected"),
    [
        ({"type": "object", "properties": {}}, 3, 3),
        ({"type": "array", "maxItems": 5}, 3, 15),
        ({"type": "array"}, 3, None),
        ({"type": "object", "additionalProperties": {}, "maxProperties": 4}, 3, 12),
        ({"type": "object", "additionalProperties": {}}, 3, None),
        ({"type": "array", "maxItems": 5}, None, None),
    ],
)
def test_there_are_as_many_values_as_the_limits_above_allow(
    schema: JSON, times: int | None, expected: int | None
) -> None:
    assert inside(schema, times) == expected


def test_of_a_value_without_a_limit_there_are_as_many_as_fit_into_a_request() -> None:
    item = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 3}}}
    [rule] = compile_rules([{"rule": "self.name == 'abc'"}], item, is_resource=False)
    bounded, unbounded = (Place.of(item, times, is_resource=False) for times in (1, None))
    assert bounded is not None
    assert unbounded is not None
    assert rule.program is not None
    least = len('{"name":"",}')  # and a comma, as Kubernetes counts
    assert unbounded.cost(rule.program) == bounded.cost(rule.program) * (3 * 1024 * 1024 // (least + 1))

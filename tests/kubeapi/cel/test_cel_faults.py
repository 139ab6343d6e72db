"""What is wrong with an expression, with its place: as a real API server 1.37 says it (``faults.yaml``)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kubeapi.cel.declarations import type_named
from kubeapi.cel.environment import Environment
from kubeapi.cel.faults import CompilationError
from kubeapi.cel.program import compiled
from kubeapi.cel.types import DYN, INT, STRING, Type, struct

STARTS = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
FIELDS = {"x": INT, "s": STRING}


def field_type(type_name: str, name: str) -> Type | None:
    return FIELDS.get(name) if type_name == "variables" else None


VARIABLES = {"object": DYN, "variables": struct("variables"), "authorizer": type_named("authorizer")}
FAULTS = yaml.safe_load(Path(__file__).with_name("faults.yaml").read_text())


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["expression"])
def test_a_fault_is_told_with_its_place(case: dict[str, str]) -> None:
    with pytest.raises(CompilationError) as caught:
        compiled(case["expression"], Environment(VARIABLES, field_type))
    assert str(caught.value) == case["faults"].replace("STARTS", STARTS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("(" * 300 + "1" + ")" * 300, "ERROR: <input>:-1:0: expression recursion limit exceeded: 60"),
        ("x" * 100_001, "expression code point size exceeds limit: size: 100001, limit 100000"),
    ],
    ids=["deep", "long"],
)
def test_what_is_too_large_is_refused(text: str, fault: str) -> None:
    with pytest.raises(CompilationError, match=fault[:40].replace("<", ".")):
        compiled(text, Environment({}))

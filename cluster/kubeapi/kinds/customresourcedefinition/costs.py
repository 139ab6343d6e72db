"""What the rules of a schema cost at most, and which are too expensive to be written. Pure.

Follows apiextensions-apiserver ``pkg/apis/apiextensions/validation`` (CELSchemaContext, getCostErrorMessage) and
``pkg/apiserver/schema/cel`` (maxCardinality).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kubeapi.cel.cost.expression import most_cost
from kubeapi.cel.program import Program
from kubeapi.customresources.cel.sizes import REQUEST_BYTES, Declared, declared, sizes_of
from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, forbidden

EXPRESSION_LIMIT, SCHEMA_LIMIT = 10_000_000, 100_000_000
_MOST_EXPENSIVE = 4
_ADVICE = "try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings"


def inside(schema: JSON, times: int | None) -> int | None:
    """Return how many values of a schema below this one there may be, None for any number; ``times``: of this one."""
    if times is None:
        return None
    kind = schema.get("type")
    if kind == "array":
        limit = schema.get("maxItems")
    elif kind == "object" and schema.get("additionalProperties") is not None:
        limit = schema.get("maxProperties")
    else:
        limit = 1
    return None if limit is None else times * max(limit, 0)


class Place(NamedTuple):
    """A schema with rules: what it declares, and how many values of it there may be (None for any number)."""

    declared: Declared
    times: int | None

    @classmethod
    def of(cls, schema: JSON, times: int | None, *, is_resource: bool) -> Place | None:
        """Return the place of a schema; None if expressions do not see its values."""
        found = declared(schema, is_resource=is_resource)
        return None if found is None else cls(found, times)

    def cost(self, program: Program) -> int:
        """Return what a rule costs for all values of the schema together."""
        return self.message_cost(program) * (self._most_values if self.times is None else self.times)

    def message_cost(self, program: Program) -> int:
        """Return what an expression costs for one value."""
        return most_cost(program, sizes_of(self.declared))

    @property
    def _most_values(self) -> int:
        return REQUEST_BYTES // (self.declared.least + 1)


class Costs:
    """The costs of all expressions in a schema."""

    def __init__(self) -> None:
        self._total = 0
        self._expensive: list[tuple[int, str]] = []

    def faults(self, path: str, cost: int, what: str) -> Faults:
        """Note the cost of the expression at a path, and yield that it is too expensive, if it is."""
        self._total += cost
        if cost >= SCHEMA_LIMIT // 100:
            self._expensive.append((cost, path))
        if cost > EXPRESSION_LIMIT:
            yield forbidden(path, _text(f"estimated {what} cost", cost, EXPRESSION_LIMIT))

    def total_faults(self, path: str) -> Faults:
        """Yield the faults of a schema whose expressions are too expensive together."""
        if self._total <= SCHEMA_LIMIT:
            return
        for each in self._most_expensive():
            text = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
            yield forbidden(each, text)
        what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        yield forbidden(path, _text(what, self._total, SCHEMA_LIMIT))

    def _most_expensive(self) -> Iterator[str]:
        for _, path in sorted(self._expensive, key=lambda each: -each[0])[:_MOST_EXPENSIVE]:
            yield path


def _text(what: str, cost: int, limit: int) -> str:
    factor = cost / limit
    shown = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return f"{what} exceeds budget by factor of {shown} ({_ADVICE} are declared)"

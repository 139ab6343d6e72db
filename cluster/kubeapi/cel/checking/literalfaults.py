"""Literals that are no duration, timestamp or regular expression, or have other clauses than arguments. Pure.

Follows cel-go ``cel/validator.go`` and ``ext/formatting.go``. The types of the arguments are left to the evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.cel.faults import EvaluationError, Fault
from kubeapi.cel.library import FUNCTIONS
from kubeapi.cel.library.formatting import clause_fault
from kubeapi.cel.syntax.nodes import Call, Constant, ListOf, Node, parts

_READ = {"duration": 0, "timestamp": 0, "matches": -1}


def literal_faults(node: Node) -> Iterator[Fault]:
    """Yield the faults of literals in an expression."""
    for each in parts(node):
        yield from literal_faults(each)
    if isinstance(node, Call) and node.function in _READ and node.args:
        argument = node.args[_READ[node.function]]
        if isinstance(argument, Constant) and isinstance(argument.value, str):
            given = [argument.value] if node.function != "matches" else ["", argument.value]
            try:
                FUNCTIONS[node.function].compute(*given)
            except EvaluationError:
                yield Fault(argument.at, f"invalid {node.function} argument")
    if isinstance(node, Call) and node.function == "format" and isinstance(node.target, Constant):
        text, (items,) = node.target.value, node.args
        if isinstance(text, str) and isinstance(items, ListOf) and (why := clause_fault(text, len(items.items))):
            yield Fault(node.at, why)

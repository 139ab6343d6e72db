"""An expression that is read and checked, and can be evaluated. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubeapi.cel.checking.checker import Checker
from kubeapi.cel.checking.literalfaults import literal_faults
from kubeapi.cel.environment import Environment
from kubeapi.cel.evaluation.evaluator import Budget, Evaluator
from kubeapi.cel.faults import CompilationError, EvaluationError, Fault
from kubeapi.cel.syntax.nodes import Node
from kubeapi.cel.syntax.parser import parse
from kubeapi.cel.types import Type

PER_CALL = 1_000_000
"""Steps that one expression may take (apiserver ``apis/cel`` PerCallLimit)."""
PER_OBJECT = 2_000_000
"""Steps that all expressions for one write may take. Kubernetes allows 10,000,000 (RuntimeCELCostBudget), which would
hold up the other requests here for too long."""


@dataclass(frozen=True, eq=False)
class Program:
    """A checked expression; ``result`` is its type, ``named`` the variables that it reads."""

    source: str
    tree: Node
    result: Type
    named: frozenset[str]
    environment: Environment

    def evaluate(self, variables: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """Return the value; EvaluationError if there is none, or no step left of the call's or the budget's."""
        call = Budget(PER_CALL if budget is None else min(PER_CALL, max(budget.left, 0)))
        try:
            return Evaluator(self.environment.functions, variables, call).value(self.tree)
        except RecursionError:
            raise EvaluationError("max recursion depth exceeded") from None
        finally:
            if budget is not None:
                budget.left -= min(PER_CALL, budget.left) - max(call.left, 0)


def compiled(source: str, environment: Environment) -> Program:
    """Return the program of an expression; CompilationError if it cannot be evaluated in an environment."""
    tree = parse(source)
    checker = Checker(environment)
    try:
        result = checker.whole(tree)
    except RecursionError:
        raise CompilationError(source, [Fault(-1, "max recursion depth exceeded")]) from None
    typing = checker.typing
    if faults := typing.faults or [*literal_faults(tree), *typing.mixed()]:
        raise CompilationError(source, faults)
    return Program(source, tree, result, frozenset(typing.named), environment)

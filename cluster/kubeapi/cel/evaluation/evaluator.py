"""The value of an expression (cel-go ``interpreter``), with a bound on the work. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kubeapi.cel.declarations import Function
from kubeapi.cel.evaluation.access import at_key, has_key, shown, shown_key
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.syntax.nodes import Call, Constant, Fold, ListOf, MapOf, Name, Node, ObjectOf, Select
from kubeapi.cel.types import SCALARS
from kubeapi.cel.values import LazyFields, Optional, Typed, TypeValue, type_of_value

TOO_COSTLY = "operation cancelled: actual cost limit exceeded"
_FREE = 10
"""So many characters or items of an argument cost as much as one step."""
_LOGICAL = ("_&&_", "_||_")
_SIZED = frozenset((str, list, bytes))


class Budget:
    """How many steps are left, of all expressions that share it.

    A step is a part of an expression that a loop evaluates again, or some characters that a function reads: without
    loops, an expression does no more than its length.
    """

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take steps away; EvaluationError when there are none left."""
        self.left -= steps
        if self.left < 0:
            raise EvaluationError(TOO_COSTLY)


class Evaluator:
    """Evaluates expressions with the same variables; whatever reads one that is an EvaluationError raises it."""

    def __init__(self, functions: Mapping[str, Function], variables: Mapping[str, Any], budget: Budget) -> None:
        self._functions = functions
        self._variables = variables
        self._scope = dict(variables)
        self._budget = budget
        self._rules: dict[type[Node], Callable[[Any], Any]] = {
            Constant: lambda node: node.value,
            Name: self._name,
            Select: self._select,
            Call: self._call,
            ListOf: lambda node: list(self._items(node)),
            MapOf: self._map,
            ObjectOf: lambda node: Typed(node.type_name.removeprefix("."), dict(self._fields(node))),
            Fold: self._fold,
        }
        self._specials: dict[str, Callable[[Call], Any]] = {
            "_&&_": self._logical,
            "_||_": self._logical,
            "_?_:_": self._conditional,
            "@not_strictly_false": self._is_not_false,
            "or": self._alternative,
            "orValue": self._alternative,
        }

    def value(self, node: Node) -> Any:
        """Return the value of an expression; EvaluationError if it has none."""
        return self._rules[type(node)](node)

    def _name(self, node: Name) -> Any:
        plain = node.name.removeprefix(".")
        scope = self._scope if plain is node.name else self._variables
        if plain in scope:
            return shown(scope[plain])
        return TypeValue(SCALARS[plain].name if plain in SCALARS else plain)

    def _select(self, node: Select) -> Any:
        if node.resolved:
            return self._variables.get(node.resolved) or TypeValue(node.resolved)
        of = self.value(node.operand)
        if isinstance(of, Optional):
            found: Optional = self._functions["_?._"].compute(of, node.name)
            return found.has_value if node.is_test else found
        if not isinstance(of, dict | LazyFields):
            raise EvaluationError("no such overload" if node.is_test else f"no such key: {node.name}")
        return has_key(of, node.name) if node.is_test else at_key(of, node.name)

    def _logical(self, node: Call) -> bool:
        """Evaluate && or ||, which need no more than one operand that decides: errors of others do not count."""
        decisive: bool = node.function == "_||_"
        failure: EvaluationError | None = None
        for each in node.args:
            try:
                value = self.value(each)
            except EvaluationError as error:
                if str(error) == TOO_COSTLY:
                    raise
                failure = failure or error
                continue
            if isinstance(value, bool) and value == decisive:
                return decisive
            if not isinstance(value, bool):
                failure = failure or EvaluationError("no such overload")
        if failure is not None:
            raise failure
        return not decisive

    def _call(self, node: Call) -> Any:
        if (special := self._specials.get(node.function)) is not None:
            return special(node)
        operands = node.args if node.target is None else [node.target, *node.args]
        args = [self.value(each) for each in operands]
        for each in args:
            if type(each) in _SIZED:
                self._budget.spend(len(each) // _FREE)
        function = self._functions[node.function.removeprefix(".")]
        return function.call(args, is_member=node.target is not None)

    def _conditional(self, node: Call) -> Any:
        which = self.value(node.args[0])
        if not isinstance(which, bool):
            raise EvaluationError("no such overload")
        return self.value(node.args[1 if which else 2])

    def _is_not_false(self, node: Call) -> bool:
        try:
            value = self.value(node.args[0])
        except EvaluationError as error:
            if str(error) == TOO_COSTLY:
                raise
            return True
        return value is not False

    def _alternative(self, node: Call) -> Any:
        assert node.target is not None
        chosen = self.value(node.target)
        if not isinstance(chosen, Optional):
            raise EvaluationError("no such overload")
        if not chosen.has_value:
            return self.value(node.args[0])
        return chosen if node.function == "or" else chosen.value

    def _items(self, node: ListOf) -> Iterator[Any]:
        for index, each in enumerate(node.items):
            value = self.value(each)
            if index not in node.optional:
                yield value
            elif value.has_value:
                yield value.value

    def _map(self, node: MapOf) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for each in node.entries:
            assert isinstance(each.key, Node)
            key, value = self.value(each.key), self.value(each.value)
            if not isinstance(key, str | int):
                raise EvaluationError(f"unsupported key type: {type_of_value(key)}")
            if key in made:
                raise EvaluationError(f"Failed with repeated key: {shown_key(key)}")
            if not each.is_optional:
                made[key] = value
            elif value.has_value:
                made[key] = value.value
        return made

    def _fields(self, node: ObjectOf) -> Iterator[tuple[str, Any]]:
        for each in node.fields:
            value = self.value(each.value)
            if not each.is_optional:
                yield str(each.key), value
            elif value.has_value:
                yield str(each.key), value.value

    def _fold(self, node: Fold) -> Any:
        turns = list(_turns(self.value(node.over), len(node.names)))
        names = (node.total, *node.names)
        hidden = {each: self._scope[each] for each in names if each in self._scope}
        self._scope[node.total] = self.value(node.start)
        self._budget.spend(len(turns))
        try:
            for turn in turns:
                if not self._turn(node, turn):
                    break
            return self.value(node.result)
        finally:
            for each in names:
                self._scope.pop(each, None)
            self._scope.update(hidden)

    def _turn(self, node: Fold, turn: tuple[Any, ...]) -> bool:
        """Go once through a loop; False if its condition ends it."""
        self._budget.spend(node.size)
        self._scope.update(zip(node.names, turn, strict=True))
        try:
            if not self.value(node.condition):
                return False
            self._scope[node.total] = self.value(node.step)
        except EvaluationError as error:
            is_final = not isinstance(node.step, Call) or node.step.function not in _LOGICAL
            if is_final or str(error) == TOO_COSTLY:
                raise
            self._scope[node.total] = error  # a later item may still decide
        return True


def _turns(over: Any, count: int) -> Iterator[tuple[Any, ...]]:
    if isinstance(over, dict):
        return iter(over.items()) if count == 2 else ((each,) for each in over)
    if isinstance(over, list):
        return iter(enumerate(over)) if count == 2 else ((each,) for each in over)
    raise EvaluationError("no such overload")

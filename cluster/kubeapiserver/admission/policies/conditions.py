"""Match conditions (apiserver ``admission/plugin/webhook/matchconditions``). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from kubeapi.meta import JSON
from kubeapi.policies.expressions import Condition, compile_conditions
from kubeapiserver.admission.policies.variables import Evaluation, ExpressionError


class ConditionError(Exception):
    """No condition is false, and some have no value; the text is the API server's."""


def all_hold(conditions: Iterable[Condition], variables: Mapping[str, Any]) -> bool:
    """Tell whether all conditions are true; ConditionError if none is false and some have no value."""
    evaluation, failures = Evaluation(variables), []
    for condition in conditions:
        try:
            if evaluation.value(condition.expression) is False:
                return False
        except ExpressionError as error:
            failures.append(str(error))
    if failures:
        raise ConditionError(failures[0] if len(failures) == 1 else f"[{', '.join(dict.fromkeys(failures))}]")
    return True


def conditions_of(stated: Iterable[JSON]) -> list[Condition]:
    """Return the conditions of a webhook, which are compiled once."""
    return _compiled(tuple((str(each["name"]), str(each["expression"])) for each in stated))


@lru_cache(maxsize=128)
def _compiled(stated: tuple[tuple[str, str], ...]) -> list[Condition]:
    conditions = [{"name": name, "expression": expression} for name, expression in stated]
    return compile_conditions(conditions, has_params=False)

"""Fields, keys and indexes of values. Pure."""

from __future__ import annotations

from typing import Any

from kubeapi.cel.faults import EvaluationError, no_such_key
from kubeapi.cel.values import LazyFields, type_of_value


def at_key(of: Any, key: Any) -> Any:
    """Return the value of a map at a key or a list at an index; EvaluationError if there is none."""
    if isinstance(of, LazyFields):
        return of[key]
    if isinstance(of, dict):
        key = _plain_key(key)
        if key not in of:
            raise no_such_key(shown_key(key))
        return shown(of[key])
    if not isinstance(of, list):
        raise EvaluationError("no such overload")
    return shown(of[_index(of, key)])


def shown(value: Any) -> Any:
    """Return a value; EvaluationError for what an expression is not shown."""
    if isinstance(value, EvaluationError):
        raise value
    return value


def has_key(of: Any, key: Any) -> bool:
    """Tell whether a map has a key, or a list an index; EvaluationError for anything else."""
    if isinstance(of, dict | LazyFields):
        return _plain_key(key) in of
    if isinstance(of, list) and isinstance(key, int) and not isinstance(key, bool):
        return 0 <= key < len(of)
    raise EvaluationError("no such overload")


def _plain_key(key: Any) -> Any:
    if not isinstance(key, str | int | bool | float):
        raise EvaluationError(f"unsupported key type: {type_of_value(key)}")
    return key


def _index(of: list[Any], key: Any) -> int:
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    if not isinstance(key, int) or isinstance(key, bool):
        raise EvaluationError(f"unsupported index type '{type_of_value(key)}' in list")
    if not 0 <= key < len(of):
        raise EvaluationError(f"index out of bounds: {key}")
    return key


def shown_key(key: Any) -> str:
    """Return a key as errors show it."""
    return ("true" if key else "false") if isinstance(key, bool) else str(key)

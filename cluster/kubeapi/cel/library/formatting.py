"""``format``: %s, %d, %f, %e, %b, %o, %x, %X and %% (cel-go ``ext/formatting.go``). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.library.conversions import text_of_value
from kubeapi.cel.values import Typed, TypeValue, type_of_value

_CLAUSE = re.compile(r"%(?:\.([0-9]+))?(.?)", re.DOTALL)


def formatted(text: str, args: list[Any]) -> str:
    """Return the text with its clauses replaced by the arguments."""
    left = iter(args)

    def replaced(found: re.Match[str]) -> str:
        precision, verb = found[1], found[2]
        if verb == "%":
            return "%"
        if not verb or verb not in "sdfeboxX":
            detail = f'unrecognized formatting clause "{verb}"' if verb else "unexpected end of string"
            raise EvaluationError(f"could not parse formatting clause: {detail}")
        try:
            value = next(left)
        except StopIteration:
            count = len(args)
            raise EvaluationError(f"index {count} out of range") from None
        return _clause(verb, value, 6 if precision is None else int(precision))

    return _CLAUSE.sub(replaced, text)


def _clause(verb: str, value: Any, precision: int) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if verb == "s":
        return shown(value)
    if verb == "d" and is_number:
        return str(value)
    if verb in "fe" and is_number:
        return f"{float(value):.{precision}{verb}}"
    if verb == "b" and isinstance(value, int):
        return f"{value:b}"
    if verb == "o" and is_number and isinstance(value, int):
        return f"{value:o}"
    if verb in "xX" and isinstance(value, int | str | bytes) and not isinstance(value, bool):
        return _hexadecimal(verb, value)
    detail = f"no formatting clause for %{verb} was given {type_of_value(value)}"
    raise EvaluationError(f"error during formatting: {detail}")


def _hexadecimal(verb: str, value: int | str | bytes) -> str:
    if isinstance(value, int):
        return f"{value:{verb}}"
    text = (value.encode() if isinstance(value, str) else value).hex()
    return text if verb == "x" else text.upper()


def shown(value: Any) -> str:
    """Return a value as %s shows it."""
    match value:
        case None:
            return "null"
        case list():
            return f"[{', '.join(map(shown, value))}]"
        case Typed():
            raise EvaluationError(f"string clause can only be used on strings, was given {value.type_name}")
        case dict():
            return f"{{{', '.join(_entries(value))}}}"
        case TypeValue():
            return value.name
    return text_of_value(value)


def _entries(of: dict[Any, Any]) -> Iterator[str]:
    for key, value in sorted((shown(key), shown(value)) for key, value in of.items()):
        yield f"{key}: {value}"

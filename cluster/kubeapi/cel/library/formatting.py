"""``format``: %s, %d, %f, %e, %b, %o, %x, %X and %% (cel-go ``ext/formatting.go``). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.library.conversions import text_of_value
from kubeapi.cel.values import Duration, Timestamp, Typed, TypeValue, type_of_value

_CLAUSE = re.compile(r"%(?:\.([0-9]+))?(.?)", re.DOTALL)
_PRECISION = 6
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SHOWN = (
    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and"
    " timestamps"
)


def formatted(text: str, args: list[Any]) -> str:
    """Return the text with its clauses replaced by the arguments."""
    used = 0

    def replaced(found: re.Match[str]) -> str:
        nonlocal used
        precision, verb = found[1], found[2]
        if verb == "%":
            return "%"
        if not verb:
            raise EvaluationError("unexpected end of string")
        if used >= len(args):
            raise EvaluationError(f"index {used} out of range")
        if verb not in _VERBS:
            raise EvaluationError(f'could not parse formatting clause: unrecognized formatting clause "{verb}"')
        used += 1
        return _VERBS[verb](args[used - 1], _PRECISION if precision is None else int(precision))

    return _CLAUSE.sub(replaced, text)


def clause_fault(text: str, count: int) -> str | None:
    """Return what is wrong with the clauses of a text that ``count`` arguments are given, whatever those are."""
    used = 0
    for precision, verb in _CLAUSE.findall(text):
        if verb == "%" and not precision:
            continue
        if not verb:
            return "unexpected end of string"
        if used == count:
            return f"index {used} out of range"
        if verb not in _VERBS:
            return f'could not parse formatting clause: unrecognized formatting clause "{verb}"'
        used += 1
    return None if used == count else f"too many arguments supplied to string.format (expected {used}, got {count})"


def _wrong(what: str, value: Any) -> EvaluationError:
    return EvaluationError(f"error during formatting: {what}, was given {type_of_value(value)}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _decimal(value: Any, precision: int) -> str:
    if not _is_whole(value):
        raise _wrong("decimal clause can only be used on integers", value)
    return str(value)


def _fixed(value: Any, precision: int) -> str:
    if not isinstance(value, float):
        raise _wrong("fixed-point clause can only be used on doubles", value)
    return f"{value or 0.0:,.{precision}f}"


def _scientific(value: Any, precision: int) -> str:
    if not isinstance(value, float):
        raise _wrong("scientific clause can only be used on doubles", value)
    mantissa, _, exponent = f"{value or 0.0:.{_PRECISION}e}".partition("e")
    # To cel-go the precision is a width here (findings/kubernetes-cel-numbers.sh).
    return f"{mantissa}×10{exponent.removeprefix('+').translate(_RAISED)}".rjust(precision)


def _binary(value: Any, precision: int) -> str:
    if not isinstance(value, int):
        raise _wrong("only integers and bools can be formatted as binary", value)
    return f"{int(value):b}"


def _octal(value: Any, precision: int) -> str:
    if not _is_whole(value):
        raise _wrong("octal clause can only be used on integers", value)
    return f"{value:o}"


def _hexadecimal(value: Any, precision: int) -> str:
    if isinstance(value, str | bytes):
        return (value.encode() if isinstance(value, str) else value).hex()
    if not _is_whole(value):
        raise _wrong("only integers, byte buffers, and strings can be formatted as hex", value)
    return f"{value:x}"


def _text(value: Any, precision: int) -> str:
    match value:
        case None:
            return "null"
        case list():
            return f"[{', '.join(map(_inside, value))}]"
        case dict() if not isinstance(value, Typed):
            entries = sorted((_inside(key), _inside(each)) for key, each in value.items())
            return f"{{{', '.join(f'{key}:{each}' for key, each in entries)}}}"
        case TypeValue():
            return value.name
        case bool() | int() | float() | str() | bytes() | Timestamp() | Duration():
            return text_of_value(value)
    raise _wrong(_SHOWN, value)


def _inside(value: Any) -> str:
    """Return a value as it is shown in a list or a map."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case bytes():
            return f"b{json.dumps(text_of_value(value), ensure_ascii=False)}"
        case float():
            return f"{value:.{_PRECISION}f}"
        case Timestamp() | Duration():
            name = "timestamp" if isinstance(value, Timestamp) else "duration"
            return f'{name}("{text_of_value(value)}")'
    return _text(value, _PRECISION)


_VERBS: dict[str, Callable[[Any, int], str]] = {
    "s": _text,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": lambda value, precision: _hexadecimal(value, precision).upper(),
}

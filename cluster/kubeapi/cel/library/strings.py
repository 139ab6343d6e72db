"""Functions of strings (cel-go ``common/stdlib``, ``ext/strings.go`` 2, apiserver ``library/regex.go``). Pure."""

from __future__ import annotations

from typing import Any

from kubeapi.cel.declarations import Function, define
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.library.formatting import formatted
from kubeapi.regexp import Pattern, go_regexp

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_QUOTED = {ord(each): f"\\{name}" for each, name in zip('\a\b\f\n\r\t\v\\"', 'abfnrtv\\"', strict=True)}
_SPACES = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def _out_of_range(index: int) -> EvaluationError:
    return EvaluationError(f"index out of range: {index}")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _index_of(text: str, part: str, offset: int = 0) -> int:
    if offset < 0:
        raise _out_of_range(offset)
    if not part:
        return min(offset, len(text))
    return text.find(part, offset)


def _last_index_of(text: str, part: str, offset: int | None = None) -> int:
    if offset is None:
        return text.rfind(part)
    if offset < 0:
        raise _out_of_range(offset)
    if not part:
        return min(offset, len(text))
    return -1 if offset >= len(text) else text.rfind(part, 0, offset + len(part))


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    return list(text) if count < 0 or count >= len(text) else [*text[: count - 1], text[count - 1 :]]


def _substring(text: str, start: int, end: int | None = None) -> str:
    if end is not None and start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    for index in (start, len(text) if end is None else end):
        if not 0 <= index <= len(text):
            raise _out_of_range(index)
    return text[start:end]


def _joined(items: list[Any], separator: str = "") -> str:
    for each in items:
        if not isinstance(each, str):
            raise EvaluationError(f"join: invalid input: {each}")
    return separator.join(items)


def _matches(text: str, pattern: str) -> bool:
    return _regexp(pattern).matches(text)


def _find(text: str, pattern: str) -> str:
    return _regexp(pattern).find(text)


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    found = list(_regexp(pattern).find_all(text))
    return found[:most] if most >= 0 else found


def _regexp(pattern: str) -> Pattern:
    try:
        return go_regexp(pattern)
    except ValueError as error:
        raise EvaluationError(f"error parsing regexp: {error}") from None


STRINGS: tuple[Function, ...] = (
    define(
        "size",
        "(bytes) int | bytes.() int | (list(A)) int | list(A).() int | (map(A, B)) int | map(A, B).() int"
        " | (string) int | string.() int",
        len,
    ),
    define("contains", "string.(string) bool", lambda text, part: part in text),
    define("endsWith", "string.(string) bool", str.endswith),
    define("startsWith", "string.(string) bool", str.startswith),
    define("matches", "(string, string) bool | string.(string) bool", _matches),
    define("find", "string.(string) string", _find),
    define("findAll", "string.(string) list(string) | string.(string, int) list(string)", _find_all),
    define("charAt", "string.(int) string", _char_at),
    define("indexOf", "string.(string) int | string.(string, int) int", _index_of),
    define("lastIndexOf", "string.(string) int | string.(string, int) int", _last_index_of),
    define("lowerAscii", "string.() string", lambda text: text.translate(_LOWER)),
    define("upperAscii", "string.() string", lambda text: text.translate(_UPPER)),
    define("replace", "string.(string, string) string | string.(string, string, int) string", str.replace),
    define("split", "string.(string) list(string) | string.(string, int) list(string)", _split),
    define("substring", "string.(int) string | string.(int, int) string", _substring),
    define("trim", "string.() string", lambda text: text.strip(_SPACES)),
    define("format", "string.(list(dyn)) string", formatted),
    define("strings.quote", "(string) string", lambda text: f'"{text.translate(_QUOTED)}"'),
    define("join", "list(string).() string | list(string).(string) string", _joined),
)

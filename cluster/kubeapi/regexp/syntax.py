r"""``python_pattern``: a pattern in Go's syntax (RE2), as one of Python's re with the same meaning. Pure.

The rules are those of Go's ``regexp/syntax``. Flags may stand anywhere there and hold to the end of their group, where
Python has them for a group of their own only; without the flag m, ^ and $ are the ends of the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_TOKEN = re.compile(
    r"""\\Q(?P<literal>.*?)(?:\\E|\Z)
    | \\x\{(?P<number>[0-9a-fA-F]+)\}
    | (?P<escape>\\.)
    | \[(?P<members>\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*)\]
    | \(\?(?P<flags>[a-zA-Z-]*)(?P<closing>[:)])
    | \(\?P?<(?P<name>\w+)>
    | (?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\})\??)
    | (?P<sign>[\^$(|){])""",
    re.DOTALL | re.VERBOSE,
)
_IN_CLASS = re.compile(r"\\x\{([0-9a-fA-F]+)\}|(\\.)|\[:(\^?)(\w+):\]|[\[&~|]", re.DOTALL)
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-\\~",
    "lower": "a-z",
    "print": " -\\~",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "punct": r"!-/:-@\[-`{-\~",
    "space": r"\t\n\v\f\r ",
    "xdigit": "0-9A-Fa-f",
}
_SPACE = r"\t\n\f\r "
_ESCAPES = {r"\z": r"\Z", r"\s": f"[{_SPACE}]", r"\S": f"[^{_SPACE}]", r"\B": r"(?:\B|\A\Z)"}
"""Python's \\B is not in an empty text (until 3.14)."""
_ESCAPES_IN_CLASS = {r"\s": _SPACE, r"\S": r"\x00-\x08\x0b\x0e-\x1f!-\U0010ffff"}
_UNKNOWN_ESCAPES = frozenset((r"\Z", r"\u", r"\U", r"\N"))
"""What only Python has; of other letters that Go has not, Python's parser says so."""
_FLAGS = "imsU"


def python_pattern(pattern: str) -> str:
    """Return a pattern of Go as one of Python's re; ValueError for flags and escapes that Go has not."""
    translator = _Translator()
    return _TOKEN.sub(translator.token, pattern) + ")" * translator.opened


class _Translator:
    """Goes through a pattern; ``flags`` hold at this place, ``opened`` groups of Python's have them in this branch."""

    def __init__(self) -> None:
        self.flags = ""
        self.opened = 0
        self._outer: list[tuple[str, int]] = []

    def token(self, found: re.Match[str]) -> str:
        """Return what Python has for a token."""
        kind = found.lastgroup or ""
        if kind in _FOR_ITSELF:
            return _FOR_ITSELF[kind](found[kind])
        if kind == "closing":
            return self._flag_group(found)
        if kind == "name":
            self._open(self.flags)
            return f"(?P<{found['name']}>"
        return self._repeat(found[0]) if kind == "repeat" else self._sign(found[0])

    def _sign(self, sign: str) -> str:
        match sign:
            case "^" | "$" if "m" in self.flags:
                return f"(?m:{sign})"
            case "^" | "$":
                return r"\A" if sign == "^" else r"\Z"
            case "(":
                self._open(self.flags)
            case ")":
                closed = ")" * self.opened
                self.flags, self.opened = self._outer.pop() if self._outer else ("", 0)
                return f"{closed})"
            case "|" if self.opened:
                closed, self.opened = ")" * self.opened, 1
                return f"{closed}|{_opening(self.flags)}"
            case "{":
                return r"\{"
        return sign

    def _open(self, flags: str) -> None:
        self._outer.append((self.flags, self.opened))
        self.flags, self.opened = flags, 0

    def _flag_group(self, found: re.Match[str]) -> str:
        flags = _changed(self.flags, found)
        if found["closing"] == ":":
            self._open(flags)
        else:
            self.flags, self.opened = flags, self.opened + 1
        return _opening(flags)

    def _repeat(self, text: str) -> str:
        """Return a repeat; the flag U makes the greedy ones lazy, and the lazy ones greedy."""
        if "U" not in self.flags:
            return text
        return text[:-1] if len(text) > 1 and text.endswith("?") else f"{text}?"


def _changed(flags: str, found: re.Match[str]) -> str:
    """Return the flags after (?flags) or (?flags:, in which those after a minus are taken away."""
    added, minus, removed = found["flags"].partition("-")
    known = re.match(f"[{_FLAGS}]*-?[{_FLAGS}]*", found["flags"])
    if known is None or known.end() < len(found["flags"]) or (minus and not removed):
        raise ValueError(f"invalid or unsupported Perl syntax: `{found[0][: 3 + (known.end() if known else 0)]}`")
    return "".join(each for each in _FLAGS if each not in removed and each in flags + added)


def _opening(flags: str) -> str:
    on, off = ("".join(each for each in "is" if (each in flags) is is_set) for is_set in (True, False))
    return f"(?{on}{off and '-'}{off}:"


def _escape(text: str) -> str:
    if text in _UNKNOWN_ESCAPES:
        raise ValueError(f"invalid escape sequence: `{text}`")
    return _ESCAPES.get(text, text)


def _character(number: str) -> str:
    if int(number, 16) > 0x10FFFF:
        raise ValueError(f"invalid escape sequence: `\\x{{{number}`")
    return f"\\U{int(number, 16):08x}"


def _in_class(found: re.Match[str]) -> str:
    """Return a part of a character class: a named class as ranges, and what Python may read in another way escaped."""
    if found[1]:
        return _character(found[1])
    if found[2]:
        return _ESCAPES_IN_CLASS.get(found[2], found[2])
    if not found[4]:
        return f"\\{found[0]}"
    if found[4] not in _POSIX:
        raise ValueError(f"invalid character class range: `{found[0]}`")
    return "".join(_others(_POSIX[found[4]])) if found[3] else _POSIX[found[4]]


def _others(members: str) -> Iterator[str]:
    """Yield the characters that are no members of a named class, all of ASCII's one by one."""
    has = re.compile(f"[{members}]").match
    yield from (f"\\x{code:02x}" for code in range(128) if not has(chr(code)))
    yield r"\x80-\U0010ffff"


_FOR_ITSELF: dict[str, Callable[[str], str]] = {
    "literal": re.escape,
    "number": _character,
    "escape": _escape,
    "members": lambda members: f"[{_IN_CLASS.sub(_in_class, members)}]",
}
"""What tokens mean, whatever is around them."""

"""The words of a Corefile, each with its file and line (coredns/caddy ``caddyfile/lexer.go``). Pure.

A word ends at white space, or at the closing quote if it begins with one; in quotes only a quote can be escaped. ``#``
begins a comment, even within a word. ``{$NAME}`` and ``{%NAME%}`` stand for variables of the environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_WORD = re.compile(
    r"""
    (?P<newline>\n)
    | (?P<blank>[^\S\n]+)
    | (?P<comment>\#[^\n]*)
    | "(?P<quoted>(?:\\.|[^"\\])*)(?:"|\\?\Z)
    | (?P<plain>[^\s\#]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_VARIABLE = re.compile(r"\{%([^%}]+)%\}|\{\$([^}]+)\}")


class Token(NamedTuple):
    """One word, and where it is."""

    text: str
    file: str
    line: int

    @property
    def place(self) -> str:
        """The place as messages have it."""
        return f"{self.file}:{self.line}"


def read_tokens(text: str, file: str) -> Iterator[Token]:
    """Yield the words of a text. A quote without its end reaches to the end of the text."""
    line = 1
    for found in _WORD.finditer(text.removeprefix("\ufeff")):
        quoted, plain = found["quoted"], found["plain"]
        if quoted is not None:
            yield Token(quoted.replace('\\"', '"'), file, line)
        elif plain is not None:
            yield Token(plain, file, line)
        line += found[0].count("\n")


def with_variables(token: Token, environ: Mapping[str, str]) -> Token:
    """Return a word with the values of the variables in it; one that is not set is empty, as in a shell."""
    if "{" not in token.text:
        return token
    return token._replace(text=_VARIABLE.sub(lambda found: environ.get(found[1] or found[2], ""), token.text))

"""The tokens of an expression (cel-go ``parser/gen/CEL.g4``). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from kubeapi.cel.faults import Fault

END = "<EOF>"
_ESCAPE = r"""\\(?:[abfnrtv"'\\?`]|[0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"""
_STRING = "|".join(
    (
        r'[rR]"""(?s:.*?)"""',
        r"[rR]'''(?s:.*?)'''",
        r'[rR]"[^"\n\r]*"',
        r"[rR]'[^'\n\r]*'",
        rf'"""(?:{_ESCAPE}|[^\\])*?"""',
        rf"'''(?:{_ESCAPE}|[^\\])*?'''",
        rf'"(?:{_ESCAPE}|[^\\"\n\r])*"',
        rf"'(?:{_ESCAPE}|[^\\'\n\r])*'",
    )
)
_TOKEN = re.compile(
    rf"""
    (?P<space>[\t \r\n\f]+|//[^\n]*)
    |(?P<BYTES>[bB](?:{_STRING.replace(" ", "[ ]")}))
    |(?P<STRING>{_STRING.replace(" ", "[ ]")})
    |(?P<NUM_FLOAT>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    |(?P<NUM_UINT>0x[0-9a-fA-F]+[uU]|[0-9]+[uU])
    |(?P<NUM_INT>0x[0-9a-fA-F]+|[0-9]+)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<ESC_IDENTIFIER>`[A-Za-z0-9_.\-/\ ]+`)
    |(?P<sign>==|!=|<=|>=|&&|\|\||[\[\]{{}}().,\-!?:+*/%<>])
    """,
    re.VERBOSE,
)
_WORDS = frozenset(("in", "true", "false", "null"))


class Token(NamedTuple):
    """A token; ``kind`` is the token itself, or the name of its class (IDENTIFIER, STRING, ...)."""

    kind: str
    text: str
    at: int


def read_tokens(source: str) -> tuple[list[Token], list[Fault]]:
    """Return the tokens, END last, and what is none."""
    tokens: list[Token] = []
    faults: list[Fault] = []
    at = 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        if found is None:
            end = _end_of_fault(source, at)
            shown = source[at:end].replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
            faults.append(Fault(at, f"Syntax error: token recognition error at: '{shown}'"))
            at = end
            continue
        if found.lastgroup != "space":
            tokens.append(_token(found))
        at = found.end()
    return [*tokens, Token(END, END, len(source))], faults


def _token(found: re.Match[str]) -> Token:
    kind, text = found.lastgroup or "", found.group()
    if kind == "sign" or (kind == "word" and text in _WORDS):
        kind = text
    return Token("IDENTIFIER" if kind == "word" else kind, text, found.start())


def _end_of_fault(source: str, at: int) -> int:
    """Return where a lexer that has begun a token gives it up: after the character that does not fit."""
    if source[at] in "\"'":
        stop = re.compile(r"[\n\r]|\\.").search(source, at)
        return stop.end() if stop else len(source)
    return min(len(source), at + (2 if source[at] in "=|&`" else 1))

"""What operators combine: literals, names, calls, lists, maps, objects (cel-go ``parser/parser.go``). Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from kubeapi.cel.syntax.lexer import END, Token
from kubeapi.cel.syntax.literals import bytes_of, text_of
from kubeapi.cel.syntax.nodes import Constant, Entry, ListOf, MapOf, Name, Node, ObjectOf
from kubeapi.cel.syntax.reader import Reader, SyntaxFault
from kubeapi.cel.values import MAX_INT, MAX_UINT, MIN_INT, Uint

_RESERVED = frozenset(
    (
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"),
        *("namespace", "return", "var", "void", "while"),
    )
)
_CONSTANTS = {"true": True, "false": False, "null": None}


class Parser(Reader, ABC):
    """The parser, for what stands in brackets."""

    @abstractmethod
    def expression(self) -> Node:
        """Return the expression that begins here."""

    @abstractmethod
    def call(self, at: int, function: str, target: Node | None) -> Node:
        """Return the call whose arguments begin here."""


def read_primary(parser: Parser) -> Node:
    """Return the value, the name or what is in brackets that begins here."""
    token = parser.token
    if token.kind in _LITERALS or token.kind == "-":
        return _literal(parser)
    if token.kind in ("IDENTIFIER", "."):
        return _name(parser)
    if token.kind in _CONSTANTS:
        parser.take()
        return Constant(token.at, _CONSTANTS[token.kind])
    if token.kind == "(":
        parser.take()
        inner = parser.expression()
        parser.expect(")")
        return inner
    if token.kind == "[":
        return _list(parser)
    if token.kind == "{":
        parser.take()
        return MapOf(token.at, parser.until("}", lambda: _map_entry(parser), allows_trailing=True))
    raise parser.no_expression()


def _name(parser: Parser) -> Node:
    start = parser.token
    dot = "." if parser.accept(".") else ""
    if dot and parser.token.kind != "IDENTIFIER":
        shown = "" if parser.token.kind == END else parser.token.text
        raise SyntaxFault(parser.token.at, f"Syntax error: no viable alternative at input '.{shown}'")
    token = parser.expect("IDENTIFIER")
    if (type_name := _object_name(parser, token)) is not None:
        bracket = parser.expect("{")
        entries = parser.until("}", lambda: _field(parser), allows_trailing=True)
        return ObjectOf(bracket.at, dot + type_name, entries)
    if token.text in _RESERVED:
        raise SyntaxFault(start.at, f"reserved identifier: {token.text}")
    if brackets := parser.accept("("):
        return parser.call(brackets.at, dot + token.text, None)
    return Name(token.at, dot + token.text)


def _object_name(parser: Parser, first: Token) -> str | None:
    """Return the name of the type of an object that begins here, after which its bracket is next; None if none does."""
    count = 0
    while parser.kind_after(count) == "." and parser.kind_after(count + 1) == "IDENTIFIER":
        count += 2
    if parser.kind_after(count) != "{":
        return None
    return first.text + "".join(parser.take().text for _ in range(count))


def _list(parser: Parser) -> Node:
    optional: set[int] = set()
    items: list[Node] = []

    def item() -> Node:
        if parser.accept("?"):
            optional.add(len(items))
        items.append(parser.expression())
        return items[-1]

    bracket = parser.take()
    parser.until("]", item, allows_trailing=True)
    return ListOf(bracket.at, items, optional)


def _map_entry(parser: Parser) -> Entry:
    is_optional = parser.accept("?") is not None
    key = parser.expression()
    colon = parser.expect(":")
    return Entry(colon.at, key, parser.expression(), is_optional)


def _field(parser: Parser) -> Entry:
    is_optional = parser.accept("?") is not None
    token = parser.take() if parser.token.kind == "ESC_IDENTIFIER" else parser.expect("IDENTIFIER")
    colon = parser.expect(":")
    return Entry(colon.at, token.text.strip("`"), parser.expression(), is_optional)


def _literal(parser: Parser) -> Node:
    start = parser.token
    sign = parser.take().text if start.kind == "-" else ""
    token = parser.token
    read = _LITERALS.get(token.kind)
    if read is None or (sign and token.kind not in ("NUM_INT", "NUM_FLOAT")):
        raise parser.no_expression()
    parser.take()
    try:
        return Constant(start.at, read(sign + token.text))
    except ValueError as error:
        raise SyntaxFault(start.at, str(error)) from None


def _int(text: str) -> int:
    number = int(text, 16 if "0x" in text else 10)
    if not MIN_INT <= number <= MAX_INT:
        raise ValueError("invalid int literal")
    return number


def _uint(text: str) -> Uint:
    number = int(text[:-1], 16 if "0x" in text else 10)
    if number > MAX_UINT:
        raise ValueError("invalid uint literal")
    return Uint(number)


_LITERALS: dict[str, Callable[[str], Any]] = {
    "NUM_INT": _int,
    "NUM_UINT": _uint,
    "NUM_FLOAT": float,
    "STRING": text_of,
    "BYTES": bytes_of,
}

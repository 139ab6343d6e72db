"""Goes through the tokens of an expression, with the syntax errors of cel-go's parser (which ANTLR words). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kubeapi.cel.faults import Fault
from kubeapi.cel.syntax.lexer import END, Token

_STARTS = (
    *("'['", "'{'", "'('", "'.'", "'-'", "'!'", "'true'", "'false'", "'null'"),
    *("NUM_FLOAT", "NUM_INT", "NUM_UINT", "STRING", "BYTES", "IDENTIFIER"),
)
_EXPRESSION_STARTS = frozenset(each.strip("'") for each in _STARTS)
_AFTER = {"(": ("'('", "')'"), "[": ("'!'", "'?'")}
"""What can begin, too, directly after a bracket: after which of the starts it is listed, and what it is."""
_T = TypeVar("_T")


class SyntaxFault(Exception):
    """Ends the parsing of an expression."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(at, message)


class Reader:
    """The tokens that are left."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._next]

    @property
    def following(self) -> Token:
        """The token after the next."""
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def kind_after(self, count: int) -> str:
        """Return the kind of the token that is ``count`` tokens after the next."""
        return self._tokens[min(self._next + count, len(self._tokens) - 1)].kind

    def take(self) -> Token:
        """Go past the next token."""
        token = self.token
        self._next += token.kind != END
        return token

    def accept(self, kind: str) -> Token | None:
        """Go past the next token if it is of a kind."""
        return self.take() if self.token.kind == kind else None

    def expect(self, kind: str, *, is_of_list: bool = False) -> Token:
        """Go past the next token, which has to be of a kind; ``is_of_list``: a comma could be there, too."""
        token = self.token
        if token.kind == kind:
            return self.take()
        wanted = kind if kind in (END, "IDENTIFIER") else f"'{kind}'"
        if is_of_list and kind != ")":
            wanted = f"{{{wanted}, ','}}"
        elif self.following.kind == kind and token.kind != END:
            raise self.fault("extraneous", wanted)
        elif token.kind == END and kind in ("]", ")"):
            raise SyntaxFault(token.at, f"Syntax error: missing {wanted} at '{END}'")
        raise self.fault("mismatched", wanted)

    def fault(self, what: str, wanted: str) -> SyntaxFault:
        """Return the fault of the next token."""
        return SyntaxFault(self.token.at, f"Syntax error: {what} input '{self.token.text}' expecting {wanted}")

    def no_expression(self) -> SyntaxFault:
        """Return the fault of a token with which no expression begins."""
        place, more = _AFTER.get(self._tokens[self._next - 1].kind if self._next else "", ("", ""))
        wanted = ", ".join(f"{each}, {more}" if each == place else each for each in _STARTS)
        is_extra = self.token.kind != END and self.following.kind in _EXPRESSION_STARTS
        return self.fault("extraneous" if is_extra else "mismatched", f"{{{wanted}}}")

    def until(self, end: str, read: Callable[[], _T], *, allows_trailing: bool = False) -> list[_T]:
        """Read what commas separate, up to and including ``end``."""
        found: list[_T] = []
        while self.token.kind != end or (found and not allows_trailing):
            found.append(read())
            if not self.accept(","):
                break
        self.expect(end, is_of_list=bool(found))
        return found

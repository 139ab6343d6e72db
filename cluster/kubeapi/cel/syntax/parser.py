"""Text to ``nodes`` (cel-go ``parser/parser.go``): the first syntax error ends it. Pure."""

from __future__ import annotations

from kubeapi.cel.faults import CompilationError, Fault
from kubeapi.cel.syntax.lexer import END, Token, read_tokens
from kubeapi.cel.syntax.macros import MacroError, expand
from kubeapi.cel.syntax.nodes import Call, Constant, Node, Select
from kubeapi.cel.syntax.primaries import Parser, read_primary
from kubeapi.cel.syntax.reader import SyntaxFault

_LONGEST = 100_000
_DEEPEST = 60
"""Levels of brackets; cel-go allows 250, for which Python's stack is too short."""
_OPERATORS = (
    {"<": "_<_", "<=": "_<=_", ">=": "_>=_", ">": "_>_", "==": "_==_", "!=": "_!=_", "in": "@in"},
    {"+": "_+_", "-": "_-_"},
    {"*": "_*_", "/": "_/_", "%": "_%_"},
)


def parse(source: str) -> Node:
    """Return an expression as a tree; CompilationError if it is none."""
    if len(source) > _LONGEST:
        what = f"expression code point size exceeds limit: size: {len(source)}, limit {_LONGEST}"
        raise CompilationError(source, [Fault(-1, what)])
    tokens, faults = read_tokens(source)
    try:
        parsed = ExpressionParser(tokens).whole()
    except SyntaxFault as error:
        raise CompilationError(source, [*faults, error.fault]) from None
    except RecursionError:
        raise CompilationError(source, [*faults, Fault(-1, "max recursion depth exceeded")]) from None
    if faults:
        raise CompilationError(source, faults)
    return parsed


class ExpressionParser(Parser):
    """Reads operators and what binds to a value: fields, calls, indexes."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._depth = 0

    def whole(self) -> Node:
        """Return the whole text as an expression."""
        parsed = self.expression()
        self.expect(END)
        return parsed

    def expression(self) -> Node:
        """Return the expression that begins here."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SyntaxFault(-1, f"expression recursion limit exceeded: {_DEEPEST}")
        chosen = self._any()
        if mark := self.accept("?"):
            first = self._any()
            self.expect(":")
            chosen = Call(mark.at, "_?_:_", None, [chosen, first, self.expression()])
        self._depth -= 1
        return chosen

    def call(self, at: int, function: str, target: Node | None) -> Node:
        """Return the call whose arguments begin here, expanded if it is one of a macro."""
        args = self.until(")", self.expression)
        try:
            return expand(at, function, target, args) or Call(at, function, target, args)
        except MacroError as error:
            raise SyntaxFault(error.at, str(error)) from None

    def _any(self) -> Node:
        operands, mark = [self._all()], self.token
        while self.accept("||"):
            operands.append(self._all())
        return operands[0] if len(operands) == 1 else Call(mark.at, "_||_", None, operands)

    def _all(self) -> Node:
        operands, mark = [self._binary()], self.token
        while self.accept("&&"):
            operands.append(self._binary())
        return operands[0] if len(operands) == 1 else Call(mark.at, "_&&_", None, operands)

    def _binary(self, level: int = 0) -> Node:
        """Read operators of one level, which bind less than those of the next."""
        if level == len(_OPERATORS):
            return self._unary()
        left = self._binary(level + 1)
        while function := _OPERATORS[level].get(self.token.kind):
            mark = self.take()
            left = Call(mark.at, function, None, [left, self._binary(level + 1)])
        return left

    def _unary(self) -> Node:
        mark, count = self.token, 0
        if mark.kind not in ("!", "-"):
            return self._member(read_primary(self))
        while self.token.kind == mark.kind and not self._begins_number():
            self.take()
            count += 1
        operand = self._member(read_primary(self))
        return operand if count % 2 == 0 else Call(mark.at, "!_" if mark.kind == "!" else "-_", None, [operand])

    def _begins_number(self) -> bool:
        return self.token.kind == "-" and self.following.kind in ("NUM_INT", "NUM_FLOAT")

    def _member(self, of: Node) -> Node:
        while True:
            if dot := self.accept("."):
                of = self._after_dot(dot, of)
            elif bracket := self.accept("["):
                function = "_[?_]" if self.accept("?") else "_[_]"
                index = self.expression()
                self.expect("]")
                of = Call(bracket.at, function, None, [of, index])
            else:
                return of

    def _after_dot(self, dot: Token, of: Node) -> Node:
        is_optional = self.accept("?") is not None
        token = self.token
        if token.kind not in ("IDENTIFIER", "ESC_IDENTIFIER"):
            if token.kind in ("true", "false", "null"):
                raise SyntaxFault(token.at, f"Syntax error: mismatched input '{token.text}' expecting IDENTIFIER")
            shown = "" if token.kind == END else token.text
            raise SyntaxFault(token.at, f"Syntax error: no viable alternative at input '.{shown}'")
        name = self.take().text.strip("`")
        if is_optional:
            return Call(dot.at, "_?._", None, [of, Constant(token.at, name)])
        if token.kind == "IDENTIFIER" and (bracket := self.accept("(")):
            return self.call(bracket.at, name, of)
        return Select(dot.at, of, name)

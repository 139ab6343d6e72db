"""Server blocks: from words to blocks of plugins with their options (coredns/caddy ``caddyfile/parse.go``). Pure.

A snippet ``(name) { ... }`` is put in place of ``import name``; an import of anything else names files, which
``Files`` reads, relative to the file with the import. Where CoreDNS stops at the first mistake, so does this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from kubesvc.remote.corefile.notes import CorefileError
from kubesvc.remote.corefile.tokens import Token, read_tokens, with_variables

MAX_IMPORTS = 1000
"""Imports of one Corefile; more are a circle. CoreDNS gives up after 10,000 of a snippet."""


class Files(Protocol):
    """Reads files for a Corefile."""

    def match(self, pattern: str, beside: str) -> Sequence[str]:
        """Return the files that a pattern names, in order; a relative one is relative to the file ``beside``."""
        ...

    def read(self, path: str) -> str:
        """Return the text of a file; OSError."""
        ...


class Option(NamedTuple):
    """One line in the braces of a plugin."""

    name: Token
    args: tuple[Token, ...]


class Stanza(NamedTuple):
    """One plugin of a server block: its name, the words behind it, and the lines in its braces."""

    name: Token
    args: tuple[Token, ...]
    options: tuple[Option, ...]


class Block(NamedTuple):
    """A server block: its addresses (zones with or without port and scheme) and its plugins."""

    keys: tuple[Token, ...]
    stanzas: tuple[Stanza, ...]


def read_blocks(text: str, file: str, files: Files, environ: Mapping[str, str]) -> tuple[Block, ...]:
    """Return the server blocks of a Corefile; CorefileError for the first mistake of its grammar."""
    return _Parser(list(read_tokens(text, file)), files, environ).blocks()


class _Parser:
    def __init__(self, tokens: list[Token], files: Files, environ: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._files = files
        self._environ = environ
        self._at = 0
        self._imports = 0
        self._snippets: dict[str, list[Token]] = {}

    def blocks(self) -> tuple[Block, ...]:
        found = []
        while self._at < len(self._tokens):
            keys = self._keys()
            if len(keys) == 1 and keys[0].text.startswith("(") and keys[0].text.endswith(")"):
                self._define(keys[0])
            elif keys:
                found.append(Block(keys, self._stanzas(keys[-1])))
        return tuple(found)

    def _keys(self) -> tuple[Token, ...]:
        """Read the addresses of a block: those of a line, and of the next one behind a comma."""
        found: list[Token] = []
        wants_more = False
        while self._at < len(self._tokens):
            if self._begins_import():
                self._import()
                continue
            raw = self._tokens[self._at]
            if raw.text == "{" or (found and not wants_more and raw.line != found[-1].line):
                break
            token = with_variables(raw, self._environ)
            wants_more = token.text.endswith(",")
            token = token._replace(text=token.text.removesuffix(","))
            if token.text:
                found.append(token)
            self._at += 1
        if wants_more:
            raise _error(self._tokens[self._at - 1], "an address is missing behind the comma", "remove the comma")
        if not found and self._at < len(self._tokens):
            raise _error(self._tokens[self._at], "a server block without a zone", 'write its zone before it: ". {"')
        return tuple(found)

    def _define(self, key: Token) -> None:
        name = key.text[1:-1]
        if name in self._snippets:
            raise _error(key, f"the snippet {name!r} is there already", "rename one of the two")
        self._open(key)
        depth, tokens = 1, []
        while depth:
            token = self._next(key)
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            tokens.append(token)
        self._snippets[name] = tokens[:-1]

    def _stanzas(self, key: Token) -> tuple[Stanza, ...]:
        """Read the plugins of a block. Without braces, which only the last block may lack, they reach to the end."""
        has_braces = self._at < len(self._tokens) and self._tokens[self._at].text == "{"
        self._at += has_braces
        found = []
        while self._at < len(self._tokens) or has_braces:
            if self._begins_import():
                self._import()
                continue
            token = self._next(key)
            if token.text == "}":
                if has_braces:
                    break
                raise _error(token, 'a "}" without a "{"')
            found.append(self._stanza(with_variables(token, self._environ)))
        return tuple(found)

    def _stanza(self, name: Token) -> Stanza:
        args = self._line_after(name)
        options: list[Option] = []
        if self._is_at("{", name):
            opening = self._next(name)
            while True:
                if self._begins_import():
                    self._import()
                    continue
                token = with_variables(self._next(opening), self._environ)
                if token.text == "}":
                    break
                option = Option(token, self._line_after(token))
                if self._is_at("{", token):
                    raise _error(token, f"{name.text}: {token.text} has braces of its own, which no option here has")
                options.append(option)
        return Stanza(name, args, tuple(options))

    def _line_after(self, first: Token) -> tuple[Token, ...]:
        """Read the words behind ``first`` on its line, up to a brace."""
        found = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.text in ("{", "}") or (token.file, token.line) != (first.file, first.line):
                break
            found.append(with_variables(token, self._environ))
            self._at += 1
        return tuple(found)

    def _is_at(self, text: str, beside: Token) -> bool:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        return token is not None and token.text == text and (token.file, token.line) == (beside.file, beside.line)

    def _begins_import(self) -> bool:
        if self._at >= len(self._tokens) or self._tokens[self._at].text != "import":
            return False
        before = self._tokens[self._at - 1] if self._at else None
        here = self._tokens[self._at]
        return before is None or (before.file, before.line) != (here.file, here.line) or before.text == "{"

    def _import(self) -> None:
        """Put what is imported in the place of the import."""
        at = self._tokens[self._at]
        self._at += 1
        args = self._line_after(at)
        if len(args) != 1 or not args[0].text:
            raise _error(at, "import takes one name: of a snippet, or of files")
        self._imports += 1
        if self._imports > MAX_IMPORTS:
            raise _error(at, f"more than {MAX_IMPORTS} imports: {args[0].text!r} imports itself")
        begin = self._at - len(args) - 1
        found = self._snippets.get(args[0].text)
        self._tokens[begin : self._at] = self._read_files(args[0]) if found is None else found
        self._at = begin

    def _read_files(self, pattern: Token) -> list[Token]:
        paths = self._files.match(pattern.text, pattern.file)
        if not paths and not any(each in pattern.text for each in "*?["):
            raise _error(pattern, f"import: there is no file {pattern.text!r}, and no snippet of that name before it")
        found: list[Token] = []
        for path in paths:
            try:
                found += read_tokens(self._files.read(path), path)
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise _error(pattern, f"import: {path}: {reason}", "import text files") from error
        return found

    def _open(self, key: Token) -> None:
        if self._next(key).text != "{":
            raise _error(key, f'a "{{" must follow {key.text}')

    def _next(self, opening: Token) -> Token:
        if self._at == len(self._tokens):
            raise _error(opening, f'the "}}" of {opening.text!r} is missing at the end of the file')
        self._at += 1
        return self._tokens[self._at - 1]


def _error(at: Token, what: str, remedy: str = "") -> CorefileError:
    return CorefileError((f"{at.place}: {what}; {remedy}" if remedy else f"{at.place}: {what}",))

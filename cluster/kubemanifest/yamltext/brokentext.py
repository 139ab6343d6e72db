"""Plain words for the problems of a text that is no YAML, and how to mend it.

libyaml's problems are exact but are about its own internals; this table is about the text.
"""

from __future__ import annotations

from typing import NamedTuple

TAB_MESSAGE = "a tab is used for indentation, where YAML allows only spaces"
TAB_HINT = "replace the tab by spaces"


class Explanation(NamedTuple):
    """Plain words for a problem. ``{line}`` is where the structure that it breaks begins."""

    message: str
    hint: str = ""


_EXPLANATIONS: dict[str, Explanation] = {
    "mapping values are not allowed": Explanation(
        'a ":" is not allowed here',
        'quote the value if it contains ": "; otherwise check the indentation and that the line above has its ":"',
    ),
    "cannot start any token": Explanation("a plain value cannot begin with this character", "quote the value"),
    "violates indentation": Explanation(TAB_MESSAGE, TAB_HINT),
    "did not find expected key": Explanation(
        "this does not belong to the mapping that begins at line {line}",
        "check the indentation: the keys of one mapping stand in one column",
    ),
    "did not find expected '-' indicator": Explanation(
        "this does not belong to the list that begins at line {line}",
        'begin the item with "- ", or check the indentation',
    ),
    "block sequence entries are not allowed": Explanation(
        'a "-" is not allowed here', "begin the list on its own line"
    ),
    "could not find expected ':'": Explanation('the key at line {line} has no ":" after it', 'write "key: value"'),
    "found unexpected end of stream": Explanation("the quote that is opened at line {line} is never closed"),
    "did not find expected ',' or ']'": Explanation(
        'the list that is opened with "[" at line {line} needs a "," or its "]" here'
    ),
    "did not find expected ',' or '}'": Explanation(
        'the mapping that is opened with "{{" at line {line} needs a "," or its "}}" here'
    ),
    "did not find expected node content": Explanation("a value is missing here"),
    "found unknown escape character": Explanation(
        'a "\\" in double quotes begins an escape, and this one does not exist',
        "use single quotes, or double the backslash",
    ),
    "did not find expected comment or line break": Explanation('only a line break may follow "|" or ">"'),
    "did not find expected <document start>": Explanation(
        "a new document must begin here", 'separate documents with "---"'
    ),
    "found incompatible YAML document": Explanation("this is not YAML 1.1 or 1.2", "remove the %YAML line"),
}


def explain(problem: str, opened: int, *, has_tab: bool) -> Explanation:
    """Return the words for a parser's problem, given the line where the broken structure begins (0: unknown)."""
    if has_tab and "start any token" in problem:
        return Explanation(TAB_MESSAGE, TAB_HINT)
    for fragment, explanation in _EXPLANATIONS.items():
        if fragment in problem:
            return Explanation(explanation.message.format(line=opened), explanation.hint)
    return Explanation(problem or "this is not YAML")


def is_tab_at(text: str, line: int, column: int) -> bool:
    """Tell whether the character at a place (from 0) is a tab, or a tab indents its line."""
    lines = text.split("\n")
    if line >= len(lines):
        return False
    before = lines[line][: column + 1]
    return not before.strip() and "\t" in before

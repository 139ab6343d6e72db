"""Variables from a file of a volume: the value of one key in a strict subset of the shell's syntax. Pure.

Values are in single quotes, over several lines if need be; comments and blank lines are passed over. Follows
k8s.io/kubernetes ``pkg/kubelet/util/env``.
"""

from __future__ import annotations

import re

_START = re.compile(r"(?P<name>[^=\n]*)=(?P<blank>[ \t]*)(?P<rest>[^\n]*)")
_END = re.compile(r"'[ \t]*(#[^\n]*)?(\n|$)")


def find_variable(text: str, key: str) -> str:
    """Return the value of a key, "" if the file does not have it; ValueError for a line before it that is malformed."""
    at = 0
    while at < len(text):
        line, _, _ = text[at:].partition("\n")
        if not line.strip(" \t") or line.lstrip(" \t").startswith("#"):
            at += len(line) + 1
            continue
        name, value, at = _read_assignment(text, at)
        if name == key:
            return value
    return ""


def _read_assignment(text: str, at: int) -> tuple[str, str, int]:
    """Return the name and the value that begin at a position, and where the next line begins."""
    found = _START.match(text, at)
    if found is None:
        raise ValueError("missing '='")
    name = found["name"].lstrip(" \t")
    if not name.strip(" \t") or name != name.rstrip(" \t"):
        raise ValueError("no variable name before '='")
    if found["blank"]:  # as in a shell, the value is empty then
        return name, "", found.end() + 1
    if not found["rest"].startswith("'"):
        raise ValueError("value must be enclosed in single quotes")
    start = found.start("rest") + 1
    end = text.find("'", start)
    if end < 0:
        raise ValueError("unclosed single quote")
    after = _END.match(text, end)
    if after is None:
        raise ValueError("unexpected content after closing quote")
    return name, text[start:end], after.end()

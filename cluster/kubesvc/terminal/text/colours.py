"""Colours for tables on a terminal. The only file that uses rich, which is imported only for a terminal.

The text stays the same; see https://no-color.org for NO_COLOR.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from io import StringIO
from typing import TextIO

_STYLES = {
    r"(?m)^(NAMESPACE|cluster|Not ready:|Problems:|Warnings:).*$": "bold",
    r"(?<= )(Running|Completed)(?= )": "green",
    r"(?<= )(Pending|ContainerCreating|Terminating)(?= )": "yellow",
    r"(?<= )\w*(Error|BackOff|Failed)\w*(?= )": "red",
    r"(?<= )0/[1-9]\d*(?= )": "red",
}
"""Style by regular expression; a later match overrides an earlier one."""

Paint = Callable[[str], str]


def of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Paint:
    """Return the function that colours text for ``stream``: the identity unless it is a terminal that wants colour."""
    is_wanted = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return painted if is_wanted and stream.isatty() else str


def painted(text: str) -> str:
    """Return the text with the escape sequences of its colours."""
    from rich.console import Console
    from rich.text import Text

    found = Text(text)
    for expression, style in _STYLES.items():
        found.highlight_regex(expression, style)
    console = Console(file=StringIO(), force_terminal=True, color_system="standard", width=len(text) + 1)
    with console.capture() as captured:
        console.print(found, end="", soft_wrap=True)
    return captured.get()

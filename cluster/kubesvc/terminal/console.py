"""The output of `kubesvc up`, and its exit statuses."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TextIO

from kubesvc.escaping import escaped_entry, escaped_lines
from kubesvc.terminal.text import colours

EXIT_WELL, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_NOT_READY, EXIT_AT_ONCE = 0, 1, 2, 4, 130
EXIT_BROKEN = 99
"""An objective of `kubesvc bench` is broken; k6 exits so too."""
"""Stopped on request; failed; bad usage or manifest; not ready in time; stopped by a second Ctrl-C without a drain."""

_MAX_UNSAVED = 20
"""Most objects that are named as not saved."""
_MAX_MISSING = 50
"""Most reasons that are printed for a cluster that is not ready."""


class Console(NamedTuple):
    """``out`` gets the results, ``err`` everything else.

    A closed pipe (`kubesvc up | head`) or a full disk does not stop the cluster. Control characters, which may come
    from objects, files and clients, are escaped.
    """

    out: TextIO
    err: TextIO

    def say(self, *lines: str) -> None:
        """Print lines, each with its hints, to ``out``."""
        _print(self.out, map(escaped_entry, lines))

    def show(self, text: str) -> None:
        """Print a text of several lines to ``out``, in colour where that is wanted."""
        _print(self.out, [colours.of(self.out)(escaped_lines(text))])

    def warn(self, *lines: str) -> None:
        """Print lines, each with its hints, to ``err``."""
        _print(self.err, map(escaped_entry, lines))


def _print(stream: TextIO, lines: Iterable[str]) -> None:
    try:
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()
    except OSError:
        # The buffer still holds the lines. Redirected, the flush at the interpreter's end does not fail again.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno(), inheritable=stream.fileno() <= 2)
        os.close(null)


def missing_lines(waiting_for: Sequence[str], timeout: float, last_words: Sequence[str] = ()) -> list[str]:
    """Return the lines for a cluster that is not ready after ``timeout`` s: reasons, and failing containers' output."""
    reasons = [f"  {each}" for each in waiting_for]
    if len(reasons) > _MAX_MISSING:
        reasons = [*reasons[:_MAX_MISSING], f"  ... and {len(reasons) - _MAX_MISSING:,} more"]
    return [f"kubesvc: not ready within {timeout:g}s:", *reasons, *(f"  {each}" for each in last_words)]


def unsaved_text(unsaved: Sequence[str]) -> str:
    """Return the sentence about changes that were not on disk when the cluster stopped."""
    more = f" and {len(unsaved) - _MAX_UNSAVED:,} more" if len(unsaved) > _MAX_UNSAVED else ""
    return (
        f"not saved, as the disk could not be written to: the last changes of {', '.join(unsaved[:_MAX_UNSAVED])}{more}"
    )

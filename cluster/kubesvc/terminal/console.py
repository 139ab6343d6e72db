"""Where a run of `kubesvc up` reports, and the exit statuses that it can end with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from kubesvc.terminal import colours
from kubesvc.terminal.escaping import escaped_entry, escaped_lines

EXIT_WELL, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_NOT_READY, EXIT_AT_ONCE = 0, 1, 2, 4, 130
"""Stopped when asked to; could not go on; bad usage or manifest; not ready in time; Ctrl-C without a drain."""

_MAX_UNSAVED = 20
"""Objects named that were not saved."""
_MAX_MISSING = 50
"""Reasons printed why the cluster is not ready; of thousands nobody reads more."""


@dataclass(frozen=True)
class Console:
    """``out`` is for what was asked for, ``err`` for everything else.

    A reader that has gone away (`kubesvc up | head`) or a full disk is no reason to stop a cluster. What comes from
    objects, files and clients is shown here and does nothing to the terminal.
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
        # The buffer still holds the lines; they must go somewhere, or the interpreter complains at its end.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno(), inheritable=stream.fileno() <= 2)
        os.close(null)


def missing_lines(waiting_for: Sequence[str], timeout: float, last_words: Sequence[str] = ()) -> list[str]:
    """Return what is printed of a cluster that is not ready after ``timeout`` s, and what failing containers wrote."""
    reasons = [f"  {each}" for each in waiting_for]
    if len(reasons) > _MAX_MISSING:
        reasons = [*reasons[:_MAX_MISSING], f"  ... and {len(reasons) - _MAX_MISSING:,} more"]
    return [f"kubesvc: not ready within {timeout:g}s:", *reasons, *(f"  {each}" for each in last_words)]


def unsaved_text(unsaved: Sequence[str]) -> str:
    """Return what is said of changes that were not on disk when their cluster stopped."""
    more = f" and {len(unsaved) - _MAX_UNSAVED:,} more" if len(unsaved) > _MAX_UNSAVED else ""
    return (
        f"not saved, as the disk could not be written to: the last changes of {', '.join(unsaved[:_MAX_UNSAVED])}{more}"
    )

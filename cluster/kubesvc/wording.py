"""Numbers and lists of names in sentences for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MAX_NAMED = 4
"""Objects that a sentence names; of more it gives the number."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: "1 pod", "2 pods", "no pod"."""
    if number in (0, 1):
        return f"{number or 'no'} {one}"
    return f"{number} {many or one + 's'}"


def listed(names: Iterable[str], most: int = MAX_NAMED) -> str:
    """Return names in one phrase, "a, b and 3 more" when there are many."""
    found = list(names)
    if len(found) > most:
        return f"{', '.join(found[:most])} and {len(found) - most} more"
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def shortened(lines: Sequence[str], most: int, where: str) -> list[str]:
    """Return the first lines, and how many more there are and ``where`` they are seen."""
    more = len(lines) - most
    return [*lines[:most], *([f"... and {more:,} more: {where}"] if more > 0 else [])]

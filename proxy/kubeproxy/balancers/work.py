"""How an algorithm builds what takes long, such as the table of a thousand endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Work = Callable[[Iterator[None]], None]
"""Does work step by step, with what else waits in between. A step takes a few milliseconds."""


def at_once(steps: Iterator[None]) -> None:
    """Do all steps now: where nothing else waits, as in a simulation."""
    for _ in steps:
        pass

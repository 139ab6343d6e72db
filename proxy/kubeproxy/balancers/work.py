"""How an algorithm builds what takes long, such as the table of a thousand endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Work = Callable[[Iterator[None]], None]
"""Does work step by step, with what else waits in between. A step takes a few milliseconds."""


def at_once(steps: Iterator[None]) -> None:
    """Do all steps now: where nothing else waits, as in a simulation."""
    for _ in steps:
        pass


SLICE_SECONDS = 0.004
"""How long steps go on before something else has its turn; the last one may take a few milliseconds more."""
_ALWAYS = 2
"""Steps after which work goes on however long they took: a busy machine does not cut a small table in two."""


def work_on(steps: Iterator[None], clock: Callable[[], float], begun: float | None = None) -> bool:
    """Do steps for SLICE_SECONDS of the ``clock`` (of this thread's own time); tell whether some are left.

    So a table of a few endpoints is there at once, and the first requests go where those after them go. The slice has
    ``begun`` earlier if it is part of other work, such as a change of a thousand endpoints.
    """
    until = (clock() if begun is None else begun) + SLICE_SECONDS
    return any(number > _ALWAYS and clock() >= until for number, _ in enumerate(steps, 1))

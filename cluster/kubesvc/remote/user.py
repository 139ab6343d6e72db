"""How a command that follows a real cluster speaks to its user."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class User(NamedTuple):
    """``say`` takes a line for the user; ``ready`` is called once everything is served."""

    say: Callable[[str], None]
    ready: Callable[[], None]

"""What a check of the machine says. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

Status = Literal["ok", "warn", "fail"]


class Check(NamedTuple):
    """One finding. ``remedy`` is a command or a sentence."""

    group: str
    name: str
    status: Status
    message: str
    remedy: str = ""

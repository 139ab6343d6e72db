"""What came of a call of an admission webhook. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    """The answer's body, or why there is none ("" if there is one)."""

    uid: str
    body: bytes = b""
    failure: str = ""

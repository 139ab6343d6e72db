"""The recorded picks of real balancers (tests/kubeproxy/balancers/recorded/)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "kubeproxy" / "balancers" / "recorded"

Case = dict[str, Any]


def cases(file: str) -> list[Case]:
    """Return the cases of a recording."""
    found: list[Case] = json.loads((_FOLDER / file).read_text())["cases"]
    return found


def is_rotation(picks: list[int], of: list[int]) -> bool:
    """Tell whether one list of picks is a part of the endless repetition of ``of``."""
    return any(all(of[(start + step) % len(of)] == each for step, each in enumerate(picks)) for start in range(len(of)))

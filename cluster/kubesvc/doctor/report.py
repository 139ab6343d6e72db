"""How findings are told: in groups with √, ‼ and ×, as linkerd does, or as JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

from kubesvc.doctor.checks import Check, Status

_SIGNS: dict[Status, str] = {"ok": "√", "warn": "‼", "fail": "×"}


def overall(checks: Sequence[Check]) -> Status:
    """Return the worst status."""
    found = {each.status for each in checks}
    return "fail" if "fail" in found else "warn" if "warn" in found else "ok"


def as_text(checks: Sequence[Check]) -> str:
    """Return the report for people."""
    lines: list[str] = []
    for group, members in itertools.groupby(checks, key=lambda each: each.group):
        lines += ["", group, "-" * len(group)] if lines else [group, "-" * len(group)]
        for each in members:
            lines.append(f"{_SIGNS[each.status]} {each.message}")
            if each.remedy:
                lines.append(f"    {each.remedy}")
    return "\n".join([*lines, "", f"Status check results are {_SIGNS[overall(checks)]}"])


def as_json(checks: Sequence[Check]) -> str:
    """Return the report for programs."""
    return json.dumps({"status": overall(checks), "checks": [each._asdict() for each in checks]}, indent=2)

"""The text of `kubesvc doctor`, made from its JSON document: groups with √, ‼ and ×, as linkerd prints. Pure."""

from __future__ import annotations

import itertools
from typing import Any

_SIGNS = {"ok": "√", "warn": "‼", "fail": "×"}


def checklist_text(document: dict[str, Any]) -> str:
    """Return what `kubesvc doctor` prints."""
    lines: list[str] = []
    for group, members in itertools.groupby(document["checks"], key=lambda each: str(each["group"])):
        lines += ["", group, "-" * len(group)] if lines else [group, "-" * len(group)]
        for each in members:
            lines.append(f"{_SIGNS[each['status']]} {each['message']}")
            if each["remedy"]:
                lines.append(f"    {each['remedy']}")
    return "\n".join([*lines, "", f"Status check results are {_SIGNS[document['status']]}"])

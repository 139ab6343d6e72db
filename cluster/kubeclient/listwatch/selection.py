"""Which objects of a resource are followed: in which namespace, and with which labels and fields. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Selection(NamedTuple):
    """``labels`` and ``fields`` are selectors as kubectl takes them; ``namespace`` is "" for all."""

    labels: str = ""
    fields: str = ""
    namespace: str = ""

    def params(self) -> dict[str, str]:
        """Return the parameters of a request."""
        pairs = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: value for name, value in pairs.items() if value}


EVERYTHING = Selection()

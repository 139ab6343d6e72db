"""Tables in kubectl's layout, and that of the Ingresses in `kubesvc status`. Pure.

Columns are separated by three blanks, headers are upper case (k8s.io/cli-runtime printers).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Document = dict[str, Any]


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the last column is not padded."""
    lines = [tuple(headers), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers) - 1)]
    return "\n".join(
        "   ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]])
        for line in lines
    )


def ingress_tables(document: Document) -> list[str]:
    """Return the table of Ingresses, none if there are no Ingresses."""
    ingresses = document["ingresses"]
    if not ingresses:
        return []
    rows = [
        [
            each["namespace"],
            each["name"],
            each["class"] or "<none>",
            ",".join(each["hosts"]),
            next((one["address"] for one in each["listeners"]), "<none>"),
            ",".join(str(one["port"]) for one in each["listeners"] if one["bound"]) or "<none>",
        ]
        for each in ingresses
    ]
    return [table(["NAMESPACE", "NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS"], rows)]

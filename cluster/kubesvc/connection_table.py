"""How connections look to people: a line each, below one another also when they come one by one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kubesvc.printers import table

Document = dict[str, Any]

_COLUMNS = (
    ("TIME", 12),
    ("CLIENT", 13),
    ("TO", 20),
    ("SERVICE", 16),
    ("NODE", 6),
    ("ENDPOINT", 19),
    ("WHY", 12),
    ("STATE", 6),
    ("IN/OUT", 9),
    ("SECONDS", 7),
    ("REQUEST", 0),
)
"""Headers, with the width that a column has at least when lines come one by one."""


def connection_table(documents: Iterable[Document]) -> str:
    """Return the table of connections, the oldest first."""
    rows = [_cells(each) for each in documents]
    if not rows:
        return "No connections."
    return "\n".join(line.rstrip() for line in table([name for name, _ in _COLUMNS], rows).split("\n"))


def header_line() -> str:
    """Return the headers for lines that come one by one."""
    return _line([name for name, _ in _COLUMNS])


def connection_line(document: Document) -> str:
    """Return one connection, or how many were missed, as a line of its own."""
    if "missed" in document:
        return f"... {document['missed']} missed"
    return _line(_cells(document))


def _line(cells: Iterable[str]) -> str:
    padded = (cell.ljust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=True))
    return "   ".join(padded).rstrip()


def _cells(document: Document) -> list[str]:
    host = f"[{document['address']}]" if ":" in document["address"] else document["address"]
    began = datetime.fromisoformat(document["time"]).astimezone()
    port = f":{document['portName']}" if document["portName"] else ""
    pod = f" ({document['pod']})" if document["pod"] else ""
    status = f" {document['status']}" if document["status"] else ""
    return [
        began.strftime("%H:%M:%S.") + f"{began.microsecond // 1000:03}",
        document["client"],
        f"{host}:{document['port']}/{document['protocol']}",
        f"{document['service']}{port}",
        document["node"] or "<any>",
        f"{document['endpoint']}{pod}" if document["endpoint"] else "<none>",
        document["why"],
        document["state"],
        f"{document['bytesToEndpoint']}/{document['bytesToClient']}",
        f"{document['seconds']:.3f}",
        f"{document['method']} {document['target']}{status}" if document["method"] else "",
    ]

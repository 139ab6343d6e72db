"""The text of `kubesvc connections`: a line for each, aligned also when they arrive one by one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from kubehost.addresses import join_host_port
from kubesvc.terminal.text.tables import table

Document = dict[str, Any]

_COLUMNS = (
    ("TIME", 12),
    ("CLIENT", 15),
    ("TO", 26),
    ("SERVICE", 24),
    ("NODE", 6),
    ("ENDPOINT", 42),
    ("WHY", 14),
    ("STATE", 6),
    ("IN/OUT", 12),
    ("SECONDS", 7),
    ("REQUEST", 0),
)
"""Headers, with the least width of each column when lines arrive one by one: room for IPv4 and a pod's name."""
HEADERS = [name for name, _ in _COLUMNS]


def connection_table(documents: Iterable[Document]) -> str:
    """Return the table of connections, the oldest first."""
    rows = [_cells(each) for each in documents]
    if not rows:
        return "No connections."
    return "\n".join(line.rstrip() for line in table(HEADERS, rows).split("\n"))


class ConnectionLines:
    """Aligns lines that arrive one by one: a column is as wide as its widest cell so far, ``known`` ones included."""

    def __init__(self, known: Iterable[Document]) -> None:
        self._widths = [width for _, width in _COLUMNS]
        for document in known:
            self._widen(_cells(document))

    def header(self) -> str:
        """Return the headers."""
        return self._line(HEADERS)

    def line(self, document: Document) -> str:
        """Return the line of a connection, or of the number of missed ones."""
        if "missed" in document:
            return f"... {document['missed']} missed"
        return self._line(_cells(document))

    def _line(self, cells: Sequence[str]) -> str:
        self._widen(cells)
        return "   ".join(cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True)).rstrip()

    def _widen(self, cells: Sequence[str]) -> None:
        """Widen the columns, but for the last, which needs no padding."""
        wanted = map(len, cells[:-1])
        self._widths[:-1] = [max(pair) for pair in zip(self._widths, wanted, strict=False)]


def _cells(document: Document) -> list[str]:
    began = datetime.fromisoformat(document["time"]).astimezone()
    port = f":{document['portName']}" if document["portName"] else ""
    pod = f" ({document['pod']})" if document["pod"] else ""
    status = f" {document['status']}" if document["status"] else ""
    return [
        began.strftime("%H:%M:%S.") + f"{began.microsecond // 1000:03}",
        document["client"],
        f"{join_host_port(document['address'], document['port'])}/{document['protocol']}",
        f"{document['service']}{port}" if document["service"] else "<none>",
        document["node"] or "<any>",
        f"{document['endpoint']}{pod}" if document["endpoint"] else "<none>",
        document["why"],
        document["state"],
        f"{document['bytesToEndpoint']}/{document['bytesToClient']}",
        f"{document['seconds']:.3f}",
        f"{document['method']} {document['target']}{status}" if document["method"] else "",
    ]

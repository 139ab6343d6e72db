"""Which pod each request reached. Pure.

An answer may name it (``X-Pod`` of kubesvc's images, ``X-Kubesvc-Endpoint`` of a Service that asks for it). Otherwise
the cluster's own records do: the client's port tells the connection, of which the proxy has sent all bytes to one pod;
of an HTTP Service, whose records are requests, the n-th on a port belongs to the n-th answer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from svcbench.load.log import Log

_OPEN = "open"


class PodFinder:
    """Learns the records of a Service (``kubesvc connections -o json``); ``pods`` are names by what answers say."""

    def __init__(self, pods: Mapping[str, str]) -> None:
        self._pods = pods
        self._by_port: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
        """Pod and state of a client port's connections or requests, in their order."""
        self._is_by_request = self._has_missed = False
        self.algorithm = ""
        """The name of the Service's algorithm, "" while no record has told it."""

    def take(self, document: Mapping[str, Any]) -> None:
        """Learn one record; one that was open before is the same one again."""
        if "missed" in document:
            self._has_missed = True
            return
        self.algorithm = self.algorithm or document["algorithm"]
        self._is_by_request = document["protocol"] == "http"
        known = self._by_port[document["clientPort"]]
        if known and known[-1][1] == _OPEN:
            known.pop()
        known.append((document["pod"] or document["endpoint"], document["state"]))

    def is_complete(self, log: Log) -> bool:
        """Tell whether no more records are to be waited for."""
        return self._has_missed or all(self.pods_of(log))

    def pods_of(self, log: Log) -> list[str]:
        """Return the pod of each row, "" where nothing tells."""
        by_record = self._from_records(log)
        return [
            self._named(log.names[number]) if number else by_record.get(row, "")
            for row, number in enumerate(log.rows.pod)
        ]

    def _named(self, said: str) -> str:
        return self._pods.get(said, said)

    def _from_records(self, log: Log) -> dict[int, str]:
        if not self._by_port:
            return {}
        uses = self._requests(log) if self._is_by_request else self._connections(log)
        return {row: pod for row, pod in uses if pod}

    def _connections(self, log: Log) -> Iterator[tuple[int, str]]:
        """Yield row and pod; the last records of a port are those of its last connections."""
        total, seen = Counter(log.ports), Counter[int]()
        by_connection = []
        for port in log.ports:
            records = self._by_port.get(port, [])
            missing = total[port] - len(records)
            by_connection.append(records[seen[port] - missing][0] if missing <= 0 else "")
            seen[port] += 1
        for row, connection in enumerate(log.rows.connection):
            if connection < len(by_connection):
                yield row, by_connection[connection]

    def _requests(self, log: Log) -> Iterator[tuple[int, str]]:
        rows: defaultdict[int, list[int]] = defaultdict(list)
        for row in sorted(range(len(log.rows)), key=log.rows.began.__getitem__):
            if log.rows.connection[row] < len(log.ports):
                rows[log.ports[log.rows.connection[row]]].append(row)
        for port, of_port in rows.items():
            records = self._by_port.get(port, [])
            if len(records) >= len(of_port):
                yield from zip(of_port, (pod for pod, _ in records[-len(of_port) :]), strict=True)

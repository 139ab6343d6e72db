"""Which pod each request reached. Pure.

An answer may name it (``X-Pod`` of kubesvc's images, ``X-Kubesvc-Endpoint`` of a Service that asks for it). Otherwise
the cluster's own records do: the client's port tells the connection, of which the proxy has sent all bytes to one pod;
of an HTTP Service, whose records are requests, the n-th on a port belongs to the n-th answer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from svcbench.load.log import Log
from svcbench.load.plan import source_of

_OPEN = "open"
_Client = tuple[str, int]
"""The address, "" where all have the same one, and the port."""


class PodFinder:
    """Learns the records of a Service (``kubesvc connections -o json``); ``pods`` are names by what answers say.

    ``sources`` is the number of addresses that the clients have, 0 if they have that of the machine.
    """

    def __init__(self, pods: Mapping[str, str], sources: int = 0) -> None:
        self._pods = pods
        self._sources = sources
        self._by_client: defaultdict[_Client, list[tuple[str, str]]] = defaultdict(list)
        """Pod and state of a client's connections or requests, in their order."""
        self._is_by_request = self._has_missed = False
        self.algorithm = self._newest = ""
        """The name of the algorithm that chose for the newest record, "" while there is none."""

    def take(self, document: Mapping[str, Any]) -> None:
        """Learn one record; one that was open before is the same one again."""
        if "missed" in document:
            self._has_missed = True
            return
        # A flow of a run before, with another algorithm, may end in this one.
        if document["time"] >= self._newest:
            self._newest, self.algorithm = document["time"], document["algorithm"]
        self._is_by_request = document["protocol"] == "http"
        known = self._by_client[document["client"] if self._sources else "", document["clientPort"]]
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
        if not self._by_client:
            return {}
        clients = [(source_of(number, self._sources), port) for number, port in enumerate(log.ports)]
        uses = self._requests(log, clients) if self._is_by_request else self._connections(log, clients)
        return {row: pod for row, pod in uses if pod}

    def _connections(self, log: Log, clients: Sequence[_Client]) -> Iterator[tuple[int, str]]:
        """Yield row and pod; the last records of a client's port are those of its last connections."""
        total, seen = Counter(clients), Counter[_Client]()
        by_connection = []
        for client in clients:
            records = self._by_client.get(client, [])
            missing = total[client] - len(records)
            by_connection.append(records[seen[client] - missing][0] if missing <= 0 else "")
            seen[client] += 1
        for row, connection in enumerate(log.rows.connection):
            if connection < len(by_connection):
                yield row, by_connection[connection]

    def _requests(self, log: Log, clients: Sequence[_Client]) -> Iterator[tuple[int, str]]:
        rows: defaultdict[_Client, list[int]] = defaultdict(list)
        for row in sorted(range(len(log.rows)), key=log.rows.began.__getitem__):
            if log.rows.connection[row] < len(clients):
                rows[clients[log.rows.connection[row]]].append(row)
        for client, of_client in rows.items():
            records = self._by_client.get(client, [])
            if len(records) >= len(of_client):
                yield from zip(of_client, (pod for pod, _ in records[-len(of_client) :]), strict=True)

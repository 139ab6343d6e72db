"""Connections and queries without a pause, each counted: what nobody may notice of a restart."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.cluster.clients import Client
from tests.helpers.cluster.cli import eventually
from tests.helpers.realcluster.judging import Named

from kubehost.addresses import Address

CONNECTIONS = 100
"""By which the traffic is said to go on."""
PAUSE_SECONDS = 0.01
"""Of a client between two connections. Each keeps a port for a minute (TIME_WAIT), and a client has 28,000: a faster
one runs out of them in a test that waits for the longest back-off. So does the proxy, and its client hears a reset."""


class Traffic:
    """Counts ``answers`` by pod and address; ``failures`` are whatever else a connection or query brought."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.end = threading.Event()

    def goes_on(self) -> None:
        """Return after some more connections; AssertionError if they do not come."""
        wanted = self.answers.total() + CONNECTIONS
        assert eventually(lambda: self.answers.total() >= wanted or self.failures)

    def connect(self, client: Client, to: Address) -> None:
        """Make connections until the end."""
        while not self.end.is_set():
            outcome = client.ask(*to)
            if outcome.port:
                self.answers[outcome.said] += 1
            else:
                self.failures.append(f"{to[0]}: {outcome.said}")
            self.end.wait(PAUSE_SECONDS)

    def query(self, names: Named, name: str) -> None:
        """Make queries until the end."""
        while not self.end.is_set():
            try:
                reply = names.ask(name, "A")
            except OSError as error:
                self.failures.append(f"{name}: {error}")
                continue
            found = [str(each.rdata) for each in reply.rr]
            if found:
                self.answers.update(found)
            else:
                self.failures.append(f"{name}: rcode {reply.header.rcode}, no address")
            self.end.wait(PAUSE_SECONDS)


@contextmanager
def traffic(client: Client, names: Named, to: Address, name: str) -> Iterator[Traffic]:
    """Have two clients and a resolver for the length of the block."""
    found = Traffic()
    threads = [threading.Thread(target=found.connect, args=(client, to)) for _ in range(2)]
    threads.append(threading.Thread(target=found.query, args=(names, name)))
    for each in threads:
        each.start()
    try:
        yield found
    finally:
        found.end.set()
        for each in threads:
            each.join()

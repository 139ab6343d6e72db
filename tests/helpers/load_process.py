"""A load generator, to be run as a process of its own: clients that ask one place again and again, and count.

``python -m tests.helpers.load_process HOST PORT CLIENTS keep-alive|close``. A line on stdin is answered with what has
been counted so far, as one line of JSON; the end of stdin ends it, and so does its time limit.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException

LIMIT_SECONDS = 120
"""After which SIGALRM ends it, whoever has forgotten it."""
ANSWER_SECONDS = 10.0


class Counts:
    """What all clients have seen: answers by their text, failures by their reason."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def note(self, answer: str, failure: str) -> None:
        with self._lock:
            self._answers.update([answer] if answer else [])
            self._failures.update([failure] if failure else [])

    def document(self) -> str:
        with self._lock:
            return json.dumps({"answers": self._answers, "failures": self._failures})


def ask(connection: HTTPConnection, counts: Counts) -> bool:
    """Ask once, and count; return whether it went well."""
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        body = response.read().decode()
    except (OSError, HTTPException) as error:
        counts.note("", type(error).__name__)
        return False
    failure = "" if response.status == 200 else str(response.status)
    counts.note("" if failure else body.strip(), failure)
    return not failure


def call(host: str, port: int, counts: Counts, stop: threading.Event, *, is_kept_alive: bool) -> None:
    """Be one client until told to stop."""
    connection = HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    while not stop.is_set():
        if not ask(connection, counts) or not is_kept_alive:
            connection.close()
        time.sleep(0.001)
    connection.close()


def main(host: str, port: str, clients: str, keep_alive: str) -> None:
    counts, stop = Counts(), threading.Event()
    is_kept_alive = keep_alive == "keep-alive"
    threads = [
        threading.Thread(target=call, args=(host, int(port), counts, stop), kwargs={"is_kept_alive": is_kept_alive})
        for _ in range(int(clients))
    ]
    for thread in threads:
        thread.start()
    signal.alarm(LIMIT_SECONDS)
    for _ in sys.stdin:
        sys.stdout.write(counts.document() + "\n")
        sys.stdout.flush()
    stop.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The /etc/hosts of the nodes: a file of the cluster, which `kubesvc shell` shows and the name server honours.

CoreDNS' ``hosts`` plugin looks at its file every 5 s; here a change is seen at once, as on the node itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from kubesvc.shell.files import read_hosts

POLL_SECONDS = 0.5
_log = logging.getLogger(__name__)

Hosts = Mapping[str, tuple[str, ...]]


class HostsFile:
    """``configured`` are names that DNS has whatever the file says; ``apply`` sets the names."""

    def __init__(self, path: Path, configured: Hosts, apply: Callable[[Hosts], None]) -> None:
        self._path = path
        self._configured = configured
        self._apply = apply
        self._seen: tuple[int, ...] = ()

    def prepare(self, text: str) -> None:
        """Write the file unless it is there from an earlier run. OSError."""
        with suppress(FileExistsError), self._path.open("x") as file:
            file.write(text)

    async def follow(self) -> None:
        """Apply the file whenever it changes; runs until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(POLL_SECONDS)

    def look(self) -> None:
        """Apply the file if it has changed."""
        try:
            state = self._path.stat()
            seen: tuple[int, ...] = (state.st_ino, state.st_mtime_ns, state.st_size)
            if seen == self._seen:
                return
            text = self._path.read_text(errors="replace")
        except OSError as error:
            seen, text = (error.errno or 0,), ""
            if seen != self._seen:
                _log.warning("the /etc/hosts of the nodes cannot be read: %s: %s", self._path, error.strerror)
        self._seen = seen
        self._apply({**self._configured, **read_hosts(text)})

"""The servers of ``externalHosts``, as processes at their addresses on this machine.

They stand for machines outside the cluster, so they are not pods; they only use the same ProcessRunner. A server that
dies is started again, and ``problems`` reports it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from kubehost.network import Network
from kubelet.process.runner import ProcessRunner, RunningProcess
from kubelet.spec.process import ProcessSpec, StartError
from kubesvc.config import ClusterConfiguration, ExternalHost

RESTART_SECONDS = (0.0, 1.0, 5.0, 10.0, 60.0)
"""Pauses before a dead server is started again. The last repeats; a server that ran longer starts over at the first."""
_LAST_WORDS = 200
"""Longest quotation of a server's last line, in characters."""

_log = logging.getLogger(__name__)


class OutsideError(Exception):
    """An outside server could not be started; the text names it and the reason."""


class _Server:
    """One host's server. ``process`` is None while none runs; ``cause`` is the reason of its last death."""

    def __init__(self, host: ExternalHost, spec: Callable[[], ProcessSpec], runner: ProcessRunner) -> None:
        self.host = host
        self.deaths = 0
        self.cause = ""
        self.process: RunningProcess | None = None
        self._spec = spec
        self._runner = runner
        self._said = b""

    async def start(self) -> None:
        """Start the process; StartError, OSError."""
        self._said = b""
        self.process = await self._runner.start(self._spec(), self._note)

    async def keep(self, monotonic: Callable[[], float]) -> None:
        """Restart the process whenever it has died; runs until it is cancelled."""
        failures = 0
        while True:
            began = monotonic()
            if self.process is not None:
                end = await self.process.wait()
                said = "" if end.signal else self._last_words()
                self._died(f"by signal {end.signal}" if end.signal else f"with exit code {end.code}{said}")
            failures = 0 if monotonic() - began > RESTART_SECONDS[-1] else failures
            await asyncio.sleep(RESTART_SECONDS[min(failures, len(RESTART_SECONDS) - 1)])
            failures += 1
            try:
                await self.start()
            except (StartError, OSError) as error:
                self._died(f"as it could not be started ({error})")

    def problem(self) -> str:
        """Return a sentence about the server's deaths, "" if there were none."""
        if not self.deaths:
            return ""
        times = "once" if self.deaths == 1 else f"{self.deaths} times"
        now = "has been started again" if self.process is not None else "is about to be started again"
        return (
            f"the server of externalHosts {self.host.name} at {self.host.address}:{self.host.port} has died {times}, "
            f"last {self.cause}, and {now}"
        )

    def _died(self, cause: str) -> None:
        self.deaths += 1
        self.process = None
        self.cause = cause
        _log.warning("%s", self.problem())

    def _last_words(self) -> str:
        lines = self._said.decode(errors="replace").strip().splitlines()
        return f" after it wrote {lines[-1][-_LAST_WORDS:]!r}" if lines else ""

    def _note(self, _stream: str, chunk: bytes) -> None:
        self._said = (self._said + chunk[-4 * _LAST_WORDS :])[-4 * _LAST_WORDS :]


class OutsideServers:
    """All servers of ``externalHosts``: ``start``, then ``keep``. Their processes end with ``runner``."""

    def __init__(
        self, config: ClusterConfiguration, network: Network, runner: ProcessRunner, *, monotonic: Callable[[], float]
    ) -> None:
        self._monotonic = monotonic
        self._servers = [
            _Server(each, partial(_spec, config, each, network), runner)
            for each in config.external_hosts
            if each.is_served
        ]

    async def start(self) -> None:
        """Start every server; OutsideError."""
        for server in self._servers:
            try:
                await server.start()
            except (StartError, OSError) as error:
                host = server.host
                message = f"externalHosts {host.name}: cannot serve at {host.address}:{host.port}: {error}"
                raise OutsideError(message) from error

    async def keep(self) -> None:
        """Restart servers that die; runs until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for server in self._servers:
                group.create_task(server.keep(self._monotonic), name=f"outside {server.host.name}")

    def problems(self) -> list[str]:
        """Return which servers have died so far, one sentence each."""
        return [problem for each in self._servers if (problem := each.problem())]


def _spec(config: ClusterConfiguration, host: ExternalHost, network: Network) -> ProcessSpec:
    # Imported here, because few clusters have such servers.
    from kubesvc.run.outside.process import process_spec

    return process_spec(config, host, network)

"""A cluster without components, for what a Session makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any, cast

from tests.helpers.kubesvc.ground import document, ground
from tests.helpers.patience import PATIENCE

from kubesvc.config import ClusterConfiguration
from kubesvc.run.api.admissions import ClusterAdmissions
from kubesvc.run.changes.edits import Editor
from kubesvc.run.changes.postponed import Postponed
from kubesvc.run.cluster import Cluster
from kubesvc.run.input.prepare import Prepared, prepare
from kubesvc.run.machine.sandboxmode import NO_SANDBOXES
from kubesvc.run.start import Start
from kubesvc.state.directory import StateDirectory
from kubesvc.terminal.console import Console
from kubesvc.terminal.up.detach import Caller
from kubesvc.terminal.up.options import UpOptions
from kubesvc.terminal.up.session import Session
from kubesvc.terminal.up.start import UpStart


class FakeCluster:
    """Starts at once, unless told otherwise, and is ready when told so; ``failure`` is what its run ends with."""

    def __init__(self) -> None:
        self.registry = ground()
        self.store = self.registry.store
        self.configuration = ClusterConfiguration()
        self.sandbox = NO_SANDBOXES
        self.started = asyncio.Event()
        self.started.set()
        self.ready = asyncio.Event()
        self.failure: Exception | None = None
        self.reasons = ["Pod default/web: Pending"]
        self.faults_of_the_machine: list[str] = []
        self.problems_of_services: list[str] = []
        self.words: list[str] = []
        self.admissions: ClusterAdmissions | None = None
        self.postponed = Postponed((), self.editor())
        self.is_stopped = False

    def editor(self) -> Editor:
        return Editor(self.registry, self.admissions)

    async def run(self, stop: asyncio.Event) -> None:
        if self.failure is not None:
            raise self.failure
        await self.started.wait()
        await stop.wait()
        self.is_stopped = True

    async def wait_until_started(self) -> None:
        await self.started.wait()

    async def wait_until_ready(self) -> None:
        await self.ready.wait()

    def waiting_for(self) -> list[str]:
        return self.reasons

    async def last_words(self) -> list[str]:
        return self.words

    def problems(self) -> list[str]:
        return self.faults_of_the_machine

    def service_problems(self) -> list[str]:
        return self.problems_of_services

    def status(self) -> dict[str, Any]:
        return document(self.registry)


class Listening:
    """A caller that remembers what it was told."""

    def __init__(self, told: list[int]) -> None:
        self.release = told.append


class Run:
    """One session and all that it says and tells."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.cluster = FakeCluster()
        self.out, self.err = StringIO(), StringIO()
        self.told: list[int] = []
        self.warnings: list[str] = []
        self.paths = (str(folder),)
        given: dict[str, Any] = {"is_detached": False, "timeout": 30.0, "is_watching": False, **options}
        self.options = UpOptions(self.paths, StateDirectory("shop", folder / "state"), **given)

    def read(self) -> Prepared:
        return prepare(self.paths, StringIO())

    def session(self) -> Session:
        start = Start(self.read(), self.options.state)
        console = Console(self.out, self.err)
        up = UpStart(self.options, start, console, {}, self.warnings, cast("Caller", Listening(self.told)))
        return Session(up, cast("Cluster", self.cluster), self.cluster.run)

    @asynccontextmanager
    async def going(self) -> AsyncIterator[asyncio.Task[int]]:
        """Have the session run in a task, which must have ended when the block does."""
        task = asyncio.create_task(self.session().run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        yield task
        async with asyncio.timeout(PATIENCE):
            await task

"""A cluster without components, for what a Session makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any, cast

from tests.helpers.kubesvc_ground import document, ground
from tests.helpers.patience import PATIENCE

from kubesvc.config import ClusterConfiguration
from kubesvc.run.cluster import Cluster
from kubesvc.run.prepare import Prepared, prepare
from kubesvc.state.directory import StateDirectory
from kubesvc.terminal.console import Console
from kubesvc.terminal.options import Order
from kubesvc.terminal.session import Session


class FakeCluster:
    """Starts at once, unless told otherwise, and is ready when told so; ``failure`` is what its run ends with."""

    def __init__(self) -> None:
        self.registry = ground()
        self.store = self.registry.store
        self.config = ClusterConfiguration()
        self.started = asyncio.Event()
        self.started.set()
        self.ready = asyncio.Event()
        self.failure: Exception | None = None
        self.reasons = ["Pod default/web: Pending"]
        self.faults_of_the_machine: list[str] = []
        self.problems_of_services: list[str] = []
        self.words: list[str] = []
        self.is_stopped = False

    async def run(self, stop: asyncio.Event) -> None:
        if self.failure is not None:
            raise self.failure
        await self.started.wait()
        await stop.wait()
        self.is_stopped = True

    @property
    def is_started(self) -> bool:
        return self.started.is_set()

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


class Run:
    """One session and all that it says and tells."""

    def __init__(self, folder: Path, **order: Any) -> None:
        self.cluster = FakeCluster()
        self.out, self.err = StringIO(), StringIO()
        self.told: list[int] = []
        self.warnings: list[str] = []
        self.paths = (str(folder),)
        given: dict[str, Any] = {"is_detached": False, "timeout": 30.0, "is_watching": False, **order}
        self.order = Order(self.paths, StateDirectory("shop", folder / "state"), **given)

    def read(self) -> Prepared:
        return prepare(self.paths, StringIO())

    def session(self) -> Session:
        return Session(
            self.order,
            Console(self.out, self.err),
            cast("Cluster", self.cluster),
            loaded=self.read().loaded,
            warnings=self.warnings,
            seen={},
            tell_caller=self.told.append,
        )

    @asynccontextmanager
    async def going(self) -> AsyncIterator[asyncio.Task[int]]:
        """Have the session run in a task, which must have ended when the block does."""
        task = asyncio.create_task(self.session().run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        yield task
        async with asyncio.timeout(PATIENCE):
            await task

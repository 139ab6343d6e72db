"""A ListerWatcher of an API server, followed by an informer, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from tests.helpers.patience import PATIENCE

from kubeapi.io.informer import Informer
from kubeapi.scheme import SERVICES, Resource
from kubeclient.io.client import APIClient
from kubeclient.kubeconfig.access import Access, Server, User
from kubeclient.listwatch.io.listerwatcher import APIListerWatcher


def access_to(url: str, **user: Any) -> Access:
    """Return the access to a server without TLS; ``user`` are fields of its User."""
    return Access("test", Server(url), User(**user), "default", "test.kubeconfig")


@contextlib.asynccontextmanager
async def opened(access: Access) -> AsyncIterator[APIClient]:
    """Open a client, and close it."""
    client = APIClient(access)
    try:
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def from_file(path: Path) -> AsyncIterator[APIClient]:
    """Open the client of a kubeconfig, and close it."""
    client = await APIClient.open(path)
    try:
        yield client
    finally:
        await client.close()


class Followed:
    """An informer that follows a resource, and its source."""

    def __init__(self, source: APIListerWatcher, informer: Informer) -> None:
        self.source = source
        self.informer = informer

    @property
    def names(self) -> list[str]:
        """The names of the objects that the informer knows."""
        return sorted(key.name for key in self.informer.cache)

    @property
    def problem(self) -> str:
        """Why the knowledge may be old."""
        known = self.source.freshness().get(self.informer.resource)
        return known.problem if known is not None else ""

    async def until(self, condition: Callable[[Followed], bool]) -> None:
        """Return as soon as something is so."""
        async with asyncio.timeout(PATIENCE):
            while not condition(self):
                await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def followed(client: APIClient, resource: Resource = SERVICES, **options: Any) -> AsyncIterator[Followed]:
    """Follow a resource; ``options`` are those of the ListerWatcher."""
    source = APIListerWatcher(client, rng=random.Random(1), **options)
    informer = Informer(source, resource)
    task = asyncio.create_task(informer.run())
    try:
        yield Followed(source, informer)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def write_kubeconfig(path: Path, cluster: Mapping[str, Any], user: Mapping[str, Any] | None = None) -> Path:
    """Write a kubeconfig of one context, ``test``, and return its path."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "one", "user": "me"}}],
        "clusters": [{"name": "one", "cluster": dict(cluster)}],
        "users": [{"name": "me", "user": dict(user or {})}],
    }
    path.write_text(json.dumps(content))
    return path

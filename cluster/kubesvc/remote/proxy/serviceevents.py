"""The proxy's events about Services: said to the user, a few of them, and posted to the cluster's API."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, NoReturn

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import SERVICES
from kubeapi.status import StatusError
from kubeclient.io.client import APIClient
from kubeclient.io.events import EventPoster
from kubeclient.kubeconfig.access import ConfigError
from kubeclient.listwatch.watchlines import whole
from kubeclient.paths import path_of
from kubeproxy.portowner import NEEDS_PRIVILEGE
from kubesvc.remote.user import User

MOST_SAID = 20
"""Events that the user is told; all are in the API, unless there are very many."""
QUEUE_LIMIT = 1000
"""Events that wait for their Services to be read; further ones are dropped."""


class _Event(NamedTuple):
    service: ObjectKey
    type: str
    reason: str
    message: str


class ServiceEvents:
    """``record`` is the proxy's; ``run`` is the owner's task. Without ``has_low_ports`` the user knows that none opens.

    `kubectl describe` finds an event by the uid of its object, which the proxy does not keep: the Service is read.
    """

    def __init__(self, client: APIClient, poster: EventPoster, user: User, *, has_low_ports: bool = True) -> None:
        self._client = client
        self._poster = poster
        self._user = user
        self._has_low_ports = has_low_ports
        self._said = 0
        self._queue: asyncio.Queue[_Event] = asyncio.Queue(QUEUE_LIMIT)

    def record(self, service: ObjectKey, event_type: str, reason: str, message: str) -> None:
        """Note an event; never waits."""
        if self._has_low_ports or not message.endswith(NEEDS_PRIVILEGE):
            self._tell(f"{event_type}: Service {service}: {reason}: {message}")
        if not self._queue.full():
            self._queue.put_nowait(_Event(service, event_type, reason, message))

    def _tell(self, line: str) -> None:
        self._said += 1
        if self._said <= MOST_SAID:
            self._user.say(line)
        elif self._said == MOST_SAID + 1:
            self._user.say("further events are not printed; `kubectl get events -A` has them")

    async def run(self) -> NoReturn:
        """Post what is noted."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poster.run(), name="events")
            while True:
                event = await self._queue.get()
                if (about := await self._find(event.service)) is not None:
                    self._poster.event(about, event.type, event.reason, event.message)
        raise AssertionError

    async def _find(self, service: ObjectKey) -> JSON | None:
        """Return the Service, None if it is gone or the server is away."""
        try:
            path, params = path_of(SERVICES, service.namespace), {"fieldSelector": f"metadata.name={service.name}"}
            found = await self._client.get(path, params)
        except (StatusError, ConnectionError, TimeoutError, ConfigError):
            return None
        return next((whole(each, SERVICES) for each in found.get("items") or ()), None)

"""A running cluster, as those see it who use it: the control socket, the command line and Python programs.

Every answer comes from the Store and the components; ``lifecycle`` starts and stops them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import DEPLOYMENTS, REPLICASETS
from kubeapi.status import StatusError
from kubehost.addresses import join_host_port
from kubemanifest import Document, bare_document
from kubesvc import __version__
from kubesvc.run.components import Components
from kubesvc.run.edits import apply_edits
from kubesvc.run.eventwarnings import EventWarnings
from kubesvc.run.health import Health
from kubesvc.state.journal import Journal
from kubesvc.why import podchoice
from kubesvc.why.status import Readings, status_document

if TYPE_CHECKING:
    from kubelet.process.runner import ProcessRunner
    from kubesvc.run.start import Start
    from kubesvc.why.diagnosis import Diagnosis

API_PORT = 443
"""The port of default/kubernetes."""
FLUSH_SECONDS = 2.0
"""How long a cluster that is to stop waits for its disk before it reports what is not saved."""

_SCALABLE = (DEPLOYMENTS, REPLICASETS)


class Cluster:
    """One cluster. ``lifecycle.run`` starts it, serves and stops it; all else here needs it to run."""

    def __init__(self, start: Start, runner: ProcessRunner) -> None:
        self.state = start.state
        self.configuration = start.prepared.configuration
        self.registry = start.prepared.registry
        self.store = self.registry.store
        self.journal = Journal(start.state.database)
        self.components = Components(self.configuration, self.state, self.registry, runner)
        self.health = Health(self.configuration, self.store, self.components, self.journal)
        self.started = asyncio.Event()
        """Set once every component runs."""
        self.is_stopping = False
        self.api_address = ""
        """The API server's URL, "" before it listens."""

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What explains, traces and lists connections; imported with the first question, as a start asks none."""
        from kubesvc.why.connections import Clocks
        from kubesvc.why.diagnosis import Diagnosis

        parts, clocks = self.components, Clocks(time.monotonic, time.time)
        return Diagnosis(self.store, parts.proxy, parts.dns, clocks, parts.pod_sockets.look)

    async def wait_until_started(self) -> None:
        """Return once every component runs."""
        await self.started.wait()

    async def wait_until_ready(self) -> None:
        """Return once nothing is waited for any more."""
        await self.health.wait_until_ready()

    def waiting_for(self) -> list[str]:
        """Return what is not ready yet, one sentence each."""
        return self.health.waiting_for(self.components.proxy.listeners())

    def problems(self) -> list[str]:
        """Return what the cluster could not have and does without, one sentence each."""
        return self.health.problems()

    def service_problems(self) -> list[str]:
        """Return why the Services do not work that have no endpoint to lead to, one sentence each."""
        dead = self.health.services_without_endpoints()
        return self.diagnosis.problems(dead) if dead else []

    def status(self) -> dict[str, Any]:
        """Return the status document (``kubesvc status -o json``)."""
        listeners = self.components.proxy.listeners()
        readings = Readings(
            name=self.state.name,
            pid=os.getpid(),
            version=__version__,
            zone=self.configuration.networking.dns_domain,
            listeners=listeners,
            dns=self.components.dns_addresses,
            pids=self.components.kubelet.pids(),
            waiting_for=self.health.waiting_for(listeners),
            problems=self.problems(),
        )
        return {**status_document(self.store, readings), "api": self._api_reading()}

    def _api_reading(self) -> dict[str, Any]:
        if not self.api_address:
            return {"addresses": [], "kubeconfig": ""}
        place = self.components.network.bind(self.configuration.networking.api_address, API_PORT)
        service = f"https://{join_host_port(*place)}"
        return {"addresses": [self.api_address, service], "kubeconfig": str(self.state.kubeconfig)}

    async def last_words(self) -> list[str]:
        """Return the last lines that failing containers have written."""
        # Imported when it is needed: most clusters get ready.
        from kubesvc.why import lastwords

        def read(pod: ObjectKey, container: str, is_previous: bool) -> AsyncGenerator[bytes, None]:
            kubelet = self.components.kubelet
            return kubelet.logs(*pod, container, tail_lines=lastwords.LINES, previous=is_previous)

        return await lastwords.last_words(self.store, read)

    async def unsaved(self) -> list[str]:
        """Return the objects whose last change is not on disk and cannot be written there now."""
        with contextlib.suppress(StatusError, TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.journal.flushed()
        return self.journal.unsaved()

    def apply_and_wait(self, objects: Iterable[JSON], timeout: float) -> AsyncGenerator[JSON, None]:
        """Apply objects, and report what becomes of them until the cluster is ready.

        Yields {"applied": lines, "refused": faults}, and if nothing was refused {"ready", "waitingFor", "lastWords",
        "warnings", "pid"} once everything is ready, or after ``timeout`` s (0 waits for ever). StatusError while it
        stops.
        """
        if self.is_stopping:
            message = f'cluster "{self.state.name}" is stopping; `up` it again when it has stopped'
            raise StatusError(503, "ServiceUnavailable", message)
        return self._apply_and_wait([bare_document(each) for each in objects], timeout)

    async def _apply_and_wait(self, documents: Sequence[Document], timeout: float) -> AsyncGenerator[JSON, None]:
        warnings: list[str] = []
        with EventWarnings(self.store, warnings.append).following():
            edited = await apply_edits(self.registry, documents)
            await self.journal.flushed()
            yield {
                "applied": [str(each) for each in edited.applied],
                "refused": [each.as_json() for each in edited.refused],
            }
            if edited.refused:
                return
            is_ready = await self._becomes_ready(timeout)
        warnings += self.service_problems()
        yield {
            "ready": is_ready,
            "waitingFor": self.waiting_for(),
            "lastWords": [] if is_ready else await self.last_words(),
            "warnings": warnings,
            "pid": os.getpid(),
        }

    async def _becomes_ready(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout or None):
                await self.wait_until_ready()
        except TimeoutError:
            return False
        return True

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """Set the replicas of a Deployment or ReplicaSet; StatusError."""
        resource = podchoice.KINDS.get(kind.lower())
        if resource not in _SCALABLE:
            message = f'cannot scale a {kind}: the kinds that have replicas are "deployment" and "replicaset"'
            raise StatusError(400, "BadRequest", message)
        self.registry.scale(resource, namespace, name, replicas)
        await self.journal.flushed()

    def choose_pod(self, namespace: str, target: str) -> podchoice.Choice:
        """Return the pod that a workload's name means; StatusError."""
        return podchoice.choose_pod(self.store, namespace, target)

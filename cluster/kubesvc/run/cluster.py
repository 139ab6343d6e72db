"""The interface of a running cluster, for the control socket, the command line and Python programs.

Every answer comes from the Store and the components; ``lifecycle`` starts and stops them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.service import read_service
from kubeapi.podoptions import PodLogOptions
from kubeapi.registry.scaling import scale
from kubeapi.scheme import SERVICES
from kubeapi.status import StatusError
from kubehost.addresses import join_host_port
from kubelet.pod.limitedresources import LIMITED_RESOURCES
from kubemanifest.applying import with_objects
from kubemanifest.documents import bare_documents
from kubeproxy.types import ListenerKind
from kubesvc.run.changes.applying import apply_and_wait
from kubesvc.run.changes.edits import Editor, all_faults, apply_edits
from kubesvc.run.changes.postponed import Postponed
from kubesvc.run.components import Components
from kubesvc.run.health import MAX_PROBLEMS, Health, NotReadyError
from kubesvc.run.input.documents import FaultsError, Input, load_documents
from kubesvc.run.input.prepare import adapted
from kubesvc.state.journal import Journal
from kubesvc.version import __version__
from kubesvc.why import podchoice
from kubesvc.why.status import Readings, status_document

if TYPE_CHECKING:
    from pathlib import Path

    from kubeaggregator.io.extensions import Extensions
    from kubelet.process.runner import ProcessRunner
    from kubesvc.run.start import Start
    from kubesvc.why.diagnosis import Diagnosis

API_PORT = 443
"""The port of default/kubernetes."""
FLUSH_SECONDS = 10.0
"""How long a stopping cluster waits for a slow disk before it says what is not saved; a failing one tells at once."""


class Cluster:
    """One cluster. ``lifecycle.Run`` starts and stops it; the methods need it to run."""

    def __init__(self, start: Start, runner: ProcessRunner) -> None:
        self.state = start.state
        self.configuration = start.configuration
        self.registry = registry = start.prepared.registry
        # Only now is it known what pods get, which its warnings depend on.
        has_sandboxes, limited = start.sandbox.has_sandboxes, runner.cgroups.controllers & LIMITED_RESOURCES
        registry.config = replace(registry.config, has_sandboxes=has_sandboxes, limited_resources=limited)
        self.store = self.registry.store
        self.journal = Journal(start.state.database)
        self.components = Components(self.configuration, self.state, self.registry, runner, start.upstream)
        self.health = Health(self.configuration, self.store, self.components, self.journal)
        self.extensions: Extensions | None = None
        """The extension API servers, once the API server has started."""
        self.postponed = Postponed(start.prepared.rehearsed.postponed, self.editor())
        self.sandbox = start.sandbox
        self.started = asyncio.Event()
        """Set once every component runs."""
        self.is_stopping = False
        self.api_address = ""
        """The API server's URL, "" before it listens."""

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Answers to why: explain, trace, connections. Imported on first use, because a start does not need it."""
        from kubesvc.why.connections import Clocks
        from kubesvc.why.diagnosis import Diagnosis

        parts, clocks = self.components, Clocks(time.monotonic, time.time)
        found = Diagnosis(self.store, parts.proxy, parts.dns, clocks, parts.pod_sockets.look)
        found.internet_error = lambda: parts.internet_error
        if parts.upstream is not None:
            found.not_carried = parts.upstream.not_carried
        return found

    async def wait_until_started(self) -> None:
        """Return once every component runs."""
        await self.started.wait()

    async def wait_until_ready(self, timeout: float = 0) -> None:
        """Return once everything is ready; NotReadyError after ``timeout`` s, 0 waits for ever."""
        try:
            async with asyncio.timeout(timeout or None):
                await self.postponed.wait_until_done()
                await self.health.wait_until_ready()
        except TimeoutError:
            raise NotReadyError(timeout, self.waiting_for(), await self.last_words()) from None

    def waiting_for(self) -> list[str]:
        """Return what is not ready yet, one sentence each."""
        return [*self.health.waiting_for(self.components.proxy.listeners()), *self.postponed.waiting_for()]

    def editor(self) -> Editor:
        """Return what writes documents for the administrator, as kubectl would."""
        return Editor(self.registry, self.components.admissions, lambda: self.extensions)

    def problems(self) -> list[str]:
        """Return what the cluster runs without (an address that is taken ...) and its own faults, one sentence each."""
        return [*self.health.problems(), *self.postponed.problems()]

    def service_problems(self) -> list[str]:
        """Return the reason for each Service that has no ready endpoint, one sentence each; of the first alone."""
        upstream = self.components.upstream
        if upstream is not None and upstream.waiting_for():
            return []
        told = upstream.not_carried if upstream is not None else lambda _: []
        dead = [each for each in self.health.services_without_endpoints() if not told(each)]
        if not dead:
            return []
        option, more = self.state.option, len(dead) - MAX_PROBLEMS
        left = [f"... and {more:,} more without endpoints: `kubesvc status{option}`"] if more > 0 else []
        return [*self.diagnosis.problems(dead[:MAX_PROBLEMS]), *left]

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
            waiting_for=self.waiting_for(),
            problems=self.problems(),
            plan="exact" if self.configuration.plan.is_exact else "loopback",
            sandbox={**self.sandbox.document(), "internet": self.components.internet_error},
        )
        if (upstream := self.components.upstream) is not None:
            readings = replace(readings, upstream=upstream.document(), not_carried=upstream.not_carried)
        return {**status_document(self.store, readings), "api": self._api_reading()}

    @property
    def kubeconfig(self) -> Path:
        """The path of the kubeconfig with which kubectl and client libraries reach the cluster."""
        return self.state.kubeconfig

    @property
    def dns_address(self) -> tuple[str, int]:
        """Address and port of the cluster's own name server."""
        return self.components.dns_address

    def address(self, service: str, port: str | int = "", *, namespace: str = "default") -> tuple[str, int]:
        """Return address and port at which this machine has a Service's cluster IP.

        ``port`` is the name or number of one of its ports, "" for its first. LookupError if nothing is served there.
        """
        found = read_service(self.store.get(SERVICES, namespace, service))
        names = [each.name for each in found.ports if port in ("", each.name, each.port)]
        if not names:
            there = ", ".join(f"{each.port}/{each.protocol} {each.name}".rstrip() for each in found.ports)
            raise LookupError(f"Service {found.key} has no port {port}; it has {there or 'none'}")
        for each in self.components.proxy.listeners():
            is_it = (each.port_name.service, each.port_name.port) == (found.key, names[0])
            if is_it and each.kind is ListenerKind.CLUSTER_IP and each.is_bound:
                return each.host_address, each.port
        raise LookupError(f"Service {found.key} does not answer: it has no cluster IP, or no ready endpoint")

    async def apply(self, *inputs: Input) -> list[str]:
        """Apply manifests and objects; returns a line for each as `kubectl apply` prints it. FaultsError."""
        self.check_writable()
        loaded = await asyncio.to_thread(load_documents, inputs)
        if loaded.faults:
            raise FaultsError(loaded.faults)
        documents, _ = with_objects(loaded.documents, partial(adapted, self.configuration.plan))
        outcome = await apply_edits(self.editor(), documents)
        await self.journal.flushed()
        if outcome.refused:
            raise FaultsError(all_faults(outcome.refused))
        return [str(each) for each in outcome.applied]

    def _api_reading(self) -> dict[str, Any]:
        if not self.api_address:
            return {"addresses": [], "kubeconfig": ""}
        place = self.components.network.bind(self.configuration.networking.api_address, API_PORT)
        service = f"https://{join_host_port(*place)}"
        return {"addresses": [self.api_address, service], "kubeconfig": str(self.state.kubeconfig)}

    async def last_words(self) -> list[str]:
        """Return the last lines that failing containers have written."""
        # Imported only here, because most clusters get ready.
        from kubesvc.why import lastwords

        def read(pod: ObjectKey, container: str, is_previous: bool) -> AsyncGenerator[bytes, None]:
            return self.components.runtime.logs(
                pod, PodLogOptions(container, previous=is_previous, tail_lines=lastwords.LINES)
            )

        return await lastwords.last_words(self.store, read)

    async def unsaved(self) -> list[str]:
        """Return the objects with changes that cannot be written to disk now, after waiting FLUSH_SECONDS."""
        with contextlib.suppress(StatusError, TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.journal.flushed()
        return self.journal.unsaved()

    def apply_and_wait(self, objects: Iterable[JSON], timeout: float) -> AsyncGenerator[JSON, None]:
        """Apply objects and report the outcome, then wait until the cluster is ready and report that.

        Yields {"applied": lines, "refused": faults}, and if nothing was refused {"ready", "waitingFor", "lastWords",
        "warnings", "pid"} once everything is ready, or after ``timeout`` s (0 waits for ever). StatusError while the
        cluster takes no writes.
        """
        self.check_writable()
        return apply_and_wait(self, bare_documents([*objects], self.store), timeout)

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """Set the replicas of a Deployment, ReplicaSet or StatefulSet; StatusError."""
        self.check_writable()
        resource = podchoice.KINDS.get(kind.lower())
        if resource is None or not kind_of(resource).is_scalable:
            known = 'the kinds that have replicas are "deployment", "replicaset" and "statefulset"'
            raise StatusError(400, "BadRequest", f"cannot scale a {kind}: {known}")
        await self.editor().write(lambda acting: scale(acting, resource, ObjectKey(namespace, name), replicas))
        await self.journal.flushed()

    @property
    def read_only(self) -> str:
        """Why nothing can be written, "" if it can."""
        return self.components.upstream.read_only if self.components.upstream is not None else ""

    def check_writable(self) -> None:
        """Raise StatusError if nothing can be written, or not any more."""
        if self.is_stopping:
            message = f'cluster "{self.state.name}" is stopping; `up` it again when it has stopped'
            raise StatusError(503, "ServiceUnavailable", message)
        if self.read_only:
            raise StatusError(403, "Forbidden", f'cluster "{self.state.name}" {self.read_only}')

    def choose_pod(self, namespace: str, target: str) -> podchoice.Choice:
        """Return the pod that a workload's name means; StatusError."""
        return podchoice.choose_pod(self.store, namespace, target)

"""The kubelet of every node of the cluster, in one: it follows the Pods and runs them, and gives kubectl access.

It reads Pods, Services, ConfigMaps and Secrets through informers and writes through the registry. Which pods run is
decided in ``pods.workers``, how a pod lives in ``pod.machine``. Follows k8s.io/kubernetes ``pkg/kubelet``.

What runs pods is imported with the first pod: a start is a sixth shorter without it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import TYPE_CHECKING

from kubeapi.failures import Subject
from kubeapi.io.informer import Informer
from kubeapi.meta import ObjectKey
from kubeapi.metrics.usage import PodUsage
from kubeapi.objects.pod import read_pod
from kubeapi.podoptions import PodExecOptions, PodLogOptions
from kubeapi.scheme import NODES, PODS
from kubeapi.status import InternalError, NotFound, StatusError
from kubeapi.watching import Delta, ListerWatcher
from kubehost.addresses import Address
from kubehost.io.connecting import TCPSocket, tcp_socket
from kubelet.pod.containerchoice import choose_container, instance_asked_for
from kubelet.runtime.dependencies import COMPONENT, Dependencies
from kubelet.runtime.noderegistration import NodeRegistration
from kubelet.runtime.pods.files import write_node_tools, write_tools
from kubelet.runtime.pods.logs import PodLogs
from kubelet.runtime.references import ReferencedObjects
from kubelet.runtime.usage import UsageSampler
from kubelet.spec.process import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from kubelet.pod.programs import RunningProgram
    from kubelet.process.exec import Attachment, Command
    from kubelet.process.logs.writer import LogWriter
    from kubelet.runtime.instance import Instance
    from kubelet.runtime.pods.worker import PodWorker
    from kubelet.runtime.pods.workers import PodWorkers

PULL_FAILURES = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}
"""How the kubelet refuses the log of a container that has no image."""
STOP_MARGIN_SECONDS = 5.0
"""Seconds that shutdown waits beyond the grace period, so that SIGKILL can take effect."""


class Kubelet:
    """Runs the pods of all configured nodes while ``run`` runs."""

    def __init__(self, source: ListerWatcher, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._failures = dependencies.registry.store.failures
        self._registration = NodeRegistration(dependencies)
        self._pods = Informer(source, PODS, self._failures)
        self._node_objects = Informer(source, NODES, self._failures)
        self._references = ReferencedObjects(source, self._failures, self._on_config, dependencies.config.images)
        self._made_workers: PodWorkers | None = None
        self._is_stopping = False
        self._logs = PodLogs(dependencies.config.log_dir)
        self._usage = UsageSampler(self.pids, dependencies.clock)
        self._deltas: deque[Delta] = deque()
        self._has_new_config = False
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Run pods until cancelled; then all that still run are killed."""
        self._pods.add_handler(COMPONENT, self._on_pod)
        self._node_objects.add_handler(COMPONENT, self._on_node)
        # Before anything is awaited: the scheduler must not find a cluster without nodes.
        self._registration.register_all()
        self._logs.retain(self._dependencies.registry.store.list(PODS))
        if not self._dependencies.runner.has_sandboxes:
            write_tools(self._dependencies.config, self._dependencies.network)
        else:
            write_node_tools(self._dependencies.config)
        await self._dependencies.runner.open()
        try:
            async with asyncio.TaskGroup() as group:
                for informer in (*self._references.informers, self._node_objects, self._pods):
                    group.create_task(informer.run(), name=f"{COMPONENT}: {informer.resource}")
                group.create_task(self._registration.renew_leases(), name=f"{COMPONENT}: leases of nodes")
                await self._references.wait_for_sync()
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    self._synchronise()
        finally:
            if self._made_workers is not None:
                await self._made_workers.close()
            await asyncio.gather(*(node.client.close() for node in self._registration.nodes.values()))

    async def shutdown(self, grace_seconds: float) -> None:
        """Stop all pods in order, each within ``grace_seconds`` at the most; their objects stay as they are."""
        self._is_stopping = True
        workers = [each for each in self._workers() if not each.ended.is_set()]
        for worker in workers:
            with self._failures.guard(f"{COMPONENT} (shutdown)", worker.pod.subject):
                worker.stop(min(grace_seconds, worker.pod.spec.grace_seconds), silently=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds + STOP_MARGIN_SECONDS):
                await asyncio.gather(*(worker.ended.wait() for worker in workers))

    def usage(self) -> Mapping[ObjectKey, PodUsage]:
        """Return what every running pod uses now."""
        return self._usage()

    def pids(self) -> dict[ObjectKey, dict[str, int]]:
        """Return the pids of all running containers, by pod and container."""
        return {worker.pod.spec.key: worker.pids() for worker in self._workers()}

    def programs(self) -> list[RunningProgram]:
        """Return the running containers that are programs of this machine, no built-in servers."""
        return [each for worker in self._workers() for each in worker.programs()]

    def logs(self, pod: ObjectKey, options: PodLogOptions) -> AsyncGenerator[bytes, None]:
        """Return a container's log, or raise StatusError at once, with the kubelet's texts.

        The caller closes it (``aclose``) if it does not read to the end.
        """
        worker = self._worker(pod)
        if worker is None:
            return self._kept_log(pod, options)
        name = choose_container(worker.pod.spec, options.container)
        state = worker.state.container(name)
        restart = instance_asked_for(pod, name, state.restart_count, options)
        writer = worker.log(name, restart)
        if writer is None and (path := self._logs.find(worker.pod.obj, name, restart)) is not None:
            return self._log(path, None, options)
        if writer is None:
            why = PULL_FAILURES.get(state.reason, state.reason or "ContainerCreating")
            text = f'container "{name}" in pod "{pod.name}" is waiting to start: {why}'
            raise StatusError(400, "BadRequest", text)
        if not options.previous and (instance := worker.instance(name)) is not None:
            instance.log_read()
        return self._log(writer.path, writer, options)

    def _log(self, path: Path, writer: LogWriter | None, options: PodLogOptions) -> AsyncGenerator[bytes, None]:
        from kubelet.process.logs.reader import read_log

        return read_log(path, writer, options, self._dependencies.clock())

    def _kept_log(self, pod: ObjectKey, options: PodLogOptions) -> AsyncGenerator[bytes, None]:
        """Return a log of a pod that has ended in an earlier run of the cluster."""
        from kubelet.pod.spec import read_pod_spec

        obj = self._pods.cache.get(pod)
        if obj is not None and read_pod(obj).is_finished:
            name = choose_container(read_pod_spec(obj), options.container)
            counts = {each.name: each.restart_count for each in read_pod(obj).all_container_statuses}
            restart = instance_asked_for(pod, name, counts.get(name, 0), options)
            if (path := self._logs.find(obj, name, restart)) is not None:
                return self._log(path, None, options)
        self._find(pod)
        raise NotFound(PODS, pod.name)

    async def exec(self, pod: ObjectKey, options: PodExecOptions) -> Command:
        """Run a command in a container; the caller closes it. StatusError, 500 if it cannot be started."""
        instance = self._running(pod, options.container)
        try:
            return await instance.run(self._dependencies.runner, options)
        except (StartError, OSError) as error:
            text = f"OCI runtime exec failed: exec failed: unable to start container process: {error}: unknown"
            raise InternalError(f"error executing command in container: failed to exec in container: {text}") from None

    def attach(self, pod: ObjectKey, container: str, *, has_stdin: bool) -> Attachment:
        """Return the streams of a container's own process; the caller closes them. StatusError."""
        return self._running(pod, container).attach(has_stdin=has_stdin)

    def port_address(self, pod: ObjectKey, port: int) -> Address:
        """Return the socket address of a pod's port; StatusError if there is no such pod."""
        return self._dependencies.network.dial(self._find(pod).place.pod_ip, port)

    def socket_to(self, address: str) -> TCPSocket:
        """Return a non-blocking TCP socket to dial an IP address as from a node, the caller's; OSError."""
        return tcp_socket(self._dependencies.network.place("", address), address)

    async def open_port(self, pod: ObjectKey, port: int) -> TCPSocket:
        """Return a connection to a port as from inside the pod; StatusError if there is no such pod, OSError."""
        from kubelet.runtime.portforward import open_port

        return await open_port(self._dependencies.network, self._find(pod).place.pod_ip, port)

    def _running(self, pod: ObjectKey, container: str) -> Instance:
        worker = self._find(pod)
        name = choose_container(worker.pod.spec, container)
        instance = worker.instance(name)
        if instance is None:
            raise StatusError(404, "NotFound", f'container not found ("{name}")')
        return instance

    def _find(self, key: ObjectKey) -> PodWorker:
        if (worker := self._worker(key)) is not None:
            return worker
        obj = self._pods.cache.get(key)
        if obj is None:
            raise NotFound(PODS, key.name)
        if read_pod(obj).is_finished:  # refused by its node, or of an earlier run of the cluster
            raise StatusError(400, "BadRequest", f"pod {key.name} has ended, and its node keeps no containers of it")
        raise StatusError(400, "BadRequest", f"pod {key.name} does not have a host assigned")

    def _on_pod(self, delta: Delta) -> None:
        self._deltas.append(delta)
        self._wake.set()

    def _on_node(self, delta: Delta) -> None:
        is_changed, workers = self._registration.on_node(delta), self._made_workers
        if workers is not None and is_changed:
            workers.node_changed(delta.key.name, self._pods.cache.values())
        elif workers is not None:
            workers.resize_again()

    def _on_config(self) -> None:
        self._has_new_config = True
        self._wake.set()

    def _synchronise(self) -> None:
        if self._has_new_config:
            self._has_new_config = False
            if self._made_workers is not None:
                self._made_workers.config_changed()
        while self._deltas:
            delta = self._deltas.popleft()
            with self._failures.guard(COMPONENT, Subject(PODS, delta.key)):
                self._make_workers().pod_changed(delta)

    def _workers(self) -> Iterable[PodWorker]:
        return self._made_workers if self._made_workers is not None else ()

    def _worker(self, pod: ObjectKey) -> PodWorker | None:
        return self._made_workers.find(pod) if self._made_workers is not None else None

    def _make_workers(self) -> PodWorkers:
        if self._made_workers is None:
            from kubelet.runtime.pods.workers import PodWorkers

            self._made_workers = PodWorkers(self._dependencies, self._references, self._registration)
        self._made_workers.is_stopping = self._is_stopping
        return self._made_workers

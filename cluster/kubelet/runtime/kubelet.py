"""The kubelet of every node of the cluster, in one: Node objects, pod addresses, one worker per pod, logs.

Reads Pods, Services and ConfigMaps through informers and writes through the registry. Decides only which pods are its
own and what address each gets; how a pod lives is ``podlifecycle``'s. A Node that is deleted is not made again before
the next start; its pods are the pod garbage collector's. Follows k8s.io/kubernetes ``pkg/kubelet``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence

from kubeapi.events import EventRecorder
from kubeapi.faults import Subject
from kubeapi.informer import Delta, Informer, ListerWatcher
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.service import Service, read_service
from kubeapi.registry import Registry
from kubeapi.scheme import CONFIGMAPS, NODES, PODS, SERVICES
from kubeapi.status import InternalError, NotFound, StatusError
from kubehost.addresses import LOCALHOST
from kubehost.network import Network
from kubelet.config import KubeletConfig
from kubelet.machine import read_machine
from kubelet.nodes import NodeConfig, PodAddresses, is_unattended, node_object, node_status, registered_again
from kubelet.pod.names import hosts, read_names, resolv_conf
from kubelet.pod.programs import Program
from kubelet.pod.spec import PodSpec, read_pod
from kubelet.pod.status import PodPlace
from kubelet.process.exec import Attachment, Command
from kubelet.process.logs.reader import read_log
from kubelet.process.runner import ProcessRunner
from kubelet.process.spec import StartError
from kubelet.runtime.instance import Instance
from kubelet.runtime.podworker import PodWorker, Surroundings
from kubelet.tools.scripts import tool_scripts

NAME = "kubelet"
PULL_FAILURES = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}
"""How the kubelet refuses the log of a container that has no image."""
STOP_MARGIN_SECONDS = 5.0
"""What shutdown waits beyond the grace period, for SIGKILL to have done its work."""


class _Node:
    """A node of ours: its addresses and its voice."""

    def __init__(self, config: NodeConfig, recorder: EventRecorder) -> None:
        self.config = config
        self.recorder = recorder
        self.addresses = PodAddresses(config.pod_cidr)


class Kubelet:
    """Runs the pods of all configured nodes while ``run`` runs.

    ``runner`` may be one that the caller has opened early and shares; then the caller closes it.
    """

    def __init__(
        self,
        source: ListerWatcher,
        registry: Registry,
        config: KubeletConfig,
        network: Network,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        rng: random.Random,
        runner: ProcessRunner | None = None,
    ) -> None:
        self.runner = runner or ProcessRunner(config.marker)
        self._owns_runner = runner is None
        self._registry = registry
        self._config = config
        self._clock = clock
        self._faults = registry.store.faults
        self._pods = Informer(source, PODS, self._faults)
        self._services = Informer(source, SERVICES, self._faults)
        self._config_maps = Informer(source, CONFIGMAPS, self._faults)
        self._node_objects = Informer(source, NODES, self._faults)
        self._machine = read_machine()
        self._nodes = {
            each.name: _Node(each, EventRecorder(registry, NAME, clock=clock, host=each.name)) for each in config.nodes
        }
        self._workers: dict[str, PodWorker] = {}
        self._waiting: dict[str, JSON] = {}
        self._addresses: dict[str, tuple[_Node, str]] = {}
        self._burials: set[asyncio.Task[None]] = set()
        self._deltas: deque[Delta] = deque()
        self._wake = asyncio.Event()
        self._has_new_config = False
        self._readings: dict[ObjectKey, Service] = {}
        self._is_stopping = False
        self._around = Surroundings(
            config,
            registry,
            network,
            self.runner,
            clock,
            monotonic,
            rng,
            lambda: self._config_maps.cache,
            lambda: list(self._readings.values()),
        )

    async def run(self) -> None:
        """Run pods until cancelled; then whatever still runs is killed."""
        self._pods.add_handler(NAME, self._note_pod)
        self._services.add_handler(NAME, self._note_service)
        self._config_maps.add_handler(NAME, self._note_config)
        self._node_objects.add_handler(NAME, self._note_node)
        # Before anything is awaited: the scheduler must not find a cluster without nodes.
        for node in self._nodes.values():
            self._register(node, self._registry.store.find(NODES, ObjectKey("", node.config.name)))
        self._write_tools()
        await self.runner.open()
        try:
            async with asyncio.TaskGroup() as group:
                for informer in (self._services, self._config_maps, self._node_objects, self._pods):
                    group.create_task(informer.run(), name=f"kubelet: {informer.resource}")
                await self._services.wait_for_sync()
                await self._config_maps.wait_for_sync()
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    self._synchronise()
        finally:
            for burial in self._burials:
                burial.cancel()
            await asyncio.gather(*(worker.close() for worker in self._workers.values()), return_exceptions=True)
            if self._owns_runner:
                await self.runner.close()

    async def shutdown(self, grace_seconds: float) -> None:
        """Stop all pods in order, each within ``grace_seconds`` at the most; their objects stay as they are."""
        self._is_stopping = True
        workers = [each for each in self._workers.values() if not each.ended.is_set()]
        for worker in workers:
            with self._faults.guard(f"{NAME} (shutdown)", worker.subject):
                worker.stop(min(grace_seconds, worker.spec.grace_seconds), silently=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds + STOP_MARGIN_SECONDS):
                await asyncio.gather(*(worker.ended.wait() for worker in workers))

    def pids(self) -> dict[ObjectKey, dict[str, int]]:
        """Return the pids of all running containers, by pod and container."""
        return {worker.spec.key: worker.pids() for worker in self._workers.values()}

    def programs(self) -> list[Program]:
        """Return the running containers that are programs of this machine, no built-in servers."""
        return [each for worker in self._workers.values() if worker.has_programs for each in worker.programs()]

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str = "",
        *,
        follow: bool = False,
        tail_lines: int | None = None,
        since_seconds: float | None = None,
        previous: bool = False,
        timestamps: bool = False,
    ) -> AsyncGenerator[bytes, None]:
        """Return a container's log, or raise StatusError at once, with the texts that kubectl's users know.

        The caller closes it (``aclose``) if it does not read to the end.
        """
        worker = self._find(ObjectKey(namespace, pod))
        name = _choose_container(worker.spec, container)
        number = worker.state.container(name).restart_count
        if previous:
            number -= 1
            if number < 0:
                text = f'previous terminated container "{name}" in pod "{pod}" not found'
                raise StatusError(400, "BadRequest", text)
        writer = worker.logs.get((name, number))
        if writer is None:
            reason = worker.state.container(name).reason
            why = PULL_FAILURES.get(reason, reason or "ContainerCreating")
            text = f'container "{name}" in pod "{pod}" is waiting to start: {why}'
            raise StatusError(400, "BadRequest", text)
        since = None if since_seconds is None else self._clock() - since_seconds
        return read_log(writer.path, writer, follow=follow, tail_lines=tail_lines, since=since, timestamps=timestamps)

    async def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, has_stdin: bool, is_tty: bool
    ) -> Command:
        """Run a command in a container; the caller closes it. StatusError, 500 if it cannot be started."""
        instance = self._running(namespace, pod, container)
        try:
            return await instance.run(self.runner, command, has_stdin=has_stdin, is_tty=is_tty)
        except (StartError, OSError) as error:
            text = f"OCI runtime exec failed: exec failed: unable to start container process: {error}: unknown"
            raise InternalError(f"error executing command in container: failed to exec in container: {text}") from None

    def attach(self, namespace: str, pod: str, container: str, *, has_stdin: bool) -> Attachment:
        """Return the streams of a container's own process; the caller closes them. StatusError."""
        return self._running(namespace, pod, container).attach(has_stdin=has_stdin)

    def port_address(self, namespace: str, pod: str, port: int) -> tuple[str, int]:
        """Return where a port of a pod is dialled; StatusError if there is no such pod."""
        worker = self._find(ObjectKey(namespace, pod))
        return self._around.network.dial(worker.place.pod_ip, port)

    def _running(self, namespace: str, pod: str, container: str) -> Instance:
        worker = self._find(ObjectKey(namespace, pod))
        name = _choose_container(worker.spec, container)
        instance = worker.instance(name)
        if instance is None:
            raise StatusError(404, "NotFound", f'container not found ("{name}")')
        return instance

    def _find(self, key: ObjectKey) -> PodWorker:
        found = [each for each in self._workers.values() if each.spec.key == key]
        if not found and key in self._pods.cache:
            raise StatusError(400, "BadRequest", f"pod {key.name} does not have a host assigned")
        if not found:
            raise NotFound(PODS, key.name)
        return found[-1]

    def _note_pod(self, delta: Delta) -> None:
        self._deltas.append(delta)
        self._wake.set()

    def _note_service(self, delta: Delta) -> None:
        self._readings.pop(delta.key, None)
        if delta.new is not None:
            self._readings[delta.key] = read_service(delta.new)

    def _note_config(self, _delta: Delta) -> None:
        self._has_new_config = True
        self._wake.set()

    def _synchronise(self) -> None:
        if self._has_new_config:
            self._has_new_config = False
            for worker in self._workers.values():
                with self._faults.guard(f"{NAME} (ConfigMaps)", worker.subject):
                    worker.config_changed()
        while self._deltas:
            delta = self._deltas.popleft()
            with self._faults.guard(NAME, Subject(PODS, delta.key)):
                self._take(delta)

    def _take(self, delta: Delta) -> None:
        old, new = delta.old, delta.new
        if old is not None and (new is None or new["metadata"]["uid"] != old["metadata"]["uid"]):
            self._forget(old)
        if new is None or new["spec"].get("nodeName") not in self._nodes or self._is_stopping:
            return
        worker = self._workers.get(new["metadata"]["uid"])
        if worker is not None:
            worker.update(new)
            if worker.is_terminal:
                self._release(worker.spec.uid)
        else:
            self._admit(new)

    def _admit(self, pod: JSON) -> None:
        """Take a pod over: give it an address and start it. One that is over already is only let go."""
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed") or pod["metadata"].get(
            "deletionTimestamp"
        ):
            self._waiting.pop(pod["metadata"]["uid"], None)
            if pod["metadata"].get("deletionTimestamp"):
                with contextlib.suppress(StatusError):
                    self._registry.delete(PODS, *_key(pod), grace_period_seconds=0, uid=pod["metadata"]["uid"])
            return
        spec = read_pod(pod)
        node = self._nodes[spec.node_name]
        address = node.config.address if spec.is_host_network else node.addresses.allocate()
        if address is None:
            is_known = spec.uid in self._waiting
            self._waiting[spec.uid] = pod
            if is_known:
                return
            text = (
                "Failed to create pod sandbox: failed to allocate for range 0: no IP addresses available in "
                f"{node.config.pod_cidr} (node {node.config.name})"
            )
            with contextlib.suppress(StatusError):
                node.recorder.event(pod, "Warning", "FailedCreatePodSandBox", text)
            return
        self._waiting.pop(spec.uid, None)
        if not spec.is_host_network:
            self._addresses[spec.uid] = (node, address)
        config = node.config
        addresses = config.addresses if spec.is_host_network else config.pod_addresses(address)
        place = PodPlace(addresses, config.addresses, self._clock())
        self._write_names(pod, addresses)
        worker = self._workers[spec.uid] = PodWorker(self._around, node.recorder, pod, place)
        worker.begin()

    def _forget(self, pod: JSON) -> None:
        uid = pod["metadata"]["uid"]
        self._waiting.pop(uid, None)
        worker = self._workers.get(uid)
        if worker is None:
            return
        worker.vanish()
        burial = asyncio.get_running_loop().create_task(self._bury(uid, worker), name=f"end of {worker.spec.key}")
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

    async def _bury(self, uid: str, worker: PodWorker) -> None:
        await worker.ended.wait()
        try:
            await worker.close()
        finally:
            del self._workers[uid]
            worker.remove_files()
            self._release(uid)

    def _release(self, uid: str) -> None:
        """Give a pod's address back, once, and let a pod that waits for one have it."""
        if uid not in self._addresses:
            return
        node, address = self._addresses.pop(uid)
        node.addresses.release(address)
        for pod in list(self._waiting.values()):
            with self._faults.guard(NAME, Subject(PODS, ObjectKey(*_key(pod)))):
                self._admit(pod)

    def _write_tools(self) -> None:
        config = self._config
        if config.cluster_dns is None:
            return
        config.tool_dir.mkdir(parents=True, exist_ok=True)
        shift = self._around.network.bind(LOCALHOST, 80)[1] - 80
        for name, script in tool_scripts(config.tools, config.cluster_dns, shift).items():
            path = config.tool_dir / name
            path.write_text(script)
            path.chmod(0o700)

    def _write_names(self, pod: JSON, addresses: Sequence[str]) -> None:
        """Write a pod's resolv.conf and hosts file; without them its tools take the cluster's defaults."""
        config, namespace, uid = self._config, pod["metadata"]["namespace"], pod["metadata"]["uid"]
        dns, names, folder = config.cluster_dns, read_names(pod), config.etc_dir(uid)
        if dns is None:
            return
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            text = resolv_conf(names, namespace, dns.address, dns.domain, config.host_resolv_conf)
            (folder / "resolv.conf").write_text(text)
            (folder / "hosts").write_text(hosts(names, namespace, dns.domain, addresses))

    def _note_node(self, delta: Delta) -> None:
        """Attend to a node of ours whose object somebody has made anew; a deleted one is not made again."""
        node = self._nodes.get(delta.key.name)
        stored = self._registry.store.find(NODES, delta.key)
        if node is not None and stored is not None and is_unattended(stored):
            with contextlib.suppress(StatusError):
                self._register(node, stored)

    def _register(self, node: _Node, stored: JSON | None) -> None:
        wanted = node_object(node.config, self._machine, node.addresses.capacity)
        if stored is None:
            stored = self._registry.create(NODES, wanted)
        else:
            stored = self._registry.update(NODES, registered_again(wanted, stored))
        status = node_status(node.config, self._machine, node.addresses.capacity, self._clock())
        self._registry.update_status(NODES, {**stored, "status": status})


def _key(pod: JSON) -> tuple[str, str]:
    return pod["metadata"].get("namespace", ""), pod["metadata"]["name"]


def _choose_container(pod: PodSpec, name: str) -> str:
    if name:
        if pod.container(name) is None:
            raise StatusError(400, "BadRequest", f"container {name} is not valid for pod {pod.key.name}")
        return name
    if len(pod.mains) == 1:
        return pod.mains[0].name
    if default := pod.annotations.get("kubectl.kubernetes.io/default-container"):
        return _choose_container(pod, default)
    choices = " ".join(each.name for each in pod.mains)
    text = f"a container name must be specified for pod {pod.key.name}, choose one of: [{choices}]"
    raise StatusError(400, "BadRequest", text)

"""Which pods the kubelet runs: each gets an address and a worker when it is admitted, and both end with it.

Follows k8s.io/kubernetes ``pkg/kubelet/pod_workers.go``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from functools import partial

from kubeapi.failures import Subject
from kubeapi.io.client import Client
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import NODES, PODS
from kubeapi.watching import Delta
from kubelet.pod.admission import Rejection, node_rejection, port_rejection
from kubelet.pod.machine.resizing import resize_order
from kubelet.pod.machine.state import PodPlace
from kubelet.pod.security import sysctl_refusal
from kubelet.runtime.dependencies import COMPONENT, Dependencies
from kubelet.runtime.noderegistration import LocalNode, NodeRegistration
from kubelet.runtime.pods.certificates import PodCertificates
from kubelet.runtime.pods.credentials import PodCredentials
from kubelet.runtime.pods.logs import PodLogs
from kubelet.runtime.pods.object import PodObject
from kubelet.runtime.pods.sandbox import PodSandbox, sandbox_spec
from kubelet.runtime.pods.tokens import PodTokens
from kubelet.runtime.pods.volumes import PodVolumes
from kubelet.runtime.pods.worker import PodWorker
from kubelet.runtime.references import ReferencedObjects


class PodWorkers:
    """The workers of all pods of the kubelet's nodes. Once ``is_stopping`` is set, no pod is admitted any more."""

    def __init__(
        self, dependencies: Dependencies, references: ReferencedObjects, registration: NodeRegistration
    ) -> None:
        self.is_stopping = False
        self._dependencies = dependencies
        self._references = references
        self._nodes = registration.nodes
        self._logs = PodLogs(dependencies.config.log_dir)
        self._resources = registration.machine.resources
        self._failures = dependencies.registry.store.failures
        self._workers: dict[str, PodWorker] = {}
        self._unaddressed: dict[str, JSON] = {}
        self._resizing: dict[str, PodWorker] = {}
        self._addresses: dict[str, tuple[LocalNode, str]] = {}
        self._endings: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[PodWorker]:
        """Yield the workers in the order of admission."""
        return iter(self._workers.values())

    def find(self, key: ObjectKey) -> PodWorker | None:
        """Return the worker of the pod of that name, the latest one if an earlier pod of the name still ends."""
        return next((each for each in reversed(self._workers.values()) if each.pod.spec.key == key), None)

    def config_changed(self) -> None:
        """Try again every container that waits for a ConfigMap or Secret."""
        for worker in self:
            with self._failures.guard(f"{COMPONENT} (ConfigMaps, Secrets)", worker.pod.subject):
                worker.config_changed()

    def pod_changed(self, delta: Delta) -> None:
        """Admit a pod, pass its change on to its worker, or end it."""
        old, new = delta.old, delta.new
        if old is not None and (new is None or new["metadata"]["uid"] != old["metadata"]["uid"]):
            self._end(old)
        if new is None or self.is_stopping:
            return
        node = self._nodes.get(new["spec"].get("nodeName", ""))
        if node is None or node.is_lost:
            return
        worker = self._workers.get(new["metadata"]["uid"])
        if worker is None:
            self._admit(new)
            return
        worker.update(new)
        if worker.is_terminal:
            worker.remove_sandbox()
            self._release_address(worker.pod.spec.uid)
        if worker.pod.is_resized or worker.state.deferred is not None:
            self._resizing.setdefault(worker.pod.spec.uid, worker)
        self.resize_again()

    def resize_again(self) -> None:
        """Look for room for all resizes that wait; there may be some when pods have ended or shrunk."""
        if not self._resizing:
            return
        pods = ((uid, worker.pod) for uid, worker in self._resizing.items())
        for uid in [uid for uid, _ in sorted(pods, key=lambda each: resize_order(each[1].obj, each[1].request))]:
            worker = self._resizing[uid]
            if not worker.is_terminal and not worker.pod.is_deleted and not worker.pod.is_gone:
                with self._failures.guard(f"{COMPONENT} (resize)", worker.pod.subject):
                    worker.resize.ask(self._rejection(worker.pod, worker.pod.obj))
                if worker.pod.is_resized:
                    continue
            del self._resizing[uid]

    def node_changed(self, name: str, objects: Iterable[JSON]) -> None:
        """Silence the pods of a lost node, or take in ``objects``, all pods, for one that is found again.

        The containers of a lost node run on, and none starts or ends because of what the API says meanwhile.
        """
        if self._nodes[name].is_lost:
            for pod in self._pods_on(name):
                pod.is_unheard = True
            return
        for obj in [each for each in objects if read_pod(each).node_name == name]:
            with self._failures.guard(COMPONENT, Subject(PODS, key_of(obj))):
                self.pod_changed(Delta(key_of(obj), obj, obj))

    async def close(self) -> None:
        """Kill every pod."""
        for ending in self._endings:
            ending.cancel()
        await asyncio.gather(*(worker.close() for worker in self), return_exceptions=True)

    def _admit(self, obj: JSON) -> None:
        """Give a pod an address and start it, unless it has finished or its deletion has begun."""
        node = self._nodes[obj["spec"]["nodeName"]]
        pod = PodObject(node.client, node.recorder, obj)
        if pod.is_deleted or read_pod(obj).is_finished:
            self._unaddressed.pop(pod.spec.uid, None)
            if pod.is_deleted:
                pod.delete()
            return
        if self._dependencies.runner.has_sandboxes and (refusal := sysctl_refusal(pod.spec)):
            pod.reject("SysctlForbidden", refusal)
            return
        if rejection := self._rejection(pod, pod.given):
            pod.reject(*rejection)
            return
        addresses = self._allocate(pod, node)
        if addresses is None:
            return
        self._begin(pod, node, addresses)

    def _rejection(self, pod: PodObject, obj: JSON) -> Rejection | None:
        """Return why the node of a pod does not run it as ``obj`` says, None if it does."""
        name = read_pod(obj).node_name
        node = self._dependencies.registry.store.find(NODES, ObjectKey("", name))
        others = partial(self._pods_on, name, pod)
        if node is not None and (found := node_rejection(obj, node, lambda: (each.counted for each in others()))):
            return found
        return port_rejection(obj, (each.obj for each in others()))

    def _pods_on(self, node: str, but: PodObject | None = None) -> Iterator[PodObject]:
        """Yield the pods that run on a node, without one of them."""
        alive = (each.pod for each in self if not each.pod.is_gone and not each.is_terminal)
        return (each for each in alive if read_pod(each.obj).node_name == node and each is not but)

    def _begin(self, pod: PodObject, node: LocalNode, addresses: tuple[str, ...]) -> None:
        config = self._dependencies.config
        resources = {**self._resources, **node.config.capacity}
        place = PodPlace(addresses, node.config.addresses, self._dependencies.clock(), resources)
        volumes = PodVolumes(
            config.volume_dir(pod.spec.uid), pod, self._references, place, self._credentials(pod, node.client)
        )
        spec = sandbox_spec(pod, place, node.config, volumes.memory, config.domain)
        sandbox = PodSandbox(self._dependencies.runner, pod, place, spec)
        worker = self._workers[pod.spec.uid] = PodWorker(self._dependencies, self._references, pod, sandbox, volumes)
        worker.begin()
        if pod.is_resized:
            self._resizing[pod.spec.uid] = worker
            self.resize_again()

    def _credentials(self, pod: PodObject, client: Client) -> PodCredentials | None:
        """Return the pod's credentials; None without sandboxes, where a container cannot have files at their path."""
        parts = self._dependencies
        if parts.tokens is None or not parts.runner.has_sandboxes:
            return None
        tokens = PodTokens(pod, parts.registry.store, parts.tokens, parts.clock)
        certificates = PodCertificates(pod, client, parts.make_key, parts.clock, parts.rng)
        return PodCredentials(tokens, certificates)

    def _allocate(self, pod: PodObject, node: LocalNode) -> tuple[str, ...] | None:
        """Return the pod's addresses; None if its node has none free, for which it waits then."""
        if pod.spec.is_host_network:
            return node.config.addresses
        uid, address = pod.spec.uid, node.addresses.allocate()
        if address is not None:
            self._unaddressed.pop(uid, None)
            self._addresses[uid] = (node, address)
            return node.config.pod_addresses(address)
        if uid not in self._unaddressed:
            text = "Failed to create pod sandbox: failed to allocate for range 0: no IP addresses available in "
            where = f"{node.config.pod_cidr} (node {node.config.name})"
            pod.report("Warning", "FailedCreatePodSandBox", text + where)
        self._unaddressed[uid] = pod.obj
        return None

    def _end(self, obj: JSON) -> None:
        """Stop the pod of an object that is gone."""
        uid = obj["metadata"]["uid"]
        self._unaddressed.pop(uid, None)
        worker = self._workers.get(uid)
        if worker is None:
            self._logs.remove(obj)
            return
        worker.vanish()
        name = f"end of {worker.pod.spec.key}"
        ending = asyncio.get_running_loop().create_task(self._close_when_ended(uid, worker), name=name)
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _close_when_ended(self, uid: str, worker: PodWorker) -> None:
        await worker.ended.wait()
        try:
            await worker.close()
        finally:
            del self._workers[uid]
            worker.remove_sandbox()
            worker.remove_files()
            self._release_address(uid)
            self.resize_again()

    def _release_address(self, uid: str) -> None:
        """Take a pod's address back, once, and admit the pods that wait for one."""
        if uid not in self._addresses:
            return
        node, address = self._addresses.pop(uid)
        node.addresses.release(address)
        for obj in list(self._unaddressed.values()):
            with self._failures.guard(COMPONENT, Subject(PODS, key_of(obj))):
                self._admit(obj)

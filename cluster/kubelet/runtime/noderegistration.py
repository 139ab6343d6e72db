"""The kubelet's nodes: their Node objects, written at the start and when somebody has made one anew.

Follows k8s.io/kubernetes ``pkg/kubelet/kubelet_node_status.go`` (registerWithAPIServer). A Node that is deleted is not
made again before the next start; its pods are the pod garbage collector's.
"""

from __future__ import annotations

import contextlib

from kubeapi.events import EventRecorder
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import NODES
from kubeapi.status import StatusError
from kubeapi.watching import Delta
from kubelet.machine import read_machine
from kubelet.nodes import NodeConfig, PodAddresses, is_unreported, node_object, node_status, registered_again
from kubelet.runtime.dependencies import COMPONENT, Dependencies


class LocalNode:
    """One of the kubelet's nodes, with the addresses of its pods and the recorder of its events."""

    def __init__(self, config: NodeConfig, recorder: EventRecorder) -> None:
        self.config = config
        self.recorder = recorder
        self.addresses = PodAddresses(config.pod_cidr)


class NodeRegistration:
    """``nodes`` are the kubelet's, by name; ``on_node`` is to be told of every change of a Node object."""

    def __init__(self, dependencies: Dependencies) -> None:
        registry, clock = dependencies.registry, dependencies.clock
        self.nodes = {
            each.name: LocalNode(each, EventRecorder(registry, COMPONENT, clock=clock, host=each.name))
            for each in dependencies.config.nodes
        }
        self._registry = registry
        self._clock = clock
        self._machine = read_machine()

    def register_all(self) -> None:
        """Write every Node object; StatusError."""
        for node in self.nodes.values():
            self._register(node, self._registry.store.find(NODES, ObjectKey("", node.config.name)))

    def on_node(self, delta: Delta) -> None:
        """Write the object of a node that somebody else has created."""
        node = self.nodes.get(delta.key.name)
        stored = self._registry.store.find(NODES, delta.key)
        if node is not None and stored is not None and is_unreported(stored):
            with contextlib.suppress(StatusError):
                self._register(node, stored)

    def _register(self, node: LocalNode, stored: JSON | None) -> None:
        wanted = node_object(node.config, self._machine, node.addresses.capacity)
        if stored is None:
            stored = self._registry.create(NODES, wanted)
        else:
            stored = self._registry.update(NODES, registered_again(wanted, stored))
        status = node_status(node.config, self._machine, node.addresses.capacity, self._clock())
        self._registry.update_status(NODES, {**stored, "status": status})

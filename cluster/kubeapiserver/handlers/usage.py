"""metrics.k8s.io: what pods and nodes use, computed for each answer and never stored. Pure.

Follows sigs.k8s.io/metrics-server ``pkg/api``. A node uses what its pods use, as all nodes are this machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from kubeapi.meta import JSON, format_time, labels_of
from kubeapi.metrics.usage import PodUsage, Usage, no_usage
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import NODES, PODS, Resource
from kubeapi.store import Store
from kubeapiserver.catalog import NODE_METRICS, POD_METRICS

_WINDOW = 15.0
"""Seconds of which a node without pods tells."""


class UsageObjects:
    """Makes PodMetrics and NodeMetrics.

    ``clock`` gives seconds since the epoch, ``source`` what pods use: nothing, until it is set.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self.source: Usage = no_usage
        self._store = store
        self._clock = clock

    def of_pods(self, namespace: str) -> Iterator[JSON]:
        """Yield the metrics of the pods that run, of all namespaces if it is ""."""
        for key, used in self.source().items():
            pod = self._store.find(PODS, key)
            if pod is None or namespace not in ("", key.namespace):
                continue
            containers = [{"name": each.name, "usage": _usage(each.nanocores, each.memory)} for each in used.containers]
            yield {**_head(POD_METRICS, pod, self._clock()), **_times(used), "containers": containers}

    def of_nodes(self, namespace: str) -> Iterator[JSON]:
        """Yield the metrics of all nodes."""
        del namespace
        cpu, memory, windows = Counter[str](), Counter[str](), dict[str, PodUsage]()
        for key, used in self.source().items():
            pod = self._store.find(PODS, key)
            if pod is not None:
                node = read_pod(pod).node_name
                cpu[node] += sum(each.nanocores for each in used.containers)
                memory[node] += sum(each.memory for each in used.containers)
                windows[node] = used
        for obj in self._store.list(NODES):
            name = obj["metadata"]["name"]
            times = _times(windows.get(name, PodUsage(self._clock(), _WINDOW, ())))
            yield {**_head(NODE_METRICS, obj, self._clock()), **times, "usage": _usage(cpu[name], memory[name])}


def _head(resource: Resource, about: JSON, now: float) -> JSON:
    metadata = {field: about["metadata"][field] for field in ("name", "namespace") if field in about["metadata"]}
    metadata["creationTimestamp"] = format_time(now)
    if labels := labels_of(about):
        metadata["labels"] = labels
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}


def _times(used: PodUsage) -> JSON:
    return {"timestamp": format_time(used.time), "window": f"{used.window:.3f}".rstrip("0").rstrip(".") + "s"}


def _usage(nanocores: int, memory: int) -> JSON:
    return {"cpu": f"{nanocores}n" if nanocores else "0", "memory": f"{memory // 1024}Ki"}

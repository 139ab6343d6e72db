"""metrics.k8s.io: what pods and nodes use, computed for each answer and never stored. Pure.

Follows sigs.k8s.io/metrics-server ``pkg/api``. A node uses what its pods use, as all nodes are this machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from kubeapi.meta import JSON, ObjectKey, format_time, key_of, labels_of
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import NODES, PODS, Resource
from kubeapi.status import NotFound
from kubeapi.store import Store
from kubeapi.usage import PodUsage, Usage, no_usage
from kubeapiserver.catalog import NODE_METRICS, POD_METRICS
from kubeapiserver.handlers.reading import read_scope
from kubeapiserver.messages import Response
from kubeapiserver.requests.resource import ResourceRequest, View
from kubeapiserver.responses.chunks import Chunk
from kubeapiserver.responses.rendering import Renderer

_WINDOW = 15.0
"""Seconds of which a node without pods tells."""


class UsageReading:
    """Answers get and list of PodMetrics and NodeMetrics.

    ``clock`` gives seconds since the epoch, ``source`` what pods use: nothing, until it is set.
    """

    def __init__(self, store: Store, renderer: Renderer, clock: Callable[[], float]) -> None:
        self.source: Usage = no_usage
        self._store = store
        self._renderer = renderer
        self._clock = clock

    def get(self, request: ResourceRequest) -> Response:
        """Return the metrics of one pod or node; NotFound if it does not run."""
        for each in self._metrics(request.resource, request.namespace):
            if key_of(each) == request.key:
                return self._renderer.response(View(request.resource, request.form), each)
        # Kubernetes names the kind here: podmetrics.metrics.k8s.io "web" not found.
        raise NotFound(Resource("", f"{request.resource.kind.lower()}", request.resource.group, "", True), request.name)

    def list(self, request: ResourceRequest) -> Response:
        """Return the metrics of all pods or nodes that the selectors match."""
        matches = read_scope(request).matches
        found = sorted(self._metrics(request.resource, request.namespace), key=key_of)
        kept = found if matches is None else [each for each in found if matches(each)]
        return self._renderer.list_response(View(request.resource, request.form), kept, Chunk(0))

    def _metrics(self, resource: Resource, namespace: str) -> Iterator[JSON]:
        usage = self.source()
        return self._of_nodes(usage) if resource == NODE_METRICS else self._of_pods(usage, namespace)

    def _of_pods(self, usage: Mapping[ObjectKey, PodUsage], namespace: str) -> Iterator[JSON]:
        for key, used in usage.items():
            pod = self._store.find(PODS, key)
            if pod is None or namespace not in ("", key.namespace):
                continue
            containers = [{"name": each.name, "usage": _usage(each.nanocores, each.memory)} for each in used.containers]
            yield {**_head(POD_METRICS, pod, self._clock()), **_times(used), "containers": containers}

    def _of_nodes(self, usage: Mapping[ObjectKey, PodUsage]) -> Iterator[JSON]:
        cpu, memory, windows = Counter[str](), Counter[str](), dict[str, PodUsage]()
        for key, used in usage.items():
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

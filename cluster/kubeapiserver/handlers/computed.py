"""Objects that are computed for each answer and never stored: metrics of pods and nodes, ComponentStatuses. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeapi.meta import JSON, key_of
from kubeapi.scheme import Resource
from kubeapi.status import NotFound
from kubeapiserver.catalog import COMPONENT_STATUSES, NODE_METRICS, POD_METRICS
from kubeapiserver.handlers.componentstatus import component_statuses
from kubeapiserver.handlers.reading import read_scope
from kubeapiserver.handlers.usage import UsageObjects
from kubeapiserver.messages import Response
from kubeapiserver.requests.resource import ResourceRequest, View
from kubeapiserver.responses.chunks import Chunk
from kubeapiserver.responses.rendering import Renderer


class ComputedReading:
    """Answers get and list of these resources."""

    def __init__(self, renderer: Renderer, usage: UsageObjects) -> None:
        self._renderer = renderer
        self._objects_of: dict[Resource, Callable[[str], Iterable[JSON]]] = {
            COMPONENT_STATUSES: component_statuses,
            NODE_METRICS: usage.of_nodes,
            POD_METRICS: usage.of_pods,
        }

    def get(self, request: ResourceRequest) -> Response:
        """Return one object; NotFound if there is none."""
        resource = request.resource
        for each in self._objects_of[resource](request.namespace):
            if key_of(each) == request.key:
                return self._renderer.response(View(resource, request.form), each)
        # Kubernetes names the kind here: podmetrics.metrics.k8s.io "web" not found.
        raise NotFound(Resource("", resource.kind.lower(), resource.group, "", True), request.name)

    def list(self, request: ResourceRequest) -> Response:
        """Return all objects that the selectors match."""
        matches = read_scope(request).matches
        found = sorted(self._objects_of[request.resource](request.namespace), key=key_of)
        kept = found if matches is None else [each for each in found if matches(each)]
        return self._renderer.list_response(View(request.resource, request.form), kept, Chunk(0))

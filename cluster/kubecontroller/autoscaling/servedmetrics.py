"""The metrics of the types Pods and Object as the server of custom.metrics.k8s.io is asked for them. Pure.

Follows k8s.io/metrics ``pkg/client/custom_metrics`` and ``pkg/controller/podautoscaler/metrics/client.go``.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.extensions.answers import ALL_OBJECTS, CustomAsked, CustomValues
from kubeapi.kinds import KINDS
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.scheme import NAMESPACES, PODS, Resource
from kubeapi.selectors.text import selector_text
from kubeapi.validation.faults import go_value
from kubecontroller.autoscaling.observed import Observed
from kubecontroller.autoscaling.podmetrics import MetricError


def custom_metrics_of(autoscaler: JSON, observed: Observed) -> Iterator[CustomAsked]:
    """Yield what an autoscaler asks such a server for; nothing of objects of unknown kinds."""
    for each in list_at(autoscaler, "spec", "metrics"):
        if each["type"] == "Pods":
            yield _of_pods(each["pods"], observed)
        elif each["type"] == "Object":
            try:
                yield _of_object(each["object"], observed)
            except LookupError:
                continue


def served_of_pods(source: JSON, observed: Observed) -> dict[str, int]:
    """Return the values of pods by name, in thousandths; MetricError."""
    return dict(_answer(_of_pods(source, observed), observed).values)


def served_of_object(source: JSON, observed: Observed) -> int:
    """Return the value of an object, in thousandths; MetricError, LookupError as of ``resource_of``."""
    values = _answer(_of_object(source, observed), observed).values
    if len(values) != 1:
        count = f"{len(values)} results when we asked for exactly one"
        raise MetricError(f"the custom metrics API server returned {count}")
    return values[0][1]


def _answer(asked: CustomAsked, observed: Observed) -> CustomValues:
    assert observed.served is not None
    found = observed.served.get(asked, CustomValues())
    if found.fault:
        raise MetricError(found.fault)
    return found


def _of_pods(source: JSON, observed: Observed) -> CustomAsked:
    identity = source["metric"]
    wanted = selector_text(map_at(identity, "selector"))
    return CustomAsked(observed.namespace, str(PODS), ALL_OBJECTS, identity["name"], wanted, observed.selector)


def _of_object(source: JSON, observed: Observed) -> CustomAsked:
    identity, described = source["metric"], source["describedObject"]
    wanted, resource = selector_text(map_at(identity, "selector")), resource_of(described)
    if resource == NAMESPACES:  # of its own one, whatever the reference says
        return CustomAsked(observed.namespace, "metrics", identity["name"], "", wanted)
    return CustomAsked(observed.namespace, str(resource), described["name"], identity["name"], wanted)


def resource_of(described: JSON) -> Resource:
    """Return the resource of a reference; LookupError with the text of a RESTMapper that does not know the kind."""
    version, kind = described.get("apiVersion", ""), described["kind"]
    group_name = version.rpartition("/")[0]
    for each in KINDS:
        if (each.resource.group, each.resource.kind) == (group_name, kind):
            return each.resource
    known = f"{kind}.{group_name}" if group_name else kind
    unknown = f"no matches for kind {go_value(kind)} in group {go_value(group_name)}"
    raise LookupError(f"unable to map kind {known} to resource: {unknown}")

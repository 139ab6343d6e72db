"""What an autoscaler knows of its pods: which are ready, what they use, and what they asked for. Pure.

Follows ``groupPods`` and ``calculateRequests`` in ``pkg/controller/podautoscaler/replica_calculator.go``.
Amounts are in thousandths: of a CPU, of a byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of, parse_time
from kubeapi.metrics.usage import PodUsage
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.parts import map_at, status_of
from kubeapi.objects.pod import read_pod
from kubeapi.serialization.quantity import amount_of

CPU_INITIALIZATION_SECONDS = 300.0
"""How long a starting pod's CPU may be that of its start (--horizontal-pod-autoscaler-cpu-initialization-period)."""
READINESS_DELAY_SECONDS = 30.0
"""How long a pod may be unready at first (--horizontal-pod-autoscaler-initial-readiness-delay)."""
NO_PODS = "no pods returned by selector while calculating replica count"


class MetricError(Exception):
    """Why a metric has no value; the text is Kubernetes'. ``context`` comes before it where all metrics are told of."""

    def __init__(self, text: str, context: str = "") -> None:
        super().__init__(text)
        self.context = context


class Measured(NamedTuple):
    """The pods of a target in groups: by name what the ready ones use, and the names of the others.

    ``unready`` have no value that counts yet, ``missing`` none at all; ``ready`` is the number of the others.
    """

    values: dict[str, int]
    ready: int
    unready: frozenset[str]
    missing: frozenset[str]


class Asked(NamedTuple):
    """What is measured: a resource of the pods, or of one of their containers ("" for all)."""

    resource: str
    container: str = ""


def _never(_pod: JSON) -> bool:
    return False


def group(pods: Sequence[JSON], values: Mapping[str, int], is_unready: Callable[[JSON], bool] = _never) -> Measured:
    """Return the pods in groups, by their values and the phases that they are in; MetricError if none counts.

    ``is_unready`` tells of one that has a value that its value does not count.
    """
    if not pods:
        raise MetricError(NO_PODS)
    counted: dict[str, int] = {}
    unready, missing = set[str](), set[str]()
    for pod in pods:
        name, phase = pod["metadata"]["name"], read_pod(pod).phase
        if is_terminating(pod) or phase == "Failed":
            continue
        if phase == "Pending":
            unready.add(name)
        elif name not in values:
            missing.add(name)
        elif is_unready(pod):
            unready.add(name)
        else:
            counted[name] = values[name]
    if not counted:
        raise MetricError("did not receive metrics for targeted pods (pods might be unready)")
    return Measured(counted, len(counted), frozenset(unready), frozenset(missing))


def measure(pods: Sequence[JSON], usage: Mapping[ObjectKey, PodUsage], asked: Asked, now: float) -> Measured:
    """Return what pods use of a resource; MetricError if nothing is known."""
    found = {pod["metadata"]["name"]: used for pod in pods if (used := usage.get(key_of(pod))) is not None}
    if not found:
        text = "unable to get metrics for resource {}: no metrics returned from resource metrics API"
        raise MetricError(text.format(asked.resource))
    values = {name: value for name, used in found.items() if (value := _value(used, asked)) is not None}
    is_cpu = asked.resource == "cpu"
    return group(pods, values, lambda pod: is_cpu and _is_starting(pod, found[pod["metadata"]["name"]], now))


def _value(used: PodUsage, asked: Asked) -> int | None:
    """Return what a pod uses, None if it has no such container or nobody measures that."""
    counted = [each for each in used.containers if asked.container in ("", each.name)]
    if not counted or asked.resource not in ("cpu", "memory") or any(asked.resource in each.untold for each in counted):
        return None
    if asked.resource == "cpu":
        return sum(each.nanocores for each in counted) // 1_000_000
    return sum(each.memory for each in counted) * 1000


def _is_starting(pod: JSON, used: PodUsage, now: float) -> bool:
    """Tell whether a pod's CPU is not yet, or not at all, that of its work."""
    ready, started = find_condition(pod, "Ready"), status_of(pod).get("startTime")
    if ready is None or not started:
        return True
    changed, begun = parse_time(ready["lastTransitionTime"]), parse_time(started)
    is_false = ready.get("status") == "False"
    if begun + CPU_INITIALIZATION_SECONDS > now:
        # The kubelet's times are whole seconds, and so its window may seem to begin before the pod was ready.
        return is_false or used.time < changed + min(used.window, now - changed)
    return is_false and begun + READINESS_DELAY_SECONDS > changed


def requests_of(pods: Sequence[JSON], asked: Asked) -> dict[str, int]:
    """Return what each pod asked for; MetricError if one of them asked for nothing."""
    return {pod["metadata"]["name"]: _request(pod, asked) for pod in pods}


def _request(pod: JSON, asked: Asked) -> int:
    name, reading = pod["metadata"]["name"], read_pod(pod)
    own = map_at(pod, "spec", "resources", "requests")
    if own and not asked.container:
        if asked.resource not in own:
            raise MetricError(f"missing pod-level request for {asked.resource} in Pod {name}")
        return int(amount_of(own[asked.resource]) * 1000)
    total = 0
    containers = [each for each in (*reading.containers, *reading.sidecars) if asked.container in ("", each["name"])]
    if not containers:
        raise MetricError(f"container {asked.container} not found in Pod {name}")
    for each in containers:
        wanted = map_at(each, "resources", "requests").get(asked.resource)
        if wanted is None:
            raise MetricError(f"missing request for {asked.resource} in container {each['name']} of Pod {name}")
        total += int(amount_of(wanted) * 1000)
    return total

"""HorizontalPodAutoscalers: how many replicas the use of the pods asks for, and what the status says of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, deployment
from tests.helpers.objects import build

from kubeapi.extensions.answers import ExtensionUsage, NoServers, PodsAsked
from kubeapi.meta import JSON, ObjectKey
from kubeapi.metrics.usage import ContainerUsage, PodUsage
from kubeapi.objects.parts import status_of
from kubeapi.scheme import DEPLOYMENTS, HORIZONTALPODAUTOSCALERS, PODS
from kubeapi.store import Store
from kubecontroller.autoscaling.horizontal import ASKING_SECONDS, HorizontalPodAutoscalerController, reconcile
from kubecontroller.autoscaling.normalizing import Memory, Moment, Range, normalize
from kubecontroller.autoscaling.observed import Observed
from kubecontroller.autoscaling.sync import Target
from kubecontroller.change import Change, RecordEvent, Requeue, Scale, UpdateStatus
from kubecontroller.controllers import ControllerConfig
from kubecontroller.listers import Listers

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z
MINUTE = 60.0


def utilization(share: int = 50, resource: str = "cpu") -> JSON:
    target = {"type": "Utilization", "averageUtilization": share}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def average(value: str, resource: str) -> JSON:
    target = {"type": "AverageValue", "averageValue": value}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def autoscaler(*metrics: JSON, **spec: Any) -> JSON:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    full = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 10, **spec}
    full["metrics"] = list(metrics) or [utilization()]
    return build("HorizontalPodAutoscaler", "web", "default", metadata={"generation": 1}, spec=full)


def pod(name: str, *, is_ready: bool = True, phase: str = "Running", requests: JSON | None = None) -> JSON:
    status = {
        "phase": phase,
        "startTime": "2025-12-31T23:00:00Z",
        "conditions": [
            {"type": "Ready", "status": str(is_ready), "lastTransitionTime": "2025-12-31T23:00:05Z"},
        ],
    }
    wanted = {"cpu": "100m", "memory": "100Mi"} if requests is None else requests
    containers = [{"name": "main", "resources": {"requests": wanted}}]
    return build("Pod", name, "default", spec={"containers": containers}, status=status)


def look(
    obj: JSON, replicas: int, used: dict[str, int | None], memory: Memory | None = None, **pods: Any
) -> list[Change]:
    """Return the changes at one look: ``used`` are millicores (and MiB) of the ready pods, None for no metrics."""
    target = build("Deployment", "web", "default", metadata={"uid": "d"}, spec={"replicas": replicas})
    usage = {
        ObjectKey("default", name): PodUsage(NOW, 15.0, (ContainerUsage("main", each * 1_000_000, each << 20),))
        for name, each in used.items()
        if each is not None
    }
    observed = Observed(replicas, [pod(name, **pods) for name in used], usage, NOW)
    return reconcile(obj, Target(DEPLOYMENTS, target), observed, memory or Memory())


class Measuring(NoServers):
    """A server of metrics.k8s.io that is asked first, and answers then."""

    def __init__(self, answer: ExtensionUsage) -> None:
        self.answers: list[ExtensionUsage | None] = [None, answer]
        self.asked: list[PodsAsked] = []

    def serves(self, group: str) -> bool:
        return group == "metrics.k8s.io"

    def usage(self, pods: PodsAsked) -> ExtensionUsage | None:
        self.asked.append(pods)
        return self.answers.pop(0)


UNABLE = "the server is currently unable to handle the request (get pods.metrics.k8s.io)"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (ExtensionUsage({ObjectKey("default", "a"): PodUsage(NOW, 15.0, (ContainerUsage("main", 10**8, 0),))}), 2),
        (ExtensionUsage(fault=UNABLE), f"unable to fetch metrics from resource metrics API: {UNABLE}"),
        (ExtensionUsage(), "no metrics returned from resource metrics API"),
        (
            ExtensionUsage(
                {ObjectKey("default", "a"): PodUsage(NOW, 15.0, (ContainerUsage("main", 0, 0, frozenset({"cpu"})),))}
            ),
            "did not receive metrics for targeted pods (pods might be unready)",
        ),
    ],
    ids=["twice what it should use", "unavailable", "nothing", "memory alone"],
)
def test_the_server_of_an_apiservice_tells_what_pods_use_in_place_of_the_cluster(
    said: ExtensionUsage, expected: int | str
) -> None:
    store = Store()
    template = {"metadata": {"labels": {"app": "web"}}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    store.create(DEPLOYMENTS, build("Deployment", "web", "default", spec=spec, status={"replicas": 1}))
    store.create(PODS, pod("a") | {"metadata": {"name": "a", "namespace": "default", "labels": {"app": "web"}}})
    store.create(HORIZONTALPODAUTOSCALERS, autoscaler())

    def own() -> dict[ObjectKey, PodUsage]:
        raise AssertionError("the cluster's own figures are not asked for")

    servers = Measuring(said)
    controller = HorizontalPodAutoscalerController(Listers(store), own, lambda: None, servers)
    assert controller.reconcile(ObjectKey("default", "web"), NOW) == [Requeue(ASKING_SECONDS)]
    changes = controller.reconcile(ObjectKey("default", "web"), NOW)
    assert servers.asked == [PodsAsked("default", "app=web")] * 2
    if isinstance(expected, int):
        assert scaled_to(changes) == expected
    else:
        assert any(expected in each["message"] for each in status(changes)["conditions"])


def scaled_to(changes: list[Change]) -> int | None:
    found = [each.replicas for each in changes if isinstance(each, Scale)]
    return int(found[0]) if found else None


def status(changes: list[Change]) -> JSON:
    [found] = [each.obj["status"] for each in changes if isinstance(each, UpdateStatus)]
    return dict(found)


def conditions(changes: list[Change]) -> dict[str, str]:
    return {each["type"]: f"{each['status']} {each['reason']}" for each in status(changes)["conditions"]}


@pytest.mark.parametrize(
    ("obj", "replicas", "used", "expected"),
    [
        pytest.param(autoscaler(), 1, {"a": 100}, 2, id="twice the target"),
        pytest.param(autoscaler(), 1, {"a": 54}, None, id="within the tolerance"),
        pytest.param(autoscaler(), 4, {"a": 10, "b": 10, "c": 10, "d": 10}, 1, id="a fifth of the target"),
        pytest.param(autoscaler(maxReplicas=3), 2, {"a": 200, "b": 200}, 3, id="at most"),
        pytest.param(autoscaler(minReplicas=2), 3, {"a": 1, "b": 1, "c": 1}, 2, id="at least"),
        pytest.param(autoscaler(maxReplicas=100), 5, dict.fromkeys("abcde", 500), 10, id="at most twice at once"),
        pytest.param(autoscaler(maxReplicas=2), 3, {"a": 1, "b": 1, "c": 1}, 2, id="more than the most already"),
        pytest.param(autoscaler(minReplicas=3), 1, {"a": 1}, 3, id="fewer than the least already"),
        pytest.param(autoscaler(), 0, {}, None, id="none at all stays none"),
        pytest.param(autoscaler(average("40m", "cpu")), 2, {"a": 80, "b": 80}, 4, id="an average"),
        pytest.param(autoscaler(average("64Mi", "memory")), 1, {"a": 128}, 2, id="memory"),
        pytest.param(autoscaler(utilization(50), utilization(25, "memory")), 1, {"a": 100}, 4, id="the most of two"),
        pytest.param(autoscaler(), 2, {"a": 100, "b": None}, None, id="missing ones count as nothing upwards"),
        pytest.param(autoscaler(), 2, {"a": 10, "b": None}, None, id="and as all downwards"),
    ],
)
def test_the_replicas_follow_the_use(
    obj: JSON, replicas: int, used: dict[str, int | None], expected: int | None
) -> None:
    memory = Memory([Moment(NOW - 10 * MINUTE, replicas)])
    assert scaled_to(look(obj, replicas, used, memory)) == expected


def test_a_rescale_is_told_and_shown() -> None:
    changes = look(autoscaler(), 1, {"a": 150})
    assert [(each.reason, each.message) for each in changes if isinstance(each, RecordEvent)] == [
        (
            "SuccessfulRescale",
            "New size: 3; reason: cpu resource utilization (percentage of request) above target",
        )
    ]
    shown = status(changes)
    assert (shown["currentReplicas"], shown["desiredReplicas"]) == (1, 3)
    assert shown["lastScaleTime"] == "2026-01-01T00:00:00Z"
    current = {"averageUtilization": 150, "averageValue": "150m"}
    assert shown["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
    assert conditions(changes) == {
        "AbleToScale": "True SucceededRescale",
        "ScalingActive": "True ValidMetricFound",
        "ScalingLimited": "False DesiredWithinRange",
        "ScaledToZero": "False NotScaledToZero",
    }


def test_fewer_replicas_must_have_been_asked_for_five_minutes() -> None:
    early = look(autoscaler(), 4, dict.fromkeys("abcd", 10), Memory([Moment(NOW - 4 * MINUTE, 4)]))
    assert (scaled_to(early), conditions(early)["AbleToScale"]) == (None, "True ScaleDownStabilized")
    assert scaled_to(look(autoscaler(), 4, dict.fromkeys("abcd", 10), Memory([Moment(NOW - 6 * MINUTE, 4)]))) == 1


@pytest.mark.parametrize(
    ("obj", "used", "pods", "reason", "fault"),
    [
        pytest.param(
            autoscaler(), {"a": None}, {}, "FailedGetResourceMetric",
            "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource"
            " metrics API", id="no metrics",
        ),
        pytest.param(
            autoscaler(), {"a": 10}, {"requests": {}}, "FailedGetResourceMetric",
            "failed to get cpu utilization: missing request for cpu in container main of Pod a", id="no request",
        ),
        pytest.param(
            autoscaler(), {"a": 10}, {"phase": "Pending"}, "FailedGetResourceMetric",
            "failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)",
            id="not ready",
        ),
    ],
)  # fmt: skip
def test_a_metric_without_a_value_is_told(
    obj: JSON, used: dict[str, int | None], pods: JSON, reason: str, fault: str
) -> None:
    changes = look(obj, 1, used, **pods)
    events = {each.reason: each.message for each in changes if isinstance(each, RecordEvent)}
    assert events[reason] == fault
    assert events["FailedComputeMetricsReplicas"].startswith("invalid metrics (1 invalid out of 1), first error is: ")
    assert (scaled_to(changes), conditions(changes)["ScalingActive"]) == (None, f"False {reason}")


def test_a_target_that_is_not_there_is_told() -> None:
    missing = Target(fault='deployments.apps "web" not found')
    changes = reconcile(autoscaler(), missing, Observed(0, [], {}, NOW), Memory())
    assert conditions(changes) == {"AbleToScale": "False FailedGetScale"}
    [event] = [each for each in changes if isinstance(each, RecordEvent)]
    assert event.message == 'deployments.apps "web" not found'


def test_pods_of_two_autoscalers_are_left_as_they_are() -> None:
    target = build("Deployment", "web", "default", metadata={"uid": "d"}, spec={"replicas": 1})
    usage = {ObjectKey("default", "a"): PodUsage(NOW, 15.0, (ContainerUsage("main", 500_000_000, 0),))}
    both = [ObjectKey("default", "old"), ObjectKey("default", "web")]
    observed = Observed(1, [pod("a")], usage, NOW, "app=web", both)
    changes = reconcile(autoscaler(), Target(DEPLOYMENTS, target), observed, Memory())
    assert scaled_to(changes) is None
    assert conditions(changes)["ScalingActive"] == "False AmbiguousSelector"
    [fault, _] = [each for each in changes if isinstance(each, RecordEvent)]
    text = "pods by selector app=web are controlled by more than one HPA (e.g. [{old default} {web default}])"
    assert (fault.reason, fault.message) == ("AmbiguousSelector", text)


def behavior(up: JSON | None = None, down: JSON | None = None) -> JSON:
    pods = {"type": "Pods", "value": 4, "periodSeconds": 15}
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    return {
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [pods, percent], **(up or {})},
        "scaleDown": {"selectPolicy": "Max", "policies": [percent], **(down or {})},
    }


ONE_A_MINUTE = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}], "stabilizationWindowSeconds": 0}


@pytest.mark.parametrize(
    ("rules", "wanted", "memory", "expected", "why"),
    [
        pytest.param(behavior(), Range(2, 9, 1, 20), Memory(), 6, "ScaleUpLimit", id="four more, or twice"),
        pytest.param(behavior(), Range(8, 30, 1, 40), Memory(), 16, "ScaleUpLimit", id="the greater of both"),
        pytest.param(
            behavior({"selectPolicy": "Min"}), Range(8, 30, 1, 40), Memory(), 12, "ScaleUpLimit", id="the smaller"
        ),
        pytest.param(
            behavior({"selectPolicy": "Disabled"}), Range(2, 9, 1, 20), Memory(), 2, "ScaleUpLimit", id="never up"
        ),
        pytest.param(behavior(), Range(2, 9, 1, 3), Memory(), 3, "TooManyReplicas", id="the most"),
        pytest.param(
            behavior(down=ONE_A_MINUTE), Range(5, 1, 1, 9), Memory(), 4, "ScaleDownLimit", id="one fewer a minute"
        ),
        pytest.param(
            behavior(down=ONE_A_MINUTE), Range(4, 1, 1, 9), Memory(down=[Moment(NOW - 30, 1)]), 4, "ScaleDownLimit",
            id="and that was now",
        ),
        pytest.param(
            behavior(down={"stabilizationWindowSeconds": 60}), Range(5, 1, 1, 9),
            Memory([Moment(NOW - 30, 3), Moment(NOW - 90, 5)]), 3, "DesiredWithinRange", id="a window of its own",
        ),
        pytest.param(
            behavior({"stabilizationWindowSeconds": 60}), Range(2, 5, 1, 9), Memory([Moment(NOW - 30, 3)]), 3,
            "DesiredWithinRange", id="a window upwards",
        ),
    ],
)  # fmt: skip
def test_a_behavior_limits_the_change(rules: JSON, wanted: Range, memory: Memory, expected: int, why: str) -> None:
    found = normalize(wanted, rules, memory, NOW)
    assert (found.replicas, found.limit[0]) == (expected, why)


@pytest.mark.looptime
async def test_a_busy_deployment_grows_at_the_next_look() -> None:
    usage: dict[ObjectKey, PodUsage] = {}
    config = ControllerConfig(usage=lambda: usage)
    async with FakeCluster(config=config).running() as cluster:
        obj = deployment("web", replicas=1)
        obj["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
        cluster.registry.create(DEPLOYMENTS, obj)
        await cluster.settle()
        spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 5}
        cluster.registry.create(HORIZONTALPODAUTOSCALERS, build("HorizontalPodAutoscaler", "web", "default", spec=spec))
        await cluster.settle()
        for each in cluster.pods():
            started = {**each["status"], "startTime": "2020-01-01T00:00:00Z"}
            cluster.registry.update_status(PODS, {**each, "status": started})
            key = ObjectKey("default", each["metadata"]["name"])
            usage[key] = PodUsage(cluster.clock(), 15.0, (ContainerUsage("main", 240_000_000, 0),))
        await asyncio.sleep(16)
        await cluster.settle()
        assert len(cluster.pods()) == 3
        [shown] = cluster.store.list(HORIZONTALPODAUTOSCALERS)
        assert status_of(shown)["desiredReplicas"] == 3

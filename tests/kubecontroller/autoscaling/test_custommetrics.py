"""Autoscalers by requests and connections: of the pods, of another object, and what is said where there are none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.helpers.kubeapiserver.crds import TEXT, crd, obj, tab, version
from tests.helpers.kubecontroller.fakes import FakeCluster, deployment, service
from tests.helpers.objects import build, build_pod
from tests.kubecontroller.autoscaling.test_horizontal import NOW, autoscaler, conditions, pod, scaled_to, status

from kubeapi.customresources.definitions import CustomKinds
from kubeapi.extensions.answers import CustomAsked, CustomValues, ExternalMetric, ExternalValues, NoServers
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.metrics.custom import CustomMetrics
from kubeapi.metrics.traffic import EndpointTraffic, PortTraffic, Traffic
from kubeapi.metrics.usage import ContainerUsage, PodUsage
from kubeapi.scheme import (
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    EVENTS,
    HORIZONTALPODAUTOSCALERS,
    PODS,
    SERVICES,
)
from kubeapi.serialization.quantity import amount_of
from kubeapi.store import Store
from kubecontroller.autoscaling.horizontal import ASKING_SECONDS, HorizontalPodAutoscalerController, reconcile
from kubecontroller.autoscaling.normalizing import Memory, Moment
from kubecontroller.autoscaling.observed import Observed
from kubecontroller.autoscaling.servedmetrics import custom_metrics_of
from kubecontroller.autoscaling.sync import Target
from kubecontroller.change import Change, RecordEvent, Requeue
from kubecontroller.controllers import ControllerConfig
from kubecontroller.listers import Listers

RATE = "http_requests_per_second"


def of_pods(average: str = "20", name: str = RATE, **identity: Any) -> JSON:
    target = {"type": "AverageValue", "averageValue": average}
    return {"type": "Pods", "pods": {"metric": {"name": name, **identity}, "target": target}}


def of_object(target: JSON, kind: str = "Service", name: str = "web", version: str = "v1", **identity: Any) -> JSON:
    described = {"apiVersion": version, "kind": kind, "name": name}
    source = {"describedObject": described, "metric": {"name": RATE, **identity}, "target": target}
    return {"type": "Object", "object": source}


def external(target: JSON) -> JSON:
    return {"type": "External", "external": {"metric": {"name": "queue"}, "target": target}}


def value(amount: str) -> JSON:
    return {"type": "Value", "value": amount}


def share(amount: str) -> JSON:
    return {"type": "AverageValue", "averageValue": amount}


def look(
    obj: JSON,
    rates: dict[str, float | None],
    replicas: int | None = None,
    memory: Memory | None = None,
    *,
    is_measured: bool = True,
    queue: ExternalValues | None = None,
    served: dict[CustomAsked, CustomValues] | None = None,
    **pods: Any,
) -> list[Change]:
    """Return the changes at one look: ``rates`` are those of the pods, None for no endpoint of the Service web."""
    store = Store()
    store.create(SERVICES, build("Service", "web", "default", spec={"ports": [{"port": 80}]}))
    endpoints = tuple(EndpointTraffic(name, rate, 0) for name, rate in rates.items() if rate is not None)
    traffic = Traffic(NOW, 15.0, lambda key: (PortTraffic("", True, endpoints),) if key.name == "web" else ())
    wanted = len(rates) if replicas is None else replicas
    observed = Observed(
        wanted,
        [pod(name, **pods) for name in rates],
        {},
        NOW,
        namespace="default",
        present=len(rates),
        custom=CustomMetrics(store, traffic) if is_measured else None,
        external={ExternalMetric("default", "queue"): queue} if queue is not None else {},
        selector="app=web",
        served=served,
    )
    target = build("Deployment", "web", "default", metadata={"uid": "d"}, spec={"replicas": wanted})
    calm = Memory([Moment(NOW - 600, wanted)])
    return reconcile(obj, Target(DEPLOYMENTS, target), observed, memory or calm)


@pytest.mark.parametrize(
    ("metric", "rates", "expected"),
    [
        pytest.param(of_pods(), {"a": 50.0}, 3, id="more than the pods should get"),
        pytest.param(of_pods(), {"a": 21.9}, None, id="within the tolerance"),
        pytest.param(of_pods(), {"a": 4.0, "b": 4.0}, 1, id="less"),
        pytest.param(of_pods("1500m"), {"a": 6.0}, 4, id="thousandths"),
        pytest.param(of_pods(), {"a": 40.0, "b": None}, None, id="missing ones count as nothing upwards"),
        pytest.param(of_pods(), {"a": 70.0, "b": None}, 4, id="but much is much"),
        pytest.param(of_pods(), {"a": 2.0, "b": None}, None, id="and as the target downwards"),
        pytest.param(of_object(value("40")), {"a": 30.0, "b": 30.0}, 3, id="a Service above its value"),
        pytest.param(of_object(value("80")), {"a": 10.0, "b": 10.0, "c": 0.0}, 1, id="a Service below it"),
        pytest.param(of_object(value("60")), {"a": 30.0, "b": 31.0}, None, id="a Service near it"),
        pytest.param(of_object(share("20")), {"a": 30.0, "b": 30.0}, 3, id="a share for each pod"),
        pytest.param(of_object(share("30")), {"a": 30.0, "b": 30.0}, None, id="everybody has it"),
    ],
)
def test_the_replicas_follow_the_requests(metric: JSON, rates: dict[str, float | None], expected: int | None) -> None:
    assert scaled_to(look(autoscaler(metric), rates)) == expected


@pytest.mark.parametrize(
    ("metric", "name", "current"),
    [
        (
            of_pods(),
            f"pods metric {RATE}",
            {"type": "Pods", "pods": {"metric": {"name": RATE}, "current": {"averageValue": "62500m"}}},
        ),
        (
            of_object(value("20")),
            f"Service metric {RATE}",
            {"type": "Object", "object": {**of_object({})["object"], "current": {"value": "62500m"}}},
        ),
        (
            of_object(share("20"), selector={"matchLabels": {"service": "web"}}),
            f"external metric {RATE}(&LabelSelector{{MatchLabels:map[string]string{{service: web,}},"
            "MatchExpressions:[]LabelSelectorRequirement{},})",
            {
                "type": "Object",
                "object": {
                    **of_object({}, selector={"matchLabels": {"service": "web"}})["object"],
                    "current": {"averageValue": "62500m"},
                },
            },
        ),
    ],
    ids=["pods", "value", "share"],
)
def test_a_rescale_names_the_metric_and_shows_its_value(metric: JSON, name: str, current: JSON) -> None:
    changes = look(autoscaler(metric), {"a": 62.5})
    current.get("object", {}).pop("target", None)
    [event] = [each for each in changes if isinstance(each, RecordEvent)]
    assert event.message == f"New size: 4; reason: {name} above target"
    assert status(changes)["currentMetrics"] == [current]


NOT_THERE = f"unable to get metric {RATE} on Service default/none"
CUSTOM = "unable to fetch metrics from custom metrics API"
EXTERNAL = (
    "unable to get external metric default/queue/nil: unable to fetch metrics from external metrics API: the server"
    " could not find the requested resource (get queue.external.metrics.k8s.io)"
)
ON_CRON = f"unable to get metric {RATE} on Cron default/web"


@pytest.mark.parametrize(
    ("metric", "rates", "fault", "told"),
    [
        pytest.param(
            of_pods(name="queue"), {"a": 1.0},
            f"unable to get metric queue: {CUSTOM}: the server could not find the metric queue for pods",
            "failed to get pods metric value: {}", id="no such metric",
        ),
        pytest.param(
            of_pods(), {"a": None}, f"unable to get metric {RATE}: no metrics returned from custom metrics API",
            "failed to get pods metric value: {}", id="pods that are no endpoints",
        ),
        pytest.param(
            of_pods(selector={"matchLabels": {"port": "none"}}), {"a": 1.0},
            f"unable to get metric {RATE}: no metrics returned from custom metrics API",
            "failed to get pods metric value: {}", id="labels that nothing has",
        ),
        pytest.param(
            of_object(value("1"), name="none"), {"a": 1.0},
            f"{NOT_THERE}: {CUSTOM}: the server could not find the metric {RATE} for services none",
            "failed to get object metric value: {}", id="an object that is not there",
        ),
        pytest.param(
            of_object(share("1"), name="none"), {"a": 1.0},
            f"{NOT_THERE}: {CUSTOM}: the server could not find the metric {RATE} for services none",
            f"failed to get object metric value: failed to get {RATE} object metric: {{}}",
            id="a share of an object that is not there",
        ),
        pytest.param(
            of_object(value("1"), kind="Cron", version="x/v1"), {"a": 1.0},
            f"{ON_CRON}: {CUSTOM}: unable to map kind Cron.x to resource: no matches for kind \"Cron\" in group \"x\"",
            "failed to get object metric value: {}", id="an unknown kind",
        ),
        pytest.param(
            external(share("1")), {"a": 1.0}, EXTERNAL,
            "failed to get queue external metric value: failed to get queue external metric: {}",
            id="external, a share",
        ),
        pytest.param(
            external(value("1")), {"a": 1.0}, EXTERNAL,
            "failed to get queue external metric value: failed to get external metric queue: {}",
            id="external, a value",
        ),
    ],
)  # fmt: skip
def test_a_metric_without_a_value_is_told_as_kubernetes_tells_it(
    metric: JSON, rates: dict[str, float | None], fault: str, told: str
) -> None:
    changes = look(autoscaler(metric), rates)
    reason = f"FailedGet{metric['type']}Metric"
    first = "invalid metrics (1 invalid out of 1), first error is: "
    assert [(each.reason, each.message) for each in changes if isinstance(each, RecordEvent)] == [
        (reason, fault),
        ("FailedComputeMetricsReplicas", first + told.format(fault)),
    ]
    (_, active) = status(changes)["conditions"]
    assert (active["reason"], active["message"]) == (
        reason,
        f"the HPA was unable to compute the replica count: {fault}",
    )
    assert status(changes)["currentMetrics"] == [{"type": ""}]


@pytest.mark.parametrize(
    ("metric", "queue", "expected"),
    [
        pytest.param(value("10"), (17_500,), 4, id="more than the value"),
        pytest.param(value("10"), (4_000, 6_500), None, id="the sum is near it"),
        pytest.param(share("10"), (25_000, 10_000), 4, id="a share for each pod"),
        pytest.param(share("10"), (5_000,), 1, id="less than a share"),
    ],
)
def test_the_replicas_follow_what_an_adapter_says(metric: JSON, queue: tuple[int, ...], expected: int | None) -> None:
    changes = look(autoscaler(external(metric)), {"a": None, "b": None}, queue=ExternalValues(queue))
    assert scaled_to(changes) == expected
    [current] = status(changes)["currentMetrics"]
    assert current["external"]["metric"] == {"name": "queue"}
    each = {"value": f"{sum(queue)}m"} if metric["type"] == "Value" else {"averageValue": f"{-(-sum(queue) // 2)}m"}
    assert {name: amount_of(amount) for name, amount in current["external"]["current"].items()} == {
        name: amount_of(amount) for name, amount in each.items()
    }


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (ExternalValues(fault="no"), "unable to fetch metrics from external metrics API: no"),
        (ExternalValues(), "no metrics returned from external metrics API"),
    ],
    ids=["refused", "empty"],
)
def test_an_adapter_without_values_is_told_of(found: ExternalValues, fault: str) -> None:
    changes = look(autoscaler(external(value("1"))), {"a": None}, queue=found)
    [event, _] = [each for each in changes if isinstance(each, RecordEvent)]
    assert event.message == f"unable to get external metric default/queue/nil: {fault}"


def test_pods_that_are_not_ready_count_as_nothing_upwards() -> None:
    changes = look(autoscaler(of_pods()), {"a": 1.0}, phase="Pending")
    [event, _] = [each for each in changes if isinstance(each, RecordEvent)]
    assert event.message == "did not receive metrics for targeted pods (pods might be unready)"


def test_the_metric_that_works_scales_upwards_beside_one_that_does_not() -> None:
    changes = look(autoscaler(external(value("1")), of_pods()), {"a": 50.0})
    assert scaled_to(changes) == 3
    assert status(changes)["currentMetrics"][0] == {"type": ""}


def down(**more: Any) -> JSON:
    return autoscaler(of_object(value("20")), minReplicas=0, **more)


def zero_condition(state: str) -> JSON:
    known = {"lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "before", "message": ""}
    return {"conditions": [{"type": "ScaledToZero", "status": state, **known}]}


def test_an_object_without_requests_lets_a_target_go_to_zero() -> None:
    changes = look(down(), {"a": 0.0})
    assert (scaled_to(changes), conditions(changes)["ScaledToZero"]) == (0, "True ScaledToZero")


@pytest.mark.parametrize(
    ("obj", "state", "expected"),
    [
        pytest.param(down(), "True", 3, id="by an autoscaler"),
        pytest.param(down(), "False", None, id="by somebody else"),
        pytest.param(autoscaler(of_object(value("20")), minReplicas=4), "True", 4, id="and the least was raised"),
        pytest.param(autoscaler(of_object(value("20")), minReplicas=4), "False", None, id="somebody else, at least"),
    ],
)
def test_a_target_at_zero_wakes_only_if_an_autoscaler_has_put_it_there(
    obj: JSON, state: str, expected: int | None
) -> None:
    changes = look({**obj, "status": zero_condition(state)}, {"other": 50.0}, 0)
    assert scaled_to(changes) == expected
    told = conditions(changes)
    assert told["ScalingActive"] == ("True ValidMetricFound" if expected else "False ScalingDisabled")


def test_a_pod_without_the_container_that_is_measured_is_missing() -> None:
    target = {"type": "Utilization", "averageUtilization": 50}
    metric = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "main", "target": target}}
    usage = {
        ObjectKey("default", name): PodUsage(NOW, 15.0, (ContainerUsage(container, 100_000_000, 0),))
        for name, container in (("a", "main"), ("b", "side"))
    }
    observed = Observed(2, [pod("a"), pod("b")], usage, NOW, namespace="default", present=2)
    deployed = build("Deployment", "web", "default", metadata={"uid": "d"}, spec={"replicas": 2})
    changes = reconcile(autoscaler(metric), Target(DEPLOYMENTS, deployed), observed, Memory())
    # One uses all of its request, twice the target; the other counts as one that uses nothing.
    assert scaled_to(changes) is None
    assert status(changes)["currentMetrics"][0]["containerResource"]["current"]["averageUtilization"] == 100


@pytest.mark.looptime
async def test_the_first_look_waits_until_there_is_a_rate() -> None:
    measured: list[Traffic | None] = [None]
    async with FakeCluster(config=ControllerConfig(traffic=lambda: measured[0])).running() as cluster:
        cluster.registry.create(DEPLOYMENTS, deployment("web", replicas=1))
        cluster.registry.create(SERVICES, service("web"))
        spec = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "maxReplicas": 5,
            "metrics": [of_pods()],
        }
        cluster.registry.create(HORIZONTALPODAUTOSCALERS, build("HorizontalPodAutoscaler", "web", "default", spec=spec))
        await cluster.settle()
        (only,) = cluster.pods()
        endpoint = EndpointTraffic(only["metadata"]["name"], 45.0, 0)
        measured[0] = Traffic(0.0, 1.0, lambda _: (PortTraffic("", True, (endpoint,)),))
        (shown,) = cluster.store.list(HORIZONTALPODAUTOSCALERS)
        assert "conditions" not in shown["status"]
        await asyncio.sleep(2)
        await cluster.settle()
        (shown,) = cluster.store.list(HORIZONTALPODAUTOSCALERS)
        current = shown["status"]["currentMetrics"][0]["pods"]["current"]
        assert current == {"averageValue": "45"}


NUMBER = {"type": "integer"}
PATHS = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size", "labelSelectorPath": ".status.sel"}
SIZED = version(
    schema=obj(spec=obj(size=NUMBER), status=obj(size=NUMBER, sel=TEXT)), subresources={"status": {}, "scale": PATHS}
)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("selector", "fault"),
    [
        ("app=web", ""),
        ("", "selector is required"),
        (
            "a in b",
            "couldn't convert selector into a corresponding internal selector object: unable to parse requirement:"
            " found 'b' expected: '('",
        ),
    ],
    ids=["a selector", "none", "nonsense"],
)
async def test_a_custom_resource_with_a_scale_is_scaled(selector: str, fault: str) -> None:
    measured = Traffic(0.0, 15.0, lambda _: (PortTraffic("", True, (EndpointTraffic("web", 45.0, 0),)),))
    async with FakeCluster(config=ControllerConfig(traffic=lambda: measured)).running() as cluster:
        cluster.registry.create(CUSTOM_RESOURCE_DEFINITIONS, crd(SIZED))
        await cluster.settle()
        (kind,) = CustomKinds(cluster.store).stored()
        created = cluster.registry.create(kind, {**tab({"size": 1}), "metadata": {"name": "a", "namespace": "default"}})
        cluster.registry.update_status(kind, {**created, "status": {"size": 1, "sel": selector}})
        cluster.registry.create(
            PODS, build_pod("web", metadata={"labels": {"app": "web"}}, containers=[{"name": "c", "image": "nginx"}])
        )
        cluster.registry.create(SERVICES, service("web"))
        await cluster.settle()
        reference = {"apiVersion": "example.com/v1", "kind": "Tab", "name": "a"}
        spec = {"scaleTargetRef": reference, "maxReplicas": 5, "metrics": [of_pods()]}
        cluster.registry.create(HORIZONTALPODAUTOSCALERS, build("HorizontalPodAutoscaler", "h", "default", spec=spec))
        await cluster.settle()
        assert cluster.store.list(kind)[0]["spec"]["size"] == (1 if fault else 3)
        assert fault in ["", *(each["message"] for each in cluster.store.list(EVENTS))]


OF_PODS = CustomAsked("default", "pods", "*", RATE, "", "app=web")
OF_SERVICE = CustomAsked("default", "services", "web", RATE)
OF_INGRESS = CustomAsked("default", "ingresses.networking.k8s.io", "web", RATE, "a=b")
OF_NAMESPACE = CustomAsked("default", "metrics", RATE, "")
INGRESS = of_object(value("40"), "Ingress", version="networking.k8s.io/v1", selector={"matchLabels": {"a": "b"}})


@pytest.mark.parametrize(
    ("metric", "asked", "values", "expected"),
    [
        (of_pods(), OF_PODS, (("a", 50_000), ("elsewhere", 9_000)), 3),
        (of_object(value("40")), OF_SERVICE, (("web", 80_000),), 2),
        (of_object(share("20")), OF_SERVICE, (("web", 60_000),), 3),
        (INGRESS, OF_INGRESS, (("web", 80_000),), 2),
        (of_object(value("40"), "Namespace", "any"), OF_NAMESPACE, (("default", 120_000),), 3),
    ],
    ids=["pods", "a Service", "a share", "an Ingress", "the namespace"],
)
def test_the_server_of_custom_metrics_is_asked_in_place_of_the_proxy(
    metric: JSON, asked: CustomAsked, values: tuple[tuple[str, int], ...], expected: int
) -> None:
    obj = autoscaler(metric)
    assert [*custom_metrics_of(obj, Observed(1, [], {}, NOW, "app=web", namespace="default"))] == [asked]
    served = {asked: CustomValues(values)}
    assert scaled_to(look(obj, {"a": 1.0}, is_measured=False, served=served)) == expected


ON_WEB = f"unable to get metric {RATE} on Service default/web: {CUSTOM}"


@pytest.mark.parametrize(
    ("metric", "served", "fault"),
    [
        (of_pods(), {OF_PODS: CustomValues(fault="no")}, f"unable to get metric {RATE}: {CUSTOM}: no"),
        (of_pods(), {OF_PODS: CustomValues()}, "no metrics returned from custom metrics API"),
        (of_object(value("40")), {OF_SERVICE: CustomValues(fault="no")}, f"{ON_WEB}: no"),
        (
            of_object(value("40")),
            {OF_SERVICE: CustomValues()},
            f"{ON_WEB}: the custom metrics API server returned 0 results when we asked for exactly one",
        ),
        (of_object(value("40"), "Toy"), {}, 'no matches for kind "Toy" in group ""'),
    ],
    ids=["pods", "none of pods", "a Service", "none of it", "an unknown kind"],
)
def test_what_the_server_of_custom_metrics_does_not_tell_is_told_of(
    metric: JSON, served: dict[CustomAsked, CustomValues], fault: str
) -> None:
    obj = autoscaler(metric)
    changes = look(obj, {"a": 50.0}, served=served)
    assert any(fault in each["message"] for each in status(changes)["conditions"])
    assert {*custom_metrics_of(obj, Observed(1, [], {}, NOW, "app=web", namespace="default"))} == served.keys()


def test_the_proxy_is_not_measured_for_metrics_that_a_server_has() -> None:
    class Serving(NoServers):
        def serves(self, group: str) -> bool:
            return group == "custom.metrics.k8s.io"

        def custom(self, asked: CustomAsked) -> CustomValues | None:
            return CustomValues((("web", 80_000),)) if asked == OF_SERVICE else None

    def measure() -> Traffic:
        raise AssertionError("nothing is to be measured")

    store = Store()
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {}}
    store.create(DEPLOYMENTS, build("Deployment", "web", "default", spec=spec, status={"replicas": 1}))
    store.create(PODS, pod("a") | {"metadata": {"name": "a", "namespace": "default", "labels": {"app": "web"}}})
    controller = HorizontalPodAutoscalerController(Listers(store), dict, measure, Serving())
    for metric, replicas in ((of_object(value("40")), 2), (of_pods(), None)):
        obj = autoscaler(metric)
        store.create(HORIZONTALPODAUTOSCALERS, obj)
        changes = controller.reconcile(key_of(obj), NOW)
        assert scaled_to(changes) == replicas
        assert replicas is not None or changes == [Requeue(ASKING_SECONDS)]
        store.delete(HORIZONTALPODAUTOSCALERS, "default", "web")

"""The pod that a workload's name means: the first in the order of kubectl's ByLogging."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import deployment, pod, service
from tests.helpers.kubesvc.ground import ground

from kubeapi.meta import JSON
from kubeapi.scheme import DEPLOYMENTS, PODS, SERVICES
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubesvc.why.podchoice import choose_pod


def store(*pods: JSON) -> Store:
    """Return a Store with pods of a Deployment and a Service of the name web."""
    registry = ground()
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod()["spec"]}
    registry.create(DEPLOYMENTS, deployment("web", selector={"matchLabels": {"app": "web"}}, template=template))
    registry.create(SERVICES, service("web", selector={"app": "web"}))
    registry.create(SERVICES, service("bare"))
    for each in pods:
        registry.store.create(PODS, each)
    return registry.store


def web(
    name: str, *, node: str = "n", phase: str = "Running", ready: str = "", restarts: int = 0, made: str = "09"
) -> JSON:
    condition: dict[str, Any] = {"type": "Ready", "status": "False"}
    if ready:
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": f"2026-01-01T00:00:{ready}Z"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": name,
            "labels": {"app": "web"},
            "creationTimestamp": f"2026-01-01T00:00:{made}Z",
        },
        "spec": {**pod()["spec"], "nodeName": node},
        "status": {
            "phase": phase,
            "conditions": [condition],
            "containerStatuses": [{"name": "app", "restartCount": restarts}],
        },
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(web("b", phase="Pending"), web("a", node="", phase="Pending"), id="on a node"),
        pytest.param(web("b"), web("a", phase="Pending"), id="running"),
        pytest.param(web("b", ready="30"), web("a", made="01"), id="ready"),
        pytest.param(web("b", ready="10"), web("a", ready="20", restarts=5), id="ready for longer"),
        pytest.param(web("b", restarts=2), web("a", restarts=1, made="01"), id="restarted more often"),
        pytest.param(web("b", made="01"), web("a", made="02"), id="older"),
    ],
)
@pytest.mark.parametrize("target", ["deployment/web", "deploy/web", "deployments.apps/web", "svc/web"])
def test_of_several_pods_the_first_in_kubectls_order_is_meant(first: JSON, second: JSON, target: str) -> None:
    for pods in ((first, second), (second, first)):
        assert choose_pod(store(*pods), "default", target) == (first["metadata"]["name"], 2)


@pytest.mark.parametrize("target", ["a", "pod/a", "po/a", "pods/a"])
def test_a_pod_is_itself_also_if_it_is_not_there(target: str) -> None:
    assert choose_pod(store(), "default", target) == ("a", 1)


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("deployment/api", 404, 'deployments.apps "api" not found'),
        ("svc/bare", 404, "service/bare has no pods in namespace default"),
        ("deployment/web", 404, "deployment/web has no pods in namespace default"),
        ("job/web", 400, "'job/web': write it as"),
        ("deployment/", 400, "'deployment/': write it as"),
    ],
)
def test_where_there_is_no_pod_it_is_said_why(target: str, code: int, said: str) -> None:
    with pytest.raises(StatusError) as caught:
        choose_pod(store(), "default", target)
    assert (caught.value.code, caught.value.message.startswith(said)) == (code, True)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import pod
from tests.helpers.kubesvc.ground import (
    POD_IP,
    add_deployment,
    add_pod,
    add_service,
    add_slice,
    ground,
    listener,
    waiting,
)

from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry import Registry
from kubeapi.scheme import PODS, REPLICASETS
from kubelet.pod.programs import RunningProgram
from kubesvc.why.readiness import services_without_endpoints, unsettled, waiting_for

NOW = 1_700_000_000.0

OTHERS = {"labels": {"service.kubernetes.io/service-proxy-name": "somebody"}}


def crashing(registry: Registry) -> None:
    add_pod(registry, is_ready=False, containerStatuses=waiting("CrashLoopBackOff"))


def terminating(registry: Registry) -> None:
    add_pod(registry, is_ready=False)
    registry.delete(PODS, "default", "web")


def lonely_replica_set(registry: Registry) -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod()["spec"]}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    registry.create(
        REPLICASETS, {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"}, "spec": spec}
    )


def observed(**status: int) -> Callable[[Registry], object]:
    return lambda registry: add_deployment(registry, status={"observedGeneration": 1, **status})


@pytest.mark.parametrize(
    ("fill", "reasons"),
    [
        pytest.param(lambda _: None, [], id="new-cluster"),
        pytest.param(
            add_deployment,
            ["Deployment default/web: 0 of 2 replicas available"],
            id="nobody-has-looked-at-the-deployment",
        ),
        pytest.param(
            observed(updatedReplicas=2, availableReplicas=1),
            ["Deployment default/web: 1 of 2 replicas available"],
            id="one-replica",
        ),
        pytest.param(
            observed(updatedReplicas=1, availableReplicas=2),
            ["Deployment default/web: 1 of 2 replicas updated"],
            id="old-replicas",
        ),
        pytest.param(observed(updatedReplicas=2, availableReplicas=2), [], id="all-replicas"),
        pytest.param(observed(updatedReplicas=3, availableReplicas=3), [], id="more-replicas"),
        pytest.param(
            lambda registry: add_deployment(registry, replicas=0, status={"observedGeneration": 1}),
            [],
            id="scaled-to-none",
        ),
        pytest.param(lonely_replica_set, ["ReplicaSet default/web: 0 of 3 replicas available"], id="replica-set"),
        pytest.param(add_pod, [], id="ready-pod"),
        pytest.param(crashing, ["Pod default/web: CrashLoopBackOff"], id="crashing-pod"),
        pytest.param(
            lambda registry: add_pod(registry, is_ready=False, phase="Succeeded"), [], id="pod-that-has-done-its-work"
        ),
        pytest.param(
            lambda registry: add_pod(registry, is_ready=False, phase="Failed", containerStatuses=[]),
            ["Pod default/web: Failed"],
            id="failed-pod",
        ),
        pytest.param(terminating, [], id="terminating-pod"),
    ],
)
def test_pods_and_workloads_are_waited_for(fill: Callable[[Registry], object], reasons: list[str]) -> None:
    registry = ground()
    fill(registry)
    assert waiting_for(registry.store, []) == reasons


def program(age: float, *ports: tuple[str, int], is_probed: bool = False) -> RunningProgram:
    return RunningProgram(ObjectKey("default", "web"), "app", 1, POD_IP, NOW - age, ports, is_probed)


def sandboxed(*ports: tuple[str, int]) -> RunningProgram:
    return program(0.1, *ports)._replace(is_sandboxed=True)


@pytest.mark.parametrize(
    ("given", "listening", "has_settled"),
    [
        pytest.param(program(0.9), (), False, id="young"),
        pytest.param(program(1.0), (), True, id="goes-on"),
        pytest.param(program(0.1, is_probed=True), (), True, id="a-probe-decides"),
        pytest.param(program(0.1, ("TCP", 80)), [(POD_IP, 80)], True, id="its-port-is-open"),
        pytest.param(program(0.1, ("TCP", 81), ("TCP", 80)), [(POD_IP, 80)], True, id="one-of-its-ports-is-open"),
        pytest.param(program(0.1, ("TCP", 80)), [(POD_IP, 81), ("127.250.9.9", 80)], False, id="other-ports"),
        pytest.param(program(0.1, ("TCP", 80)), [("0.0.0.0", 80)], False, id="maybe-another-pods"),
        pytest.param(program(0.1, ("UDP", 80)), [(POD_IP, 80)], False, id="udp"),
        pytest.param(sandboxed(("TCP", 80)), [("0.0.0.0", 80)], True, id="all-addresses-of-a-sandbox"),
        pytest.param(sandboxed(("TCP", 80)), [("0.0.0.0", 81)], False, id="another-port-of-a-sandbox"),
        pytest.param(program(1.0, ("TCP", 80)), (), True, id="declares-what-it-does-not-open"),
    ],
)
def test_a_program_without_probes_has_settled_when_its_port_is_open_or_after_a_moment(
    given: RunningProgram, listening: list[tuple[str, int]], has_settled: bool
) -> None:
    reasons = [] if has_settled else ["Pod default/web: container app has only just started"]
    assert unsettled([given], NOW, lambda _: listening) == reasons


def test_nobody_is_asked_what_is_open_where_it_does_not_matter() -> None:
    def ask(_pid: int) -> list[tuple[str, int]]:
        raise AssertionError

    assert unsettled([], NOW, ask) == []
    assert len(unsettled([program(0.1), program(9.0, ("TCP", 80))], NOW, ask)) == 1


def test_a_service_with_an_endpoint_is_waited_for_until_it_is_bound() -> None:
    registry = ground()
    add_service(registry)
    add_slice(registry)
    unbound = "Service default/web: its addresses are not bound yet"
    assert waiting_for(registry.store, []) == [unbound]
    assert waiting_for(registry.store, [listener(is_bound=False)]) == [unbound]
    assert waiting_for(registry.store, [listener(service="other")]) == [unbound]
    assert waiting_for(registry.store, [listener()]) == []


@pytest.mark.parametrize(
    ("metadata", "spec"),
    [
        pytest.param(None, {"clusterIP": "None"}, id="headless"),
        pytest.param(None, {"type": "ExternalName", "externalName": "a.b", "ports": []}, id="external-name"),
        pytest.param(OTHERS, {}, id="another-proxy"),
    ],
)
def test_a_service_that_nobody_binds_is_not_waited_for(metadata: JSON | None, spec: dict[str, Any]) -> None:
    registry = ground()
    add_service(registry, metadata=metadata, **spec)
    add_slice(registry)
    assert waiting_for(registry.store, []) == []


def test_a_service_without_a_ready_endpoint_is_not_waited_for() -> None:
    registry = ground()
    add_service(registry)
    assert waiting_for(registry.store, [listener(is_bound=False)]) == []
    add_slice(registry, is_ready=False)
    assert waiting_for(registry.store, [listener(is_bound=False)]) == []


NUMBERED: JSON = {"name": "http", "port": 80, "protocol": "TCP"}


@pytest.mark.parametrize(
    "ports",
    [[], [NUMBERED], [{"name": "", "protocol": "TCP"}, NUMBERED], [{"name": "", "port": 80, "protocol": "UDP"}]],
    ids=["none", "another name", "no number", "another protocol"],
)
def test_a_service_whose_endpoints_lack_its_port_is_not_waited_for_but_leads_nowhere(ports: list[JSON]) -> None:
    registry = ground()
    add_service(registry)
    add_slice(registry, ports=ports)
    assert waiting_for(registry.store, []) == []
    assert ObjectKey("default", "web") in services_without_endpoints(registry.store, [])


def test_the_services_that_lead_nowhere_are_found() -> None:
    registry = ground()
    for name in ("works", "unready", "portless", "empty"):
        add_service(registry, name)
    add_service(registry, "others", metadata=OTHERS)
    add_service(registry, "out", type="ExternalName", externalName="a.b", ports=[])
    add_service(registry, "headless", clusterIP="None", ports=[])
    add_slice(registry, "works")
    add_slice(registry, "unready", is_ready=False)
    add_slice(registry, "portless", ports=[])
    add_slice(registry, "headless", ports=[])
    found = {each.name for each in services_without_endpoints(registry.store, [])}
    assert found == {"unready", "portless", "empty", "kubernetes"}
    found = {each.name for each in services_without_endpoints(registry.store, [listener(service="empty")])}
    assert found == {"unready", "portless", "kubernetes"}


def test_an_address_that_somebody_else_has_is_a_reason() -> None:
    registry = ground()
    add_service(registry)
    add_slice(registry)
    taken = listener("127.171.0.101", 30001, "nodePort", is_bound=False, error="127.171.0.101:30001 is taken")
    reasons = ["Service default/web: 127.171.0.101:30001 is taken"]
    assert waiting_for(registry.store, [listener(), taken]) == reasons
    assert waiting_for(registry.store, [taken]) == reasons


def test_sctp_is_no_reason_as_a_kernel_may_lack_it() -> None:
    registry = ground()
    add_service(registry)
    add_slice(registry)
    assert waiting_for(registry.store, [listener(protocol="SCTP", is_bound=False, error="not supported")]) == []


def test_an_ipv6_address_is_no_reason_as_a_machine_may_lack_it() -> None:
    registry = ground()
    add_service(registry)
    add_slice(registry)
    missing = listener("fd00:10:96::7", is_bound=False, error="not an address of this machine")
    assert waiting_for(registry.store, [listener(), missing]) == []
    assert waiting_for(registry.store, [missing]) == []
    assert waiting_for(registry.store, [missing._replace(error="")]) == [
        "Service default/web: its addresses are not bound yet"
    ]


def test_services_are_no_reason_while_their_pods_are() -> None:
    registry = ground()
    add_service(registry)
    add_slice(registry)
    crashing(registry)
    assert waiting_for(registry.store, []) == ["Pod default/web: CrashLoopBackOff"]

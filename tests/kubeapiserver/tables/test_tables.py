"""The cells of every kind, as `kubectl get -o wide` prints them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import EPOCH, EPOCH_TEXT

from kubeapi.kinds import RESOURCES
from kubeapi.meta import JSON
from kubeapi.scheme import (
    CONFIGMAPS,
    CRONJOBS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    EVENTS,
    HORIZONTALPODAUTOSCALERS,
    INGRESSCLASSES,
    INGRESSES,
    JOBS,
    NAMESPACES,
    NODES,
    PODDISRUPTIONBUDGETS,
    PODS,
    PODTEMPLATES,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    SERVICES,
    Resource,
)
from kubeapiserver.catalog import SCALES
from kubeapiserver.tables import table_for

NONE = "<none>"
LATER = "2023-11-14T22:13:50Z"
"""30 seconds after the epoch of these tests."""


def cells(resource: Resource, **fields: Any) -> list[Any]:
    """Return an object's cells, 60 seconds after it was created."""
    obj = {**fields, "metadata": {"name": "x", "creationTimestamp": EPOCH_TEXT, **fields.get("metadata", {})}}
    found: list[Any] = table_for(resource).row(obj, EPOCH + 60)["cells"]
    return found


@pytest.mark.parametrize(
    ("resource", "columns"),
    [
        (SERVICES, "Name Type Cluster-IP External-IP Port(s) Age Selector*"),
        (PODS, "Name Ready Status Restarts Age IP* Node* Nominated Node* Readiness Gates*"),
        (DEPLOYMENTS, "Name Ready Up-to-date Available Age Containers* Images* Selector*"),
        (REPLICASETS, "Name Desired Current Ready Age Containers* Images* Selector*"),
        (REPLICATIONCONTROLLERS, "Name Desired Current Ready Age Containers* Images* Selector*"),
        (PODTEMPLATES, "Name Containers Images Pod Labels"),
        (JOBS, "Name Status Completions Duration Age Containers* Images* Selector*"),
        (CRONJOBS, "Name Schedule Timezone Suspend Active Last Schedule Age Containers* Images* Selector*"),
        (PODDISRUPTIONBUDGETS, "Name Min Available Max Unavailable Allowed Disruptions Age"),
        (HORIZONTALPODAUTOSCALERS, "Name Reference Targets MinPods MaxPods Replicas Age"),
        (ENDPOINTS, "Name Endpoints Age"),
        (ENDPOINTSLICES, "Name AddressType Ports Endpoints Age"),
        (NODES, "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*"),
        (NAMESPACES, "Name Status Age"),
        (EVENTS, "Last Seen Type Reason Object Subobject* Source* Message First Seen* Count* Name*"),
        (CONFIGMAPS, "Name Data Age"),
        (INGRESSES, "Name Class Hosts Address Ports Age"),
        (INGRESSCLASSES, "Name Controller Parameters Age"),
        (SCALES, "Name Desired Available Age"),
        (Resource("Thing", "things", "example.com", "v1", True), "Name Age"),
    ],
    ids=lambda each: each.plural if isinstance(each, Resource) else "",
)
def test_every_kind_has_the_real_columns(resource: Resource, columns: str) -> None:
    table = table_for(resource)
    assert " ".join(f"{each.name}{'*' * each.priority}" for each in table.columns) == columns
    assert [each.name for each in table.columns if each.format == "name"] == ["Name"]


def test_counts_are_integers() -> None:
    integers = {
        each: " ".join(column.name for column in table_for(each).columns if column.type == "integer")
        for each in RESOURCES
    }
    assert {each.plural: names for each, names in integers.items() if names} == {
        "replicasets": "Desired Current Ready",
        "replicationcontrollers": "Desired Current Ready",
        "daemonsets": "Desired Current Ready Up-to-date Available",
        "cronjobs": "Active",
        "poddisruptionbudgets": "Allowed Disruptions",
        "priorityclasses": "Value",
        "validatingwebhookconfigurations": "Webhooks",
        "mutatingwebhookconfigurations": "Webhooks",
        "validatingadmissionpolicies": "Validations",
        "mutatingadmissionpolicies": "Mutations",
        "csinodes": "Drivers",
        "events": "Count",
    }


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.plural)
def test_an_object_that_says_nothing_has_a_cell_for_every_column(resource: Resource) -> None:
    assert len(cells(resource)) == len(table_for(resource).columns)


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        pytest.param(
            {"type": "ClusterIP", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80, "protocol": "TCP"}]},
            {},
            ["ClusterIP", "10.0.0.1", NONE, "80/TCP", NONE],
            id="cluster-ip",
        ),
        pytest.param(
            {"type": "ClusterIP", "clusterIPs": ["None"], "selector": {"b": "2", "a": "1"}},
            {},
            ["ClusterIP", "None", NONE, NONE, "a=1,b=2"],
            id="headless",
        ),
        pytest.param(
            {"type": "ExternalName", "externalName": "example.com"},
            {},
            ["ExternalName", NONE, "example.com", NONE, NONE],
            id="external-name",
        ),
        pytest.param(
            {
                "type": "NodePort",
                "clusterIPs": ["10.0.0.1"],
                "externalIPs": ["1.1.1.1", "1.1.1.2"],
                "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
            },
            {},
            ["NodePort", "10.0.0.1", "1.1.1.1,1.1.1.2", "80:30080/TCP,53/UDP", NONE],
            id="node-port",
        ),
        pytest.param(
            {"type": "LoadBalancer", "clusterIPs": ["10.0.0.1"]},
            {"loadBalancer": {}},
            ["LoadBalancer", "10.0.0.1", "<pending>", NONE, NONE],
            id="pending",
        ),
        pytest.param(
            {"type": "LoadBalancer", "clusterIPs": ["10.0.0.1"], "externalIPs": ["1.1.1.1"]},
            {"loadBalancer": {"ingress": [{"ip": "9.9.9.9"}, {"hostname": "a.b"}, {"ip": "9.9.9.9"}]}},
            ["LoadBalancer", "10.0.0.1", "9.9.9.9,a.b,1.1.1.1", NONE, NONE],
            id="load-balancer",
        ),
    ],
)
def test_a_service_shows_type_addresses_ports_and_selector(spec: JSON, status: JSON, expected: list[str]) -> None:
    row = cells(SERVICES, spec=spec, status=status)
    assert [*row[1:5], row[6]] == expected
    assert (row[0], row[5]) == ("x", "60s")


def waiting(reason: str) -> JSON:
    return {"state": {"waiting": {"reason": reason}}}


def ended(code: int, **fields: Any) -> JSON:
    return {"state": {"terminated": {"exitCode": code, **fields}}}


RUNNING = {"state": {"running": {}}, "ready": True}
UNREADY = {"state": {"running": {}}, "ready": False}
RESTARTED = {**RUNNING, "restartCount": 3, "lastState": {"terminated": {"exitCode": 1, "finishedAt": LATER}}}
ONE = {"containers": [{"name": "a"}]}
TWO = {"containers": [{"name": "a"}, {"name": "b"}]}
WITH_INIT = {**ONE, "initContainers": [{"name": "i"}, {"name": "j"}]}
WITH_SIDECAR = {**ONE, "initContainers": [{"name": "i", "restartPolicy": "Always"}]}
INITIALIZED = {"conditions": [{"type": "Initialized", "status": "True"}]}


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        pytest.param(ONE, {"phase": "Pending"}, ["0/1", "Pending", "0"], id="pending"),
        pytest.param(ONE, {"phase": "Running", "containerStatuses": [RUNNING]}, ["1/1", "Running", "0"], id="running"),
        pytest.param(ONE, {"phase": "Running", "containerStatuses": [UNREADY]}, ["0/1", "Running", "0"], id="unready"),
        pytest.param(
            ONE,
            {"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]},
            ["0/1", "ContainerCreating", "0"],
            id="creating",
        ),
        pytest.param(
            ONE,
            {"phase": "Running", "containerStatuses": [RESTARTED]},
            ["1/1", "Running", "3 (30s ago)"],
            id="restarted",
        ),
        pytest.param(
            TWO,
            {"phase": "Running", "containerStatuses": [waiting("CrashLoopBackOff"), RUNNING]},
            ["1/2", "CrashLoopBackOff", "0"],
            id="crash-loop",
        ),
        pytest.param(
            ONE, {"phase": "Failed", "containerStatuses": [ended(1, reason="Error")]}, ["0/1", "Error", "0"], id="error"
        ),
        pytest.param(
            ONE, {"phase": "Failed", "containerStatuses": [ended(3)]}, ["0/1", "ExitCode:3", "0"], id="exit-code"
        ),
        pytest.param(
            ONE, {"phase": "Failed", "containerStatuses": [ended(137, signal=9)]}, ["0/1", "Signal:9", "0"], id="signal"
        ),
        pytest.param(ONE, {"phase": "Failed", "reason": "Evicted"}, ["0/1", "Evicted", "0"], id="evicted"),
        pytest.param(
            ONE,
            {"phase": "Succeeded", "containerStatuses": [ended(0, reason="Completed")]},
            ["0/1", "Completed", "0"],
            id="completed",
        ),
        pytest.param(
            TWO,
            {"phase": "Running", "containerStatuses": [ended(0, reason="Completed"), RUNNING]},
            ["1/2", "NotReady", "0"],
            id="half-completed",
        ),
        pytest.param(
            TWO,
            {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [ended(0, reason="Completed"), RUNNING],
            },
            ["1/2", "Running", "0"],
            id="half-completed-but-ready",
        ),
        pytest.param(
            WITH_INIT,
            {"phase": "Pending", "initContainerStatuses": [{"state": {"running": {}}}, waiting("PodInitializing")]},
            ["0/1", "Init:0/2", "0"],
            id="init",
        ),
        pytest.param(
            WITH_INIT,
            {"phase": "Pending", "initContainerStatuses": [ended(0), waiting("PodInitializing")]},
            ["0/1", "Init:1/2", "0"],
            id="second-init",
        ),
        pytest.param(
            WITH_INIT,
            {"phase": "Pending", "initContainerStatuses": [{**ended(1, reason="Error"), "restartCount": 2}]},
            ["0/1", "Init:Error", "2"],
            id="init-error",
        ),
        pytest.param(
            WITH_INIT,
            {"phase": "Pending", "initContainerStatuses": [waiting("CrashLoopBackOff")]},
            ["0/1", "Init:CrashLoopBackOff", "0"],
            id="init-crash-loop",
        ),
        pytest.param(
            WITH_INIT,
            {"phase": "Running", "initContainerStatuses": [{**ended(0), "restartCount": 2}, ended(0)], **INITIALIZED}
            | {"containerStatuses": [RUNNING]},
            ["1/1", "Running", "0"],
            id="restarts-of-init-are-forgotten",
        ),
        pytest.param(
            WITH_SIDECAR,
            {
                "phase": "Running",
                "initContainerStatuses": [{**RESTARTED, "name": "i", "started": True}],
                "containerStatuses": [RUNNING],
            },
            ["2/2", "Running", "3 (30s ago)"],
            id="sidecar",
        ),
        pytest.param(
            ONE,
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]},
            ["0/1", "SchedulingGated", "0"],
            id="gated",
        ),
    ],
)
def test_a_pod_shows_readiness_status_and_restarts(spec: JSON, status: JSON, expected: list[str]) -> None:
    assert cells(PODS, spec=spec, status=status)[1:4] == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Running"}, "Terminating"),
        ({"phase": "Succeeded"}, "Succeeded"),
        ({"phase": "Running", "reason": "NodeLost"}, "Unknown"),
    ],
)
def test_a_pod_that_is_deleted_is_terminating_unless_it_is_over(status: JSON, expected: str) -> None:
    row = cells(PODS, metadata={"deletionTimestamp": LATER}, spec=ONE, status=status)
    assert row[2] == expected


def test_where_a_pod_is() -> None:
    gates = [{"conditionType": "a"}, {"conditionType": "b"}]
    status = {
        "podIP": "10.1.0.9",
        "podIPs": [{"ip": "10.1.0.1"}],
        "nominatedNodeName": "n2",
        "conditions": [{"type": "a", "status": "True"}],
    }
    row = cells(PODS, spec={**ONE, "nodeName": "n1", "readinessGates": gates}, status=status)
    assert row[5:] == ["10.1.0.1", "n1", "n2", "1/2"]
    assert cells(PODS, spec=ONE)[5:] == [NONE] * 4


@pytest.mark.parametrize(("phase", "reasons"), [("Running", []), ("Succeeded", ["Succeeded"]), ("Failed", ["Failed"])])
def test_the_row_of_a_pod_that_is_over_says_so(phase: str, reasons: list[str]) -> None:
    conditions = (
        table_for(PODS).row({"metadata": {"name": "x"}, "status": {"phase": phase}}, EPOCH).get("conditions", [])
    )
    assert [(each["type"], each["reason"]) for each in conditions] == [("Completed", each) for each in reasons]


TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "nginx"}, {"name": "b", "image": "redis:7"}]}}


def test_a_deployment_shows_its_counts_containers_and_selector() -> None:
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}
    status = {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}
    row = cells(DEPLOYMENTS, spec=spec, status=status)
    assert row == ["x", "2/3", 3, 1, "60s", "a,b", "nginx,redis:7", "app=x"]


def test_a_replica_set_shows_its_counts_containers_and_selector() -> None:
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}
    row = cells(REPLICASETS, spec=spec, status={"replicas": 2, "readyReplicas": 1})
    assert row == ["x", 3, 2, 1, "60s", "a,b", "nginx,redis:7", "app=x"]


def addresses(*ips: str) -> list[JSON]:
    return [{"ip": each} for each in ips]


@pytest.mark.parametrize(
    ("subsets", "expected"),
    [
        pytest.param([], NONE, id="none"),
        pytest.param(
            [{"addresses": addresses("1.1.1.1", "::1"), "ports": [{"port": 80}]}], "1.1.1.1:80,[::1]:80", id="two"
        ),
        pytest.param(
            [{"addresses": addresses("1.1.1.1", "1.1.1.2"), "ports": [{"port": 80}, {"port": 81}]}],
            "1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 1 more...",
            id="four",
        ),
        pytest.param([{"addresses": addresses("1.1.1.1")}], "1.1.1.1", id="portless"),
        pytest.param([{"notReadyAddresses": addresses("1.1.1.1"), "ports": [{"port": 80}]}], "", id="unready"),
    ],
)
def test_endpoints_show_three_addresses_and_how_many_more(subsets: list[JSON], expected: str) -> None:
    assert cells(ENDPOINTS, subsets=subsets) == ["x", expected, "60s"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, ["", "<unset>", "<unset>"], id="empty"),
        pytest.param(
            {
                "addressType": "IPv4",
                "ports": [{"port": 80}, {"name": "http"}, {}, {"port": 90}],
                "endpoints": [{"addresses": [f"1.1.1.{n}"]} for n in range(5)],
            },
            ["IPv4", "80,http,* + 1 more...", "1.1.1.0,1.1.1.1,1.1.1.2 + 2 more..."],
            id="many",
        ),
    ],
)
def test_an_endpoint_slice_shows_family_ports_and_addresses(fields: JSON, expected: list[str]) -> None:
    assert cells(ENDPOINTSLICES, **fields)[1:4] == expected


def ready(status: str) -> JSON:
    return {"conditions": [{"type": "Ready", "status": status}]}


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, ready("True"), "Ready"),
        ({}, ready("False"), "NotReady"),
        ({}, ready("Unknown"), "NotReady"),
        ({}, {}, "Unknown"),
        ({"unschedulable": True}, ready("True"), "Ready,SchedulingDisabled"),
    ],
)
def test_the_status_of_nodes(spec: JSON, status: JSON, expected: str) -> None:
    assert cells(NODES, spec=spec, status=status)[1] == expected


def test_a_node_shows_roles_addresses_and_versions() -> None:
    labels = {
        "node-role.kubernetes.io/worker": "",
        "node-role.kubernetes.io/control-plane": "",
        "kubernetes.io/role": "z",
    }
    status = {
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
        "nodeInfo": {"kubeletVersion": "v1", "osImage": "Debian", "kernelVersion": "6"},
    }
    row = cells(NODES, metadata={"labels": labels}, status=status)
    assert row[2:] == ["control-plane,worker,z", "60s", "v1", "10.0.0.1", NONE, "Debian", "6", "<unknown>"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"firstTimestamp": EPOCH_TEXT, "lastTimestamp": LATER, "count": 4},
            ["30s", "60s", 4],
            id="counted",
        ),
        pytest.param({"eventTime": "2023-11-14T22:13:50.000000Z"}, ["30s", "30s", 1], id="single"),
        pytest.param(
            {"eventTime": EPOCH_TEXT, "series": {"count": 7, "lastObservedTime": LATER}}, ["30s", "60s", 7], id="series"
        ),
        pytest.param({}, ["<unknown>", "<unknown>", 1], id="timeless"),
    ],
)
def test_when_events_happened(fields: JSON, expected: list[Any]) -> None:
    row = cells(EVENTS, **fields)
    assert [row[0], row[7], row[8]] == expected


def test_an_event_shows_its_object_source_and_message() -> None:
    row = cells(
        EVENTS,
        involvedObject={"kind": "Pod", "name": "p", "fieldPath": "spec.containers{a}"},
        type="Normal",
        reason="Started",
        message=" Started container a\n",
        source={"component": "kubelet", "host": "n1"},
    )
    assert row[1:7] == ["Normal", "Started", "pod/p", "spec.containers{a}", "kubelet, n1", "Started container a"]
    assert row[9] == "x"


def test_a_scale_shows_wanted_and_present_replicas() -> None:
    assert cells(SCALES, spec={"replicas": 3}, status={"replicas": 2}) == ["x", 3, 2, "60s"]
    assert cells(SCALES, spec={}, status={"replicas": 0}) == ["x", 0, 0, "60s"]


def test_a_config_map_shows_how_much_it_has_and_a_namespace_its_phase() -> None:
    assert cells(CONFIGMAPS, data={"a": "1"}, binaryData={"b": ""}) == ["x", 2, "60s"]
    assert cells(NAMESPACES, status={"phase": "Active"}) == ["x", "Active", "60s"]


@pytest.mark.parametrize(
    ("hosts", "text"),
    [
        ([], "*"),
        (["", ""], "*"),
        (["a", "", "b"], "a,b"),
        (["a", "b", "c"], "a,b,c"),
        (["a", "b", "c", ""], "a,b,c + 1 more..."),
        (["a", "", "b", "c", "d"], "a,b,c + 2 more..."),
    ],
)
def test_an_ingress_shows_its_first_hosts(hosts: list[str], text: str) -> None:
    spec = {"rules": [{"host": each} if each else {} for each in hosts], "tls": [{}], "ingressClassName": "kubesvc"}
    status = {"loadBalancer": {"ingress": [{"ip": "127.0.113.254"}]}}
    shown = cells(INGRESSES, spec=spec, status=status)
    assert shown == ["x", "kubesvc", text, "127.0.113.254", "80, 443", "60s"]


def test_an_ingress_class_shows_its_controller_and_parameters() -> None:
    metadata = {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}
    spec = {"controller": "a/b", "parameters": {"apiGroup": "g", "kind": "K", "name": "n"}}
    assert cells(INGRESSCLASSES, spec=spec, metadata=metadata) == ["x (default)", "a/b", "K.g/n", "60s"]

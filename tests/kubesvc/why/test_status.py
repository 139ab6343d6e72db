from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.helpers.cluster.cli import find
from tests.helpers.kubesvc.ground import (
    POD_IP,
    add_node,
    add_pod,
    add_service,
    add_slice,
    document,
    ground,
    listener,
    waiting,
)

from kubeapi.events import EventRecorder
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import EVENTS, INGRESSES, PODS, SERVICES, Resource
from kubeproxy.types import ServicePortName, ingress_rules_key
from kubesvc.why import status as snapshot
from kubesvc.why.status import RECENT_WARNINGS, DNSAddress


def test_a_new_cluster_shows_the_services_that_every_cluster_has() -> None:
    shown = document(ground())
    assert [(each["namespace"], each["name"], each["clusterIP"]) for each in shown["services"]] == [
        ("default", "kubernetes", "127.113.0.1"),
        ("kube-system", "kube-dns", "127.113.0.10"),
    ]
    assert (shown["name"], shown["pid"], shown["version"], shown["ready"]) == ("shop", 42, "1.0", True)


def test_a_service_is_shown_with_everything_about_it() -> None:
    registry = ground()
    ports = [{"name": "http", "port": 80, "targetPort": "web", "nodePort": 30001, "appProtocol": "http"}]
    add_service(registry, clusterIP="127.113.0.2", type="NodePort", ports=ports)
    add_slice(registry)
    shown = document(
        registry,
        listener("127.171.0.101", 30001, "nodePort", port_name="http"),
        listener(port_name="http", bound_port=10080),
    )
    assert find(shown["services"], name="web") == {
        "namespace": "default",
        "name": "web",
        "type": "NodePort",
        "clusterIP": "127.113.0.2",
        "clusterIPs": ["127.113.0.2"],
        "externalName": "",
        "dnsName": "web.default.svc.cluster.local",
        "proxyName": "",
        "ports": [
            {
                "name": "http",
                "port": 80,
                "protocol": "TCP",
                "appProtocol": "http",
                "targetPort": "web",
                "nodePort": 30001,
            }
        ],
        "listeners": [
            {
                "address": "127.113.0.2",
                "clusterAddress": "127.113.0.2",
                "port": 10080,
                "servicePort": 80,
                "portName": "http",
                "protocol": "TCP",
                "kind": "clusterIP",
                "nodePort": False,
                "target": "web",
                "bound": True,
                "error": "",
            },
            {
                "address": "127.171.0.101",
                "clusterAddress": "127.171.0.101",
                "port": 30001,
                "servicePort": 30001,
                "portName": "http",
                "protocol": "TCP",
                "kind": "nodePort",
                "nodePort": True,
                "target": "web",
                "bound": True,
                "error": "",
            },
        ],
        "endpoints": [
            {
                "pod": "web",
                "address": POD_IP,
                "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
                "ready": True,
                "serving": True,
                "terminating": False,
                "node": "node-1",
                "hostname": "",
                "weight": 1,
            }
        ],
        "notCarried": [],
    }


def test_a_pod_is_shown_with_its_processes() -> None:
    registry = ground()
    add_pod(registry)
    shown = document(registry, pids={ObjectKey("default", "web"): {"app": 7}})
    assert shown["pods"] == [
        {
            "namespace": "default",
            "name": "web",
            "phase": "Running",
            "status": "Running",
            "ready": True,
            "readyContainers": 1,
            "totalContainers": 1,
            "podIP": POD_IP,
            "podIPs": [POD_IP],
            "node": "node-1",
            "pid": 7,
            "restarts": 2,
            "containers": [{"name": "app", "image": "nginx:1.27", "pid": 7, "ready": True, "restarts": 2}],
        }
    ]


def test_a_pod_that_nobody_has_started_has_no_pid_and_no_address() -> None:
    registry = ground()
    add_pod(registry, is_ready=False, phase="Pending", podIP="", podIPs=[], containerStatuses=[])
    [shown] = document(registry)["pods"]
    assert (shown["phase"], shown["pid"], shown["podIP"], shown["containers"]) == ("Pending", None, "", [])


def test_an_external_name_has_no_cluster_ip() -> None:
    registry = ground()
    add_service(registry, type="ExternalName", externalName="k8s.service.com", ports=[])
    shown = find(document(registry)["services"], name="web")
    assert (shown["clusterIP"], shown["externalName"], shown["ports"]) == ("", "k8s.service.com", [])


def test_a_headless_service_says_none() -> None:
    registry = ground()
    add_service(registry, clusterIP="None")
    assert find(document(registry)["services"], name="web")["clusterIP"] == "None"


def test_a_service_that_another_serves_names_who() -> None:
    assert find(document(ground())["services"], name="kube-dns")["proxyName"] == "kubedns"


def test_nodes_dns_and_what_is_missing_are_shown() -> None:
    registry = ground()
    add_node(registry, "node-2", "127.171.0.102")
    add_node(registry)
    shown = document(
        registry,
        dns=[DNSAddress("127.113.0.10", 10053, ""), DNSAddress("127.0.0.1", 10053, "taken")],
        waiting_for=["Pod default/a: Pending"],
        problems=["no metrics"],
    )
    assert shown["nodes"] == [
        {"name": "node-1", "addresses": ["127.171.0.101"]},
        {"name": "node-2", "addresses": ["127.171.0.102"]},
    ]
    assert shown["dns"] == {
        "zone": "cluster.local",
        "addresses": [
            {"address": "127.113.0.10", "port": 10053, "protocols": ["UDP", "TCP"], "error": ""},
            {"address": "127.0.0.1", "port": 10053, "protocols": ["UDP", "TCP"], "error": "taken"},
        ],
    }
    assert (shown["ready"], shown["waitingFor"], shown["problems"]) == (
        False,
        ["Pod default/a: Pending"],
        ["no metrics"],
    )


def test_only_the_last_warnings_are_shown_the_newest_last() -> None:
    registry = ground()
    about = add_service(registry)
    recorder = EventRecorder(registry, "test", clock=iter(range(1_700_000_000, 1_800_000_000)).__next__)
    recorder.event(about, "Normal", "Fine", "nothing to see")
    for number in range(RECENT_WARNINGS + 2):
        recorder.event(about, "Warning", "Odd", f"number {number}")
    recorder.event(about, "Warning", "Odd", "number 5")
    shown = document(registry)["warnings"]
    assert [each["message"] for each in shown] == [
        *(f"number {number}" for number in range(2, RECENT_WARNINGS + 2) if number != 5),
        "number 5",
    ]
    assert {"object": "service/web", "namespace": "default", "reason": "Odd", "count": 2}.items() <= shown[-1].items()


def test_a_pod_whose_init_container_fails_is_shown_as_kubectl_shows_it() -> None:
    registry = ground()
    starting = [{**each, "restartCount": 0} for each in waiting("PodInitializing")]
    add_pod(registry, is_ready=False, phase="Pending", containerStatuses=starting)
    stored = registry.store.get(PODS, "default", "web")
    crashing = [{**each, "name": "first", "restartCount": 4} for each in waiting("CrashLoopBackOff")]
    registry.update_status(PODS, {**stored, "status": {**stored["status"], "initContainerStatuses": crashing}})
    [shown] = document(registry)["pods"]
    assert (shown["status"], shown["restarts"]) == ("Init:CrashLoopBackOff", 4)
    assert (shown["readyContainers"], shown["totalContainers"], shown["ready"]) == (0, 1, False)


@pytest.mark.usefixtures("wanted_failures")
def test_objects_that_cannot_be_read_are_left_out_and_told_of() -> None:
    registry = ground()
    add_service(registry)
    parts: dict[Resource, JSON] = {PODS: {"status": {"containerStatuses": [{}]}}, SERVICES: {"spec": {"ports": [{}]}}}
    for resource, part in parts.items():
        meta = {"metadata": {"name": "bad", "namespace": "default"}}
        registry.store.create(resource, {"kind": resource.kind, "spec": {}, **meta, **part})
    shown = document(registry)
    assert {each["name"] for each in shown["services"]} == {"kubernetes", "kube-dns", "web"}
    assert shown["pods"] == []
    told = {str(each).partition(": ")[0] for each in registry.store.failures.all()}
    assert told >= {f"kubesvc (status) goes on without {kind} default/bad" for kind in ("Pod", "Service")}


def test_a_warning_about_nothing_is_shown() -> None:
    registry = ground()
    registry.create(EVENTS, {"metadata": {"name": "e", "namespace": "default"}, "type": "Warning"})
    (shown,) = document(registry)["warnings"]
    assert (shown["object"], shown["namespace"]) == ("/", "")


def ingress(*hosts: str) -> JSON:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rules = [{"host": each} for each in hosts]
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": {"defaultBackend": backend, "rules": rules}}


def test_an_ingress_is_shown_with_its_hosts_and_where_it_answers() -> None:
    registry = ground()
    made = registry.create(INGRESSES, ingress("a.example", "b.example"))
    address = "127.0.113.254"
    registry.update_status(INGRESSES, {**made, "status": {"loadBalancer": {"ingress": [{"ip": address}]}}})
    key = ingress_rules_key(address)
    port_name = ServicePortName(key.namespace, key.name, "http", "TCP")
    at = listener()._replace(address=address, requested_port=80, port_name=port_name)
    (shown,) = document(registry, at)["ingresses"]
    assert (shown["hosts"], [each["servicePort"] for each in shown["listeners"]]) == (["a.example", "b.example"], [80])


def keys_of(value: Any) -> set[str]:
    """Return every key of a document."""
    if isinstance(value, list):
        return {key for each in value for key in keys_of(each)}
    if isinstance(value, dict):
        return {*value, *(key for each in value.values() for key in keys_of(each))}
    return set()


def test_every_key_is_documented_and_every_documented_key_is_there() -> None:
    registry = ground()
    add_node(registry)
    add_pod(registry)
    about = add_service(registry)
    add_slice(registry)
    registry.create(INGRESSES, ingress())
    EventRecorder(registry, "test", clock=lambda: 1_700_000_000.0).event(about, "Warning", "Odd", "x")
    shown = document(registry, listener())
    assert snapshot.__doc__ is not None
    lines = [line.strip() for line in snapshot.__doc__.splitlines() if line.startswith("    ")]
    documented = {key for line in lines for key in re.split(r"[.,]\s?", line.partition("  ")[0])}
    assert keys_of(shown) == documented
    assert json.loads(json.dumps(shown)) == shown

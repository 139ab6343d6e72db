from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubesvc.ground import add_pod, add_service, add_slice, document, ground, listener, waiting

from kubeapi.events import EventRecorder
from kubeapi.meta import JSON, ObjectKey
from kubesvc.terminal.text.printers import (
    WIDTH,
    exact_lines,
    moved_ports,
    pod_table,
    service_table,
    status_text,
    try_lines,
)
from kubesvc.terminal.text.tables import ingress_tables, table
from kubesvc.why.status import DNSAddress

NODES = ("127.0.0.1", "127.171.0.101", "127.171.0.102")


def shop() -> dict[str, Any]:
    """Return the document of a cluster with a Service of every kind."""
    registry = ground()
    add_service(registry, clusterIP="127.113.0.2", type="NodePort", ports=[{"port": 80, "nodePort": 30001}])
    add_slice(registry)
    add_service(registry, "api", clusterIP="127.113.0.3", ports=[{"name": "db", "port": 5432}])
    add_service(registry, "lb", clusterIP="127.113.0.4", type="LoadBalancer", ports=[{"port": 80, "nodePort": 30002}])
    add_service(registry, "none", clusterIP="None")
    add_service(registry, "out", type="ExternalName", externalName="k8s.service.com", ports=[])
    add_pod(registry)
    return document(
        registry,
        listener("127.113.0.2"),
        *(listener(node, 30001, "nodePort") for node in NODES),
        listener("127.113.0.3", 5432, service="api", port_name="db"),
        listener("127.1.113.1", 80, "loadBalancer", service="lb"),
        listener("127.113.0.4", service="lb", is_bound=False),
        pids={ObjectKey("default", "web"): {"app": 7}},
    )


def test_a_table_is_laid_out_as_kubectl_does() -> None:
    assert table(["NAME", "AGE", "X"], [["a", "10s", "x y"], ["longer", "", "z"]]).splitlines() == [
        "NAME     AGE   X",
        "a        10s   x y",
        "longer         z",
    ]


def test_the_table_of_services() -> None:
    assert service_table(shop()).splitlines() == [
        "NAMESPACE     NAME         TYPE           ADDRESSES                 PORT(S)         ENDPOINTS",
        "default       api          ClusterIP      127.113.0.3               5432/TCP        0/0",
        "default       kubernetes   ClusterIP      127.113.0.1               443/TCP         <none>",
        "default       lb           LoadBalancer   127.113.0.4,127.1.113.1   80:30002/TCP    0/0",
        "default       none         ClusterIP      None                      80/TCP          0/0",
        "default       out          ExternalName   k8s.service.com           <none>          <none>",
        "default       web          NodePort       127.113.0.2               80:30001/TCP    1/1",
        "kube-system   kube-dns     ClusterIP      127.113.0.10              53/UDP,53/TCP   <none>",
    ]


@pytest.mark.parametrize(
    ("name", "ports", "row"),
    [
        pytest.param("n" * 9, 2, "127.113.0.9,127.1.1.1 1000/TCP,1001/TCP", id="all of it"),
        pytest.param("n" * 20, 2, "127.113.0.9,+1 1000/TCP,1001/TCP", id="one address"),
        pytest.param("n" * 20, 9, "127.113.0.9,+1 1000/TCP,+8", id="one address and one port"),
    ],
)
def test_a_table_that_is_too_wide_shows_the_first_address_then_the_first_port_only(
    name: str, ports: int, row: str
) -> None:
    registry = ground()
    many = [{"name": f"p{number}", "port": 1000 + number} for number in range(ports)]
    add_service(registry, name, clusterIP="127.113.0.9", externalIPs=["127.1.1.1"], ports=many)
    outside = listener("127.1.1.1", service=name, kind="externalIP", port_name="p0")
    shown = document(registry, listeners=[outside])
    lines = service_table(shown).splitlines()
    assert " ".join(next(line for line in lines if name in line).split()[3:5]) == row
    assert max(map(len, lines)) <= WIDTH
    assert f"127.113.0.9,127.1.1.1   {','.join(f'{1000 + each}/TCP' for each in range(ports))}   " in (
        service_table(shown, is_wide=True)
    )


def test_an_endpoint_without_the_ports_of_its_service_is_not_counted_as_ready() -> None:
    registry = ground()
    add_service(registry, clusterIP="127.113.0.2")
    add_slice(registry, ports=[])
    assert service_table(document(registry)).splitlines()[2].endswith("   0/1")


def test_the_wide_table_has_the_listeners() -> None:
    lines = service_table(shop(), is_wide=True).splitlines()
    rows = {line.split()[1]: line.rpartition("   ")[2] for line in lines}
    assert "   lb.default.svc.cluster.local   " in lines[3]
    assert rows["NAME"] == "LISTENERS"
    assert rows["lb"] == "127.113.0.4:80/TCP (closed),127.1.113.1:80/TCP"
    assert rows["web"] == ",".join(["127.113.0.2:80/TCP", *(f"{node}:30001/TCP" for node in NODES)])
    assert rows["out"] == "<none>"


def test_endpoints_count_the_ready_ones_of_all_slices() -> None:
    registry = ground()
    add_service(registry, clusterIP="127.113.0.2")
    add_slice(registry, is_ready=False)
    assert service_table(document(registry)).splitlines()[2].endswith("   0/1")


def test_the_api_has_endpoints_when_it_is_served() -> None:
    registry = ground()
    add_slice(registry, "kubernetes", pod="")
    [row] = [line for line in service_table(document(registry)).splitlines() if " kubernetes " in line]
    assert row.split()[5] == "1/1"


def test_the_table_of_pods() -> None:
    registry = ground()
    add_pod(registry)
    add_pod(registry, "bad", is_ready=False, podIP="", podIPs=[], containerStatuses=waiting("ErrImagePull"))
    shown = document(registry, pids={ObjectKey("default", "web"): {"app": 7}})
    assert pod_table(shown, is_wide=True).splitlines() == [
        "NAMESPACE   NAME   READY   STATUS         RESTARTS   IP            NODE     PID      IMAGES",
        "default     bad    0/1     ErrImagePull   1          <none>        node-1   <none>   x",
        "default     web    1/1     Running        2          127.250.1.2   node-1   7        nginx:1.27",
    ]
    assert (
        pod_table(shown).splitlines()[2] == "default     web    1/1     Running        2          127.250.1.2   node-1"
    )


def test_no_pods_and_no_services_are_said_in_words() -> None:
    nothing = document(ground()) | {"services": []}
    assert (service_table(nothing), pod_table(nothing)) == ("No Services.", "No pods.")


def test_the_lines_to_try_are_grouped_by_service_in_the_order_of_the_table() -> None:
    dig = "dig @127.113.0.10 +short"
    assert try_lines(shop()) == [
        f"{dig} api.default.svc.cluster.local",
        "curl http://127.1.113.1/",
        f"{dig} lb.default.svc.cluster.local",
        f"{dig} none.default.svc.cluster.local",
        f"{dig} out.default.svc.cluster.local",
        "curl http://127.113.0.2/",
        *(f"curl http://{node}:30001/" for node in NODES),
        f"{dig} web.default.svc.cluster.local",
    ]


def test_a_service_has_six_curl_lines_at_the_most() -> None:
    registry = ground()
    add_service(registry, type="NodePort", ports=[{"port": 80, "nodePort": 30001}])
    nodes = [listener(f"127.171.0.{last}", 30001, "nodePort") for last in range(101, 120)]
    assert len([line for line in try_lines(document(registry, listener(), *nodes)) if line.startswith("curl")]) == 6


def test_a_dual_stack_service_is_shown_with_both_addresses_and_counts_a_pod_once() -> None:
    registry = ground(service_cidr="127.113.0.0/16,fd00:113::/108")
    addresses = ["127.113.0.2", "fd00:113::2"]
    add_service(registry, clusterIP=addresses[0], clusterIPs=addresses, ipFamilyPolicy="RequireDualStack")
    add_slice(registry)
    add_slice(registry, address="fd00:250:1::2")
    shown = document(registry, listener(addresses[0]), listener(addresses[1]))
    (row,) = (line.split() for line in service_table(shown, is_wide=True).splitlines() if " web " in line)
    assert row[3:] == [
        "127.113.0.2,fd00:113::2",
        "80/TCP",
        "1/1",
        "web.default.svc.cluster.local",
        "127.113.0.2:80/TCP,[fd00:113::2]:80/TCP",
    ]
    assert "curl 'http://[fd00:113::2]/'" in try_lines(shown)


@pytest.mark.parametrize(
    ("port", "is_tried"),
    [
        pytest.param({"port": 80}, True, id="80"),
        pytest.param({"port": 8080}, True, id="8080"),
        pytest.param({"port": 5432}, False, id="5432"),
        pytest.param({"name": "http", "port": 1234}, True, id="named-http"),
        pytest.param({"name": "http-admin", "port": 1234}, True, id="named-http-something"),
        pytest.param({"name": "web", "port": 1234}, True, id="named-web"),
        pytest.param({"name": "https", "port": 443}, False, id="https-needs-a-certificate"),
        pytest.param({"name": "x", "port": 1234, "appProtocol": "http"}, True, id="says-http"),
        pytest.param({"name": "http", "port": 80, "appProtocol": "grpc"}, False, id="says-otherwise"),
        pytest.param({"port": 80, "protocol": "UDP"}, False, id="udp"),
    ],
)
def test_curl_is_offered_for_what_speaks_http(port: JSON, is_tried: bool) -> None:
    registry = ground()
    add_service(registry, ports=[port])
    bound = listener(port=port["port"], port_name=port.get("name", ""), protocol=port.get("protocol", "TCP"))
    lines = try_lines(document(registry, bound, dns=[]))
    suffix = "" if port["port"] == 80 else f":{port['port']}"
    assert lines == ([f"curl http://127.113.0.2{suffix}/"] if is_tried else [])


@pytest.mark.parametrize(
    ("addresses", "command"),
    [
        pytest.param([DNSAddress("127.113.0.10", 53, "")], "dig @127.113.0.10 +short", id="own"),
        pytest.param(
            [DNSAddress("127.113.0.10", 53, ""), DNSAddress("127.0.0.1", 53, "")], "dig @127.0.0.1 +short", id="local"
        ),
        pytest.param(
            [DNSAddress("127.113.0.10", 10053, ""), DNSAddress("127.0.0.1", 10053, "taken")],
            "dig @127.113.0.10 -p 10053 +short",
            id="taken-and-moved",
        ),
    ],
)
def test_dig_asks_where_dns_answers(addresses: list[DNSAddress], command: str) -> None:
    registry = ground()
    add_service(registry)
    assert try_lines(document(registry, dns=addresses)) == [f"{command} web.default.svc.cluster.local"]


def test_without_dns_there_is_nothing_to_dig() -> None:
    registry = ground()
    add_service(registry)
    assert try_lines(document(registry, dns=[DNSAddress("127.113.0.10", 53, "taken")])) == []


def test_moved_ports_are_told_once_each() -> None:
    registry = ground()
    add_service(registry)
    shown = document(
        registry,
        listener(bound_port=10080),
        listener("127.113.0.3", bound_port=10080),
        listener("127.113.0.2", 8080),
        dns=[DNSAddress("127.113.0.10", 10053, "")],
    )
    assert moved_ports(shown) == [
        "port 53 answers at 10053 on the same address",
        "port 80 answers at 10080 on the same address",
    ]


def test_with_the_privilege_no_port_is_moved() -> None:
    assert moved_ports(shop()) == []


def test_the_status_of_a_cluster_that_is_well() -> None:
    text = status_text(shop())
    assert text.split("\n\n") == [
        "cluster shop (pid 42), DNS for cluster.local at 127.113.0.10:53\nsandbox: none, as the default says none",
        service_table(shop()),
        pod_table(shop()),
    ]


def test_an_exact_cluster_says_where_its_addresses_answer() -> None:
    registry = ground()
    add_service(registry, clusterIP="127.113.0.2", ports=[{"port": 80, "protocol": "TCP"}])
    here = listener("10.109.241.161", host_address="127.109.241.161")
    shown = document(registry, here, plan="exact")
    assert exact_lines(shown) == [
        "`kubesvc shell --name shop` opens a shell on a node, where all addresses are as the API shows them",
        "this machine has them in 127.0.0.0/8: 10.109.241.161 is 127.109.241.161 here, and so with every other",
    ]
    assert "curl http://127.109.241.161/" in try_lines(shown)
    assert exact_lines(document(registry, here)) == []
    assert exact_lines(shown)[0] in status_text(shown)


def test_the_status_says_what_is_wrong() -> None:
    registry = ground()
    about = add_service(registry)
    recorder = EventRecorder(registry, "test", clock=lambda: 1_700_000_000.0)
    for _ in range(2):
        recorder.event(about, "Warning", "PortConflict", "taken")
    recorder.event(about, "Warning", "Odd", "once")
    shown = document(
        registry,
        waiting_for=["Pod default/web: Pending"],
        problems=["127.0.0.1:10249 is taken"],
        dns=[DNSAddress("127.113.0.10", 53, ""), DNSAddress("127.0.0.1", 53, "taken")],
    )
    parts = status_text(shown, is_wide=True).split("\n\n")
    assert parts[0].split("\n")[0] == "cluster shop (pid 42), DNS for cluster.local at 127.113.0.10:53"
    assert parts[2:] == [
        "No pods.",
        "Not ready:\n  Pod default/web: Pending",
        "Problems:\n  127.0.0.1:10249 is taken",
        "Warnings:\n  service/web: PortConflict: taken (x2)\n  service/web: Odd: once",
    ]
    assert "Warnings:" not in status_text(shown)


def test_ingresses_are_listed_only_where_there_are_some() -> None:
    listeners = [{"address": "127.0.113.254", "port": port, "bound": True} for port in (10080, 10443)]
    ingress = {"namespace": "shop", "name": "web", "class": "", "hosts": ["a.example", "*"], "listeners": listeners}
    assert ingress_tables({"ingresses": []}) == []
    (shown,) = ingress_tables({"ingresses": [ingress, {**ingress, "class": "other", "listeners": []}]})
    assert [line.split() for line in shown.splitlines()[1:]] == [
        ["shop", "web", "<none>", "a.example,*", "127.0.113.254", "10080,10443"],
        ["shop", "web", "other", "a.example,*", "<none>", "<none>"],
    ]

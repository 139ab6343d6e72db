"""The mirrored Services as a table, lines of /etc/hosts, and documents for tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubemanifest.reading import read_text
from kubesvc.terminal.text.mirror import export, hosts_lines, service_rows
from kubesvc.terminal.text.printers import not_carried

Item = dict[str, Any]


def listener(port: int, host_port: int = 0, **fields: Any) -> Item:
    shown = {"kind": "clusterIP", "protocol": "TCP", "address": "127.96.7.3", "portName": ""}
    return {**shown, "servicePort": port, "port": host_port or port, **fields}


def endpoint(pod: str, address: str, **fields: Any) -> Item:
    return {"pod": pod, "address": address, "ready": True, "hostname": "", "ports": [{}], **fields}


def a_service(name: str, listeners: list[Item], endpoints: list[Item], **fields: Any) -> Item:
    own = {"namespace": "shop", "name": name, "type": "ClusterIP", "clusterIP": "127.96.7.3", "proxyName": ""}
    more = {"notCarried": [], "dnsName": f"{name}.shop.svc.cluster.local", "externalName": "", "ports": [{}]}
    return {**own, **more, "listeners": listeners, "endpoints": endpoints, **fields}


def document(*services: Item, namespace: str = "shop") -> Item:
    own = a_service("kubernetes", [], [], namespace="default")
    upstream = {"context": "prod", "server": "https://api:6443", "namespace": namespace, "selector": ""}
    return {"services": [own, *services], "upstream": upstream, "dns": {"zone": "cluster.local", "addresses": []}}


WEB = a_service(
    "web-app",
    [listener(80, 10080, portName="http"), listener(8443, portName="tls-x"), listener(30080, kind="nodePort")],
    [endpoint("a", "127.244.1.5"), endpoint("b", "127.244.2.6", ready=False)],
)
PEERS = a_service(
    "peers", [], [endpoint("p-0", "127.244.1.7", hostname="p-0"), endpoint("p-1", "127.244.1.8")], clusterIP="None"
)
DB = a_service("db", [], [], type="ExternalName", clusterIP="", externalName="db.example")


def test_the_table_has_the_address_here_and_the_pods() -> None:
    assert service_rows(document(WEB, PEERS, DB)).splitlines() == [
        "NAMESPACE   NAME      ON THIS MACHINE                  PODS",
        "shop        web-app   127.96.7.3:10080 (for 80),8443   1/2",
        "shop        peers     127.244.1.7,+1 (headless)        2/2",
        "shop        db        db.example (by DNS)              <none>",
    ]


NO_POD = "endpoint 10.0.0.9 is no pod: port-forward leads to pods alone"


@pytest.mark.parametrize(
    ("service", "shown"),
    [
        (a_service("db", [listener(80)], [], notCarried=[NO_POD]), "not carried"),
        (a_service("db", [], [], clusterIP="None", notCarried=[NO_POD]), "not carried"),
        (a_service("db", [listener(53, protocol="UDP")], [], notCarried=["53/UDP: no"]), "not carried"),
        (a_service("db", [listener(80)], [], notCarried=["53/UDP: no"]), "127.96.7.3:80"),
        (a_service("db", [listener(80)], [endpoint("a", "127.244.1.5")], notCarried=[NO_POD]), "127.96.7.3:80"),
        (a_service("db", [listener(80)], []), "127.96.7.3:80"),
    ],
    ids=["no pod", "headless", "UDP alone", "UDP too", "a pod beside", "no pods yet"],
)
def test_an_address_is_shown_only_where_something_is_carried(service: Item, shown: str) -> None:
    assert service_rows(document(service)).splitlines()[1].split(maxsplit=2)[2].rpartition(" ")[0].rstrip() == shown


def test_what_is_not_carried_is_named_by_service_and_no_more_than_fits() -> None:
    many = [{**WEB, "name": f"s{number}", "notCarried": ["53/UDP"]} for number in range(22)]
    said = not_carried(document(*many))
    assert (said[0], said[-1], len(said)) == ("shop/s0: 53/UDP", "... and 2 more: `kubesvc status -o json`", 21)


@pytest.mark.parametrize(
    ("namespace", "short"), [("shop", {"web-app": "web-app ", "peers": "peers ", "p-0": "p-0.peers "}), ("", {})]
)
def test_lines_of_hosts_have_short_names_only_where_one_namespace_is_shown(
    namespace: str, short: dict[str, str]
) -> None:
    def line(address: str, name: str, dotted: str) -> str:
        full = f"{dotted}.shop {dotted}.shop.svc {dotted}.shop.svc.cluster.local"
        return f"{address} {short.get(name, '')}{full}"

    assert hosts_lines(document(WEB, PEERS, DB, namespace=namespace)) == [
        line("127.96.7.3", "web-app", "web-app"),
        line("127.244.1.7", "peers", "peers"),
        line("127.244.1.7", "p-0", "p-0.peers"),
        line("127.244.1.8", "peers", "peers"),
    ]


def test_a_shell_gets_the_variables_of_a_pod() -> None:
    assert export(document(WEB, PEERS, DB), "env").splitlines() == [
        "export WEB_APP_SERVICE_HOST=127.96.7.3",
        "export WEB_APP_SERVICE_PORT=10080",
        "export WEB_APP_SERVICE_PORT_HTTP=10080",
        "export WEB_APP_SERVICE_PORT_TLS_X=8443",
    ]
    assert export(document(WEB, namespace=""), "env").startswith("export SHOP_WEB_APP_SERVICE_HOST=")


def test_a_shell_gets_no_variable_at_which_it_would_end() -> None:
    assert export(document({**WEB, "name": "3scale"}, {**WEB, "name": "b"}), "env").splitlines()[-4:] == [
        "# no name for a shell: 3SCALE_SERVICE_HOST=127.96.7.3",
        "# no name for a shell: 3SCALE_SERVICE_PORT=10080",
        "# no name for a shell: 3SCALE_SERVICE_PORT_HTTP=10080",
        "# no name for a shell: 3SCALE_SERVICE_PORT_TLS_X=8443",
    ]


def test_localhost_stays_the_machine() -> None:
    assert [line.split()[1] for line in hosts_lines(document({**WEB, "name": "localhost"}))] == ["localhost.shop"]


def test_compose_gets_the_names_in_the_network_of_the_host() -> None:
    tree = read_text(export(document(WEB), "compose"), "compose.yaml").trees[0].value
    hosts = ["web-app", "web-app.shop", "web-app.shop.svc", "web-app.shop.svc.cluster.local"]
    assert tree == {"x-kubesvc": {"network_mode": "host", "extra_hosts": [f"{each}:127.96.7.3" for each in hosts]}}


def test_a_program_gets_all_of_it_as_json() -> None:
    read = json.loads(export(document(WEB), "json"))
    (service,) = read["services"]
    assert (service["name"], service["address"]) == ("web-app", "127.96.7.3")
    assert service["ports"][0] == {"name": "http", "port": 80, "hostPort": 10080, "protocol": "TCP"}
    assert read["upstream"]["context"] == "prod"

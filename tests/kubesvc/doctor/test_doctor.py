from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.objects import build_service

from kubesvc.config import ClusterConfiguration, DNSSettings, ExternalHost, Networking, ProxySettings
from kubesvc.doctor import checks as checks_module
from kubesvc.doctor import run_doctor
from kubesvc.doctor.checks import (
    WantedSocket,
    check_cluster,
    check_ephemeral_ports,
    check_ipv6,
    check_loopback,
    check_low_ports,
    check_machine,
    check_open_files,
    check_resolver,
    check_state,
    check_wanted,
    report_document,
)
from kubesvc.doctor.finding import Check
from kubesvc.doctor.machine import (
    BoundSocket,
    ClusterState,
    Machine,
    parse_port_ranges,
    read_machine,
)
from kubesvc.doctor.tools import TOOLS, check_tools
from kubesvc.doctor.wanted import wanted_sockets
from kubesvc.network.ipv6 import LocalNetwork
from kubesvc.network.loopback import LoopbackNetwork, LowPorts
from kubesvc.state.directory import StateDirectory
from kubesvc.terminal.text.checklist import checklist_text

DEFAULTS = ClusterConfiguration()
NOBODY = LowPorts(1024, has_capability=False)
GOOD = Machine(
    low_ports=LowPorts(1024, has_capability=True),
    open_files=(65536, 65536),
    ephemeral_ports=(32768, 60999),
    reserved_ports=(),
    loopback_error="",
    missing_ipv6=(),
    sockets=(),
    resolv_conf="nameserver 127.0.0.53\n",
    tools={tool: f"/usr/bin/{tool}" for tool in TOOLS},
)
METRICS = WantedSocket("metrics", "TCP", "127.0.0.1", 10249, "proxy.metricsBindAddress")


def test_a_good_machine_has_nothing_to_mend() -> None:
    checks = check_machine(GOOD, DEFAULTS, [METRICS])
    assert {each.status for each in checks} == {"ok"}
    assert not any(each.remedy for each in checks)
    assert report_document(checks)["status"] == "ok"


@pytest.mark.parametrize(
    ("low_ports", "status", "says"),
    [
        (LowPorts(1024, has_capability=True), "ok", "ports below 1024 may be bound"),
        (LowPorts(0, has_capability=False), "ok", "ports below 1024 may be bound"),
        (LowPorts(53, has_capability=False), "ok", "ports from 53 on may be bound"),
        (LowPorts(80, has_capability=False), "warn", "53 is 10053"),
        (NOBODY, "warn", "ports up to 1023 may not be bound, so they move by 10000: 53 is 10053, 80 is 10080"),
        (LowPorts(2000, has_capability=False), "warn", "443 is 10443"),
    ],
)
def test_low_ports_say_which_move_and_what_brings_them_back(low_ports: LowPorts, status: str, says: str) -> None:
    check = check_low_ports(replace(GOOD, low_ports=low_ports))
    assert (check.status, says in check.message) == (status, True)
    assert check.remedy.startswith("sudo sysctl -w net.ipv4.ip_unprivileged_port_start=53 ") == (status == "warn")
    assert ("every user" in check.remedy) == (status == "warn")


@pytest.mark.parametrize(
    ("low_ports", "ephemeral", "reserved", "remedy"),
    [
        pytest.param(NOBODY, (32768, 60999), (), "", id="Linux' default"),
        pytest.param(NOBODY, (31000, 60999), (), "31000-32767", id="into the node ports"),
        pytest.param(NOBODY, (31000, 60999), ((30000, 32767),), "", id="but reserved"),
        pytest.param(NOBODY, (31000, 60999), ((32000, 32767),), "31000-32767", id="reserved in part"),
        pytest.param(NOBODY, (1024, 65535), (), "30000-32767,10001-11023", id="everything"),
        pytest.param(LowPorts(53, has_capability=False), (1024, 65535), (), "30000-32767", id="no port moves"),
    ],
)
def test_outgoing_connections_must_not_hold_node_ports(
    low_ports: LowPorts, ephemeral: tuple[int, int], reserved: tuple[tuple[int, int], ...], remedy: str
) -> None:
    machine = replace(GOOD, low_ports=low_ports, ephemeral_ports=ephemeral, reserved_ports=reserved)
    check = check_ephemeral_ports(machine, DEFAULTS)
    assert check.status == ("warn" if remedy else "ok")
    assert check.remedy == (f"sudo sysctl -w net.ipv4.ip_local_reserved_ports={remedy}" if remedy else "")


def test_addresses_that_cannot_be_bound_are_a_failure() -> None:
    check = check_loopback(replace(GOOD, loopback_error="EADDRNOTAVAIL Cannot assign requested address"), DEFAULTS)
    assert (check.status, check.message) == (
        "fail",
        "127.168.0.101 cannot be bound: EADDRNOTAVAIL Cannot assign requested address",
    )


@pytest.mark.parametrize(
    ("bound", "messages"),
    [
        pytest.param(
            BoundSocket("TCP", "127.0.0.1", 10249, 7, "python -m x", frozenset((7,))),
            ["127.0.0.1:10249/TCP (metrics) is taken: process 7 (python -m x) has it"],
            id="the same address",
        ),
        pytest.param(
            BoundSocket("TCP", "0.0.0.0", 10249, 7, "", frozenset((7,))),
            ["127.0.0.1:10249/TCP (metrics) is taken: process 7 (unknown) has 0.0.0.0:10249"],
            id="every address",
        ),
        pytest.param(
            BoundSocket("TCP", "::", 10249),
            ["127.0.0.1:10249/TCP (metrics) is taken: another user's process has :::10249"],
            id="somebody else's",
        ),
        pytest.param(BoundSocket("UDP", "127.0.0.1", 10249), [], id="another protocol"),
        pytest.param(BoundSocket("TCP", "127.0.0.2", 10249), [], id="another address"),
        pytest.param(BoundSocket("TCP", "127.0.0.1", 10250), [], id="another port"),
        pytest.param(
            BoundSocket("TCP", "127.0.0.1", 10249, 8, "pod", frozenset((8, 5))), [], id="a child of this cluster"
        ),
    ],
)
def test_a_taken_port_names_its_owner(bound: BoundSocket, messages: list[str]) -> None:
    found = list(check_wanted(replace(GOOD, sockets=(bound,)), [METRICS], running=5))
    assert [each.message for each in found if each.status == "fail"] == messages
    assert all(each.remedy for each in found if each.status == "fail")


@pytest.mark.parametrize(
    ("wanted", "ancestors", "said", "remedy"),
    [
        pytest.param(
            METRICS,
            {8, 5},
            'cluster "default" has it',
            "kubesvc down, start this one with --subnets auto, "
            "or set proxy.metricsBindAddress in the ClusterConfiguration",
            id="the default cluster's",
        ),
        pytest.param(
            METRICS,
            {9},
            'cluster "two" has it',
            "kubesvc down --name two, start this one with --subnets auto, "
            "or set proxy.metricsBindAddress in the ClusterConfiguration",
            id="another cluster's",
        ),
        pytest.param(
            METRICS,
            {7},
            "process 8 (x) has it",
            "kill 8, or set proxy.metricsBindAddress in the ClusterConfiguration",
            id="a process that is no cluster's",
        ),
        pytest.param(
            METRICS._replace(key=""), {7}, "process 8 (x) has it", "kill 8, or choose another port", id="a Service's"
        ),
    ],
)
def test_a_port_that_another_cluster_has_is_told_with_its_name_and_the_key_that_moves_it(
    wanted: WantedSocket, ancestors: set[int], said: str, remedy: str
) -> None:
    clusters = tuple(
        ClusterState(name, pid, has_leftovers=False) for name, pid in (("default", 5), ("gone", None), ("two", 9))
    )
    bound = BoundSocket("TCP", "127.0.0.1", 10249, 8, "x", frozenset(ancestors))
    (check,) = check_wanted(replace(GOOD, sockets=(bound,), clusters=clusters), [wanted], running=None)
    assert check.message.endswith(said)
    assert check.remedy == remedy


@pytest.mark.parametrize(
    ("limits", "status", "remedy"),
    [
        ((65536, 65536), "ok", ""),
        ((-1, -1), "ok", ""),
        ((1024, 524288), "warn", "ulimit -n 524288"),
        ((1024, -1), "warn", "ulimit -n 16384"),
        ((1024, 4096), "warn", "raise nofile in /etc/security/limits.conf"),
    ],
)
def test_few_open_files_are_a_warning(limits: tuple[int, int], status: str, remedy: str) -> None:
    check = check_open_files(replace(GOOD, open_files=limits))
    assert (check.status, check.remedy) == (status, remedy)


@pytest.mark.parametrize(
    ("resolv_conf", "upstreams", "status", "says"),
    [
        ("nameserver 10.0.0.2\n", None, "ok", "names outside cluster.local go to 10.0.0.2, from /etc/resolv.conf"),
        ("nameserver 127.0.0.1\n", None, "warn", "/etc/resolv.conf names no other server"),
        ("", None, "warn", "names outside cluster.local are refused"),
        ("", ("8.8.8.8",), "ok", "names outside cluster.local go to 8.8.8.8"),
        ("", (), "ok", "no upstream, as configured"),
    ],
)
def test_the_resolver_says_where_other_names_go(
    resolv_conf: str, upstreams: tuple[str, ...] | None, status: str, says: str
) -> None:
    configuration = replace(DEFAULTS, dns=DNSSettings(upstreams=upstreams))
    check = check_resolver(replace(GOOD, resolv_conf=resolv_conf), configuration)
    assert (check.status, says in check.message) == (status, True)


@pytest.mark.parametrize(
    ("clusters", "status", "says"),
    [
        ((), "ok", "no cluster runs"),
        ((ClusterState("a", 5, has_leftovers=True),), "ok", "running: a (pid 5)"),
        ((ClusterState("a", None, has_leftovers=False),), "ok", "no crash has left files"),
        ((ClusterState("a", None, has_leftovers=True),), "warn", 'cluster "a" crashed and left files'),
    ],
)
def test_what_a_crash_left_behind_is_a_warning(clusters: tuple[ClusterState, ...], status: str, says: str) -> None:
    (check,) = check_state(replace(GOOD, clusters=clusters))
    assert (check.status, says in check.message) == (status, True)


def test_a_missing_tool_says_what_it_is_for() -> None:
    found = {each.name: each for each in check_tools({})}
    assert {name: each.status for name, each in found.items()} == {
        "curl": "warn",
        "dig": "warn",
        "kubectl": "ok",
        "nginx": "ok",
        "in pods": "ok",
    }
    assert found["dig"].remedy == "sudo apt-get install dnsutils"


def test_tools_that_pods_lack_are_named_with_their_packages() -> None:
    installed = {name: f"/usr/bin/{name}" for name in TOOLS}
    (check,) = [each for each in check_tools(installed) if each.name == "in pods"]
    assert check.message == "pods have this machine's tools: all that tutorials use are installed"
    del installed["ip"], installed["ss"]
    (check,) = [each for each in check_tools(installed) if each.name == "in pods"]
    assert check.message.endswith("not installed, so not found there: ip, ss")
    assert check.remedy == "sudo apt-get install iproute2"


def service(**spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, "protocol": "TCP", "nodePort": 30001}]
    return build_service("web", "default", **{"ports": ports, **spec})


def test_the_sockets_of_a_cluster_are_known_before_it_starts() -> None:
    configuration = replace(
        DEFAULTS,
        proxy=ProxySettings(healthz_bind_address="", metrics_bind_address="127.0.0.1:0"),
        dns=DNSSettings(bind_addresses=()),
        external_hosts=(ExternalHost("a.b", "10.1.1.1", 80, page="x"), ExternalHost("c.d", "10.1.1.2")),
    )
    services = [
        service(clusterIP="127.96.0.9", externalIPs=["127.168.0.101"]),
        service(clusterIP="None"),
        service(type="ExternalName", externalName="a.b"),
    ]
    found = wanted_sockets(configuration, services, LoopbackNetwork.of(configuration, NOBODY))
    assert [(each.protocol, each.address, each.port) for each in found] == [
        ("UDP", "127.96.0.10", 10053),
        ("TCP", "127.96.0.10", 10053),
        ("TCP", "127.1.1.1", 10080),
        ("TCP", "127.96.0.9", 10080),
        ("TCP", "127.168.0.101", 10080),
        ("TCP", "127.0.0.1", 30001),
        ("TCP", "127.168.0.101", 30001),
        ("TCP", "127.168.0.102", 30001),
    ]


@pytest.mark.parametrize(
    ("text", "ranges"),
    [("\n", ()), ("8080\n", ((8080, 8080),)), ("1-3,8080,9000-9100\n", ((1, 3), (8080, 8080), (9000, 9100)))],
)
def test_reserved_ports_are_ranges(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert parse_port_ranges(text) == ranges


def test_ipv6_is_looked_at_only_for_a_dual_stack_cluster_and_is_never_a_failure() -> None:
    networking = Networking(service_subnet_v6="fd00:10:96::/108", pod_subnet_v6="fd00:10:244::/48")
    both = replace(DEFAULTS, networking=networking)
    missing = LocalNetwork("cluster IPs", "fd00:10:96::/108", "fd00:10:96::1")
    assert list(check_ipv6(replace(GOOD, missing_ipv6=(missing,)), DEFAULTS)) == []
    assert [each.status for each in check_ipv6(GOOD, both)] == ["ok"]
    assert list(check_ipv6(replace(GOOD, missing_ipv6=(missing,)), both)) == [
        Check(
            "network",
            "IPv6 fd00:10:96::/108",
            "warn",
            "cluster IPs do not answer: fd00:10:96::/108 is not local to this machine",
            "sudo ip -6 route add local fd00:10:96::/108 dev lo   (until reboot)",
        )
    ]


def test_the_owner_of_a_real_socket_is_found() -> None:
    with socket.create_server(("127.38.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        machine = read_machine(DEFAULTS, (), {port})
    (found,) = (each for each in machine.sockets if each.address == "127.38.0.1")
    assert (found.port, found.pid, os.getpid() in found.ancestors) == (port, os.getpid(), True)
    assert "python" in found.command
    assert machine.loopback_error == ""
    assert os.getppid() in found.ancestors or os.getppid() <= 1


CHECKS = [
    Check("network", "a", "ok", "fine"),
    Check("network", "b", "warn", "hm", "do it"),
    Check("x", "c", "fail", "no"),
]


def test_the_report_for_people_groups_signs_and_remedies() -> None:
    lines = ["network", "-------", "√ fine", "‼ hm", "    do it", "", "x", "-", "× no", ""]
    assert checklist_text(report_document(CHECKS)).splitlines() == [*lines, "Status check results are ×"]


def test_the_report_for_programs_has_every_field() -> None:
    report = report_document(CHECKS)
    assert report["status"] == "fail"
    assert report["checks"][1] == {
        "group": "network",
        "name": "b",
        "status": "warn",
        "message": "hm",
        "remedy": "do it",
    }


def test_a_fault_of_the_manifests_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_module, "check_wanted", lambda *_: iter(()))
    file = tmp_path / "web.yaml"
    file.write_text("kind: Service\n")
    report = run_doctor([str(file)], StateDirectory("mine", tmp_path / "state"))
    assert report["status"] == "fail"
    assert report["checks"][0]["message"] == f"{file}:1:1: apiVersion: Required value"


def test_a_doctor_that_finds_nothing_bad_exits_with_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_module, "check_wanted", lambda *_: iter(()))
    crashed = StateDirectory("crashed", tmp_path)
    crashed.path.mkdir()
    crashed.control_socket.touch()
    report = run_doctor([], StateDirectory("mine", tmp_path))
    assert report["status"] != "fail"
    assert '‼ cluster "crashed" crashed and left files' in checklist_text(report)


@pytest.mark.parametrize(
    ("problems", "told"),
    [
        pytest.param([], [("ok", "the running cluster reports no problem")], id="no-problem"),
        pytest.param(["a is odd", "b is odd"], [("warn", "a is odd"), ("warn", "b is odd")], id="two"),
    ],
)
def test_what_the_running_cluster_finds_wrong_is_told(problems: list[str], told: list[tuple[str, str]]) -> None:
    assert [(each.status, each.message) for each in check_cluster(problems)] == told

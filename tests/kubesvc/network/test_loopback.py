from __future__ import annotations

import socket
from typing import Any

import pytest
from tests.helpers.kubesvc.input_manifests import configured

from kubehost.network import Network
from kubesvc.addresses.plan import AddressPlan
from kubesvc.addresses.usual import read_ipv4, stand_in
from kubesvc.config import ClusterConfiguration, ExternalHost
from kubesvc.network.loopback import LoopbackNetwork, LowPorts, Twins, read_low_ports
from kubesvc.network.outside import OutsideHost
from kubesvc.network.translation import translate

NOBODY = LowPorts(1024, has_capability=False)
EVERYBODY = LowPorts(1024, has_capability=True)
PAGE = OutsideHost("k8s.service.com", "10.65.40.20", 80)


def network(low_ports: LowPorts = NOBODY, *outside: OutsideHost, pods: str = "127.244.0.0/16") -> LoopbackNetwork:
    return LoopbackNetwork(pods, outside, low_ports)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("10.96.0.1", "127.96.0.1"),
        ("192.168.0.101", "127.168.0.101"),
        ("127.0.0.1", "127.0.0.1"),
        ("8.8.8.8", "127.8.8.8"),
        ("None", "None"),
        ("", ""),
        ("fd00::1", "fd00::1"),
        ("10.96.1", "10.96.1"),
        ("010.96.0.1", "010.96.0.1"),
        ("10.96.0.256", "10.96.0.256"),
        ("10.96.0.1\0", "10.96.0.1\0"),
    ],
)
def test_the_first_octet_becomes_127_and_what_is_no_ipv4_address_stays(address: str, here: str) -> None:
    assert stand_in(address) == here


def test_an_address_is_a_number_as_the_kernel_reads_it() -> None:
    assert (read_ipv4("127.0.0.1"), read_ipv4("::1"), read_ipv4("x")) == (0x7F000001, None, None)


def service(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": spec}


def test_the_addresses_of_a_service_are_moved_and_told() -> None:
    before = service(
        clusterIP="10.96.7.8",
        clusterIPs=["10.96.7.8", "fd00::1"],
        externalIPs=["192.168.0.101", "127.0.0.9"],
        loadBalancerIP="203.0.113.7",
        ports=[{"port": 80}],
    )
    after, translations = translate(before)
    assert after["spec"] == {
        "clusterIP": "127.96.7.8",
        "clusterIPs": ["127.96.7.8", "fd00::1"],
        "externalIPs": ["127.168.0.101", "127.0.0.9"],
        "loadBalancerIP": "127.0.113.7",
        "ports": [{"port": 80}],
    }
    assert [str(each.warning()) for each in translations] == [
        "spec.clusterIP: 10.96.7.8 is 127.96.7.8 on this machine",
        "spec.loadBalancerIP: 203.0.113.7 is 127.0.113.7 on this machine",
        "spec.clusterIPs[0]: 10.96.7.8 is 127.96.7.8 on this machine",
        "spec.externalIPs[0]: 192.168.0.101 is 127.168.0.101 on this machine",
    ]
    assert before["spec"]["clusterIP"] == "10.96.7.8"


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(service(clusterIP="None", clusterIPs=["None"]), id="headless"),
        pytest.param(service(clusterIP="", externalIPs=None), id="nothing set"),
        pytest.param(service(clusterIP=5, externalIPs="10.0.0.1", clusterIPs=[None, 3]), id="wrong types"),
        pytest.param({"kind": "Service"}, id="no spec"),
        pytest.param(
            service(externalIPs=["0.0.0.0", "169.254.0.1", "224.0.0.1", "::1", "foo"]), id="addresses that are refused"
        ),
        pytest.param({"kind": "Endpoints", "subsets": [{"addresses": [{"ip": "10.65.40.20"}]}]}, id="Endpoints"),
        pytest.param({"kind": "EndpointSlice", "endpoints": [{"addresses": ["10.65.40.20"]}]}, id="EndpointSlice"),
    ],
)
def test_other_objects_and_values_are_left_as_they_are(obj: dict[str, Any]) -> None:
    assert translate(obj) == (obj, [])


@pytest.mark.parametrize(
    ("low_ports", "port", "bound"),
    [
        (NOBODY, 80, 10080),
        (NOBODY, 53, 10053),
        (NOBODY, 1023, 11023),
        (NOBODY, 1024, 1024),
        (NOBODY, 30080, 30080),
        (EVERYBODY, 80, 80),
        (LowPorts(53, has_capability=False), 53, 53),
        (LowPorts(53, has_capability=False), 52, 10052),
        (LowPorts(0, has_capability=False), 1, 1),
        (LowPorts(2000, has_capability=False), 1500, 1500),
    ],
)
def test_a_port_moves_by_10000_only_where_it_may_not_be_bound(low_ports: LowPorts, port: int, bound: int) -> None:
    assert network(low_ports).bind("127.96.0.1", port) == ("127.96.0.1", bound)


@pytest.mark.parametrize(
    ("address", "port", "dialled"),
    [
        pytest.param("127.244.1.7", 80, ("127.244.1.7", 10080), id="a pod's low port"),
        pytest.param("127.244.1.7", 8080, ("127.244.1.7", 8080), id="a pod's high port"),
        pytest.param("127.245.1.7", 80, ("127.245.1.7", 80), id="beside the pods"),
        pytest.param("10.65.40.20", 80, ("127.65.40.20", 10080), id="an outside host that is served"),
        pytest.param("127.65.40.20", 80, ("127.65.40.20", 10080), id="the same at its stand-in"),
        pytest.param("10.65.40.20", 22, ("127.65.40.20", 22), id="another port of it"),
        pytest.param("10.65.40.21", 80, ("127.65.40.21", 80), id="an outside host that is only named"),
        pytest.param("10.65.40.22", 80, ("10.65.40.22", 80), id="any other address"),
        pytest.param("fd00::1", 80, ("fd00::1", 80), id="IPv6"),
        pytest.param("db.example.com", 80, ("db.example.com", 80), id="no address"),
    ],
)
def test_an_endpoint_is_dialled_where_it_answers_on_this_machine(
    address: str, port: int, dialled: tuple[str, int]
) -> None:
    asked: Network = network(NOBODY, PAGE, OutsideHost("other.com", "10.65.40.21", 0))
    assert asked.dial(address, port) == dialled
    assert asked.dial(address, port) == dialled


@pytest.mark.parametrize(("pods", "is_pod"), [("127.244.0.0/20", True), ("127.244.2.0/23", False)])
def test_a_pod_subnet_may_have_any_prefix(pods: str, is_pod: bool) -> None:
    assert network(pods=pods).dial("127.244.1.1", 80)[1] == (10080 if is_pod else 80)


NODES = (
    Twins("::1", "127.168.0.101", "fd00:10:244:1::/64", "127.244.1.0/24"),
    Twins("fd00:10:168::102", "127.168.0.102", "fd00:10:244:2::/64", "127.244.2.0/24"),
)


@pytest.mark.parametrize(
    ("address", "port", "dialled"),
    [
        pytest.param("fd00:10:244:1::2", 8080, ("127.244.1.2", 8080), id="a pod"),
        pytest.param("fd00:10:244:2::fe", 8080, ("127.244.2.254", 8080), id="the last pod of another node"),
        pytest.param("fd00:10:244:0002:0:0:0:a", 80, ("127.244.2.10", 10080), id="another spelling, a low port"),
        pytest.param("::1", 80, ("127.168.0.101", 10080), id="a node, as its host-network pods have it"),
        pytest.param("fd00:10:168::102", 8080, ("127.168.0.102", 8080), id="another node"),
        pytest.param("fd00:10:244:1::100", 80, ("fd00:10:244:1::100", 80), id="beyond the pods"),
        pytest.param("fd00:10:244:3::2", 80, ("fd00:10:244:3::2", 80), id="no node's"),
        pytest.param("2001:db8::1", 80, ("2001:db8::1", 80), id="outside"),
        pytest.param("fd00::zz", 80, ("fd00::zz", 80), id="no address"),
    ],
)
def test_an_ipv6_endpoint_is_dialled_at_its_ipv4_twin(address: str, port: int, dialled: tuple[str, int]) -> None:
    asked: Network = LoopbackNetwork("127.244.0.0/16", (), NOBODY, NODES)
    assert asked.dial(address, port) == dialled
    assert asked.dial(address, port) == dialled


def test_the_nodes_of_a_dual_stack_configuration_have_twins() -> None:
    configuration = configured(
        'networking: {serviceSubnet: "127.96.0.0/12,fd00:10:96::/108", podSubnet: "127.244.0.0/16,fd00:10:244::/48"}'
    ).configuration
    assert LoopbackNetwork.of(configuration, NOBODY).dial("fd00:10:244:2::3", 8080) == ("127.244.2.3", 8080)
    assert LoopbackNetwork.of(configuration, NOBODY).dial("::1", 8080) == ("127.168.0.101", 8080)
    assert LoopbackNetwork.of(ClusterConfiguration(), NOBODY).dial("::1", 8080) == ("::1", 8080)


def test_ipv6_addresses_of_a_service_do_not_move() -> None:
    spec = {"clusterIP": "fd00:10:96::7", "clusterIPs": ["fd00:10:96::7", "10.96.0.7"], "externalIPs": ["2001:db8::7"]}
    translated, notes = translate({"kind": "Service", "spec": spec})
    assert translated["spec"] == {**spec, "clusterIPs": ["fd00:10:96::7", "127.96.0.7"]}
    assert [note.path for note in notes] == ["spec.clusterIPs[1]"]


def test_with_the_privilege_nothing_moves() -> None:
    asked = network(EVERYBODY, PAGE)
    assert asked.dial("127.244.1.7", 80) == ("127.244.1.7", 80)
    assert asked.dial("10.65.40.20", 80) == ("127.65.40.20", 80)


def test_endless_addresses_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubesvc.network.loopback._REMEMBERED", 8)
    asked = network()
    for last in range(100):
        assert asked.dial(f"127.244.1.{last}", 80) == (f"127.244.1.{last}", 10080)
    assert len(asked._dialled) <= 8


def test_the_names_of_outside_hosts_stand_for_their_places_here() -> None:
    asked = network(NOBODY, PAGE, OutsideHost("two.com", "10.1.1.1", 0), OutsideHost("two.com", "10.1.1.2", 0), PAGE)
    assert asked.hosts() == {"k8s.service.com": ("127.65.40.20",), "two.com": ("127.1.1.1", "127.1.1.2")}


def test_the_network_of_a_configuration_serves_only_hosts_that_have_a_process() -> None:
    hosts = (ExternalHost("a.b", "10.1.1.1", page="x"), ExternalHost("c.d", "10.1.1.2"))
    asked = LoopbackNetwork.of(ClusterConfiguration(external_hosts=hosts), NOBODY)
    assert asked.dial("10.1.1.1", 80) == ("127.1.1.1", 10080)
    assert asked.dial("10.1.1.2", 80) == ("127.1.1.2", 80)


STATUS = "Name:\tpython\nCapInh:\t0000000000000000\nCapEff:\t{}\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"start": "1024\n", "status": STATUS.format("0000000000000000")}, NOBODY, id="an ordinary user"),
        pytest.param({"start": "1024\n", "status": STATUS.format("000001ffffffffff")}, EVERYBODY, id="root"),
        pytest.param({"start": "1024\n", "status": STATUS.format("0000000000000400")}, EVERYBODY, id="the capability"),
        pytest.param({"start": "1024\n", "status": STATUS.format("fffffffffffffbff")}, NOBODY, id="all but it"),
        pytest.param(
            {"start": "53\n", "status": STATUS.format("0")}, LowPorts(53, has_capability=False), id="lowered start"
        ),
        pytest.param({}, NOBODY, id="nothing to read"),
        pytest.param({"start": "x", "status": "x"}, NOBODY, id="nonsense"),
    ],
)
def test_the_privilege_is_read_from_proc(files: dict[str, str], expected: LowPorts) -> None:
    def read(path: str) -> str:
        name = "start" if path.endswith("ip_unprivileged_port_start") else "status"
        if name not in files:
            raise FileNotFoundError(path)
        return files[name]

    assert read_low_ports(read) == expected


def test_what_is_read_of_this_machine_agrees_with_what_it_lets_us_bind() -> None:
    with socket.socket() as probe:
        try:
            probe.bind(("127.81.0.1", 81))
            is_bound = True
        except PermissionError:
            is_bound = False
    assert read_low_ports().can_bind(81) == is_bound


def test_in_the_exact_plan_the_host_binds_stand_ins_and_names_lead_to_addresses_as_written() -> None:
    exact = LoopbackNetwork("10.244.0.0/16", [PAGE], NOBODY, plan=AddressPlan(is_exact=True))
    assert exact.bind("10.96.0.10", 53) == ("127.96.0.10", 10053)
    assert exact.bind("127.0.0.1", 30001) == ("127.0.0.1", 30001)
    assert exact.hosts() == {"k8s.service.com": ("10.65.40.20",)}
    assert exact.dial("10.65.40.20", 80) == ("127.65.40.20", 10080)

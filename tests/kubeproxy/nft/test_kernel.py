"""The tables in a real kernel: pods in networks of their own connect to Services, and pods answer.

In both address plans, and in a user namespace, where the kernel grants less; as root also without one.
"""

from __future__ import annotations

import contextlib
import errno
import math
import time
from collections import Counter
from collections.abc import Iterator
from socket import AF_INET, SOCK_DGRAM

import pytest
from tests.helpers.chance import UNLIKELY, enough
from tests.helpers.kubeproxy.kernelrules import KernelRules, Servers
from tests.helpers.kubeproxy.podnetwork import PodNetwork, is_root, pod_network

from kubehost.addresses import Address
from kubeproxy.nft import statements as st
from kubeproxy.nft.io.netfilter import NetfilterSocket
from kubeproxy.nft.io.pins import find_pin
from kubeproxy.nft.tables import Chain, Part
from kubeproxy.types import Destination, ServicePortName

CHI_SQUARE = {2: -2 * math.log(UNLIKELY)}
"""By degrees of freedom what chance passes once in a million million runs: the kernel's numbers have no seed."""
KINDS = [("127", True), ("10", True), *([("127", False), ("10", False)] if is_root() else [])]


class Lab:
    """A network with three pods, one of them on the second node, and a Service ``web`` that each test makes."""

    def __init__(self, network: PodNetwork) -> None:
        self.network = network
        plan = network.plan
        self.v6 = ["fd00:10:244:1::2", "fd00:10:244:1::3", "fd00:10:244:2::4"]
        addresses = [f"{plan}.244.1.2", f"{plan}.244.1.3", f"{plan}.244.2.4"]
        self.pods = [network.add_pod(*each) for each in zip(addresses, self.v6, strict=True)]
        self.servers = Servers(network, self.pods)
        self._webs = 0
        self.renew()
        self.balancer = "127.0.113.1" if plan == "127" else "203.0.113.1"
        self.rules: KernelRules

    def renew(self) -> None:
        """Give the Service another address: the kernel remembers for 30 s where datagrams of a client's port went."""
        self._webs += 1
        self.web: Address = (f"{self.network.plan}.96.2.{self._webs}", 80)


@pytest.fixture(scope="module", params=KINDS, ids=lambda each: f"{each[0]}-{'user' if each[1] else 'root'}")
def made(request: pytest.FixtureRequest) -> Iterator[Lab]:
    plan, has_user_namespace = request.param
    with pod_network(plan, has_user_namespace=has_user_namespace) as network:
        lab = Lab(network)
        yield lab
        lab.servers.close()


@pytest.fixture
def lab(made: Lab) -> Iterator[Lab]:
    made.rules = KernelRules(made.network)
    made.renew()
    yield made
    made.rules.close()


def is_even(seen: Counter[str], count: int) -> bool:
    """Tell whether every one of ``count`` has its share (chi-square)."""
    expected = seen.total() / count
    found = sum((seen[each] - expected) ** 2 / expected for each in seen)
    return len(seen) == count and found < CHI_SQUARE[count - 1]


def test_connections_are_spread_evenly(lab: Lab) -> None:
    lab.rules.serve("web", lab.web[0], lab.pods)
    assert is_even(Counter(lab.servers.ask(lab.pods[0], lab.web).pod for _ in range(300)), 3)


def test_datagrams_of_one_client_go_to_one_pod_and_clients_are_spread(lab: Lab) -> None:
    lab.rules.serve("web", lab.web[0], lab.pods, ports=[{"port": 53, "protocol": "UDP"}])
    to = (lab.web[0], 53)
    client = lab.network.socket(lab.pods[0], AF_INET, SOCK_DGRAM)
    client.connect(to)
    assert len({lab.servers.exchange_by(client) for _ in range(10)}) == 1
    client.close()
    assert is_even(Counter(lab.servers.exchange(lab.pods[0], to).pod for _ in range(200)), 3)


def test_a_pod_keeps_its_address_and_the_node_has_its_gateways(lab: Lab) -> None:
    lab.rules.serve("web", lab.web[0], [lab.pods[2]])
    assert lab.servers.ask(lab.pods[0], lab.web).client == lab.pods[0]
    assert lab.servers.ask("", lab.web).client == lab.network.gateways[0]
    assert lab.servers.ask("", lab.web, lab.network.nodes[1]).client == lab.network.gateways[1]


def test_a_pod_reaches_itself(lab: Lab) -> None:
    lab.rules.serve("web", lab.web[0], [lab.pods[0]])
    assert lab.servers.ask(lab.pods[0], lab.web) == (lab.pods[0], lab.network.gateways[0])


def test_a_service_without_endpoints_refuses(lab: Lab) -> None:
    lab.rules.serve("web", lab.web[0], [], ports=[{"port": 80}, {"port": 53, "name": "dns", "protocol": "UDP"}])
    for place in (lab.pods[0], ""):
        with pytest.raises(ConnectionRefusedError):
            lab.servers.ask(place, lab.web)
    with lab.network.socket(lab.pods[0], AF_INET, SOCK_DGRAM) as client:
        client.connect((lab.web[0], 53))
        client.send(b"?")
        with pytest.raises(ConnectionRefusedError):
            client.recv(16)


def test_a_node_port_answers_at_every_node(lab: Lab) -> None:
    lab.rules.serve("web", lab.web[0], lab.pods, type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    for place in (lab.pods[0], ""):
        for node, gateway in zip(lab.network.nodes, lab.network.gateways, strict=True):
            assert lab.servers.ask(place, (node, 30080)).client == gateway


def test_the_policy_local_keeps_to_the_node_and_drops_without_endpoints_there(lab: Lab) -> None:
    ports = [{"port": 80, "nodePort": 30080}]
    local = {"externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"}
    lab.rules.serve("web", lab.web[0], lab.pods[:2], type="NodePort", ports=ports, **local)
    there = {lab.servers.ask(lab.pods[0], lab.web).pod for _ in range(enough(2))}
    assert there == set(lab.pods[:2])
    for to in (lab.web, (lab.network.nodes[1], 30080)):
        client = lab.network.socket(lab.pods[2] if to == lab.web else lab.pods[0])
        client.settimeout(0.3)
        with client, pytest.raises(TimeoutError):
            client.connect(to)
    assert lab.servers.ask(lab.pods[2], (lab.network.nodes[0], 30080)).client == lab.pods[2]


def test_load_balancer_addresses_obey_source_ranges(lab: Lab) -> None:
    status = {"loadBalancer": {"ingress": [{"ip": lab.balancer}]}}
    ranges = [f"{lab.pods[0]}/32"]
    lab.rules.serve(
        "web", lab.web[0], lab.pods[2:], type="LoadBalancer", status=status, loadBalancerSourceRanges=ranges
    )
    assert lab.servers.ask(lab.pods[0], (lab.balancer, 80)).pod == lab.pods[2]
    client = lab.network.socket(lab.pods[1])
    client.settimeout(0.3)
    with client, pytest.raises(TimeoutError):
        client.connect((lab.balancer, 80))
    assert lab.servers.ask(lab.pods[1], lab.web).pod == lab.pods[2], "the ranges are for load-balancer addresses"


def test_external_addresses_answer(lab: Lab) -> None:
    external = "127.51.100.7" if lab.network.plan == "127" else "198.51.100.7"
    lab.rules.serve("web", lab.web[0], lab.pods[2:], externalIPs=[external])
    assert lab.servers.ask(lab.pods[0], (external, 80)) == (lab.pods[2], lab.network.gateways[0])


def test_a_client_stays_with_its_endpoint(lab: Lab) -> None:
    lab.rules.serve("web", lab.web[0], lab.pods, sessionAffinity="ClientIP")
    for client in lab.pods:
        assert len({lab.servers.ask(client, lab.web).pod for _ in range(20)}) == 1
    left = lab.servers.ask(lab.pods[0], lab.web).pod
    lab.rules.serve("web", lab.web[0], [each for each in lab.pods if each != left], sessionAffinity="ClientIP")
    assert len({lab.servers.ask(lab.pods[0], lab.web).pod for _ in range(20)} - {left}) == 1


def test_a_pin_ends_some_time_after_its_last_use(lab: Lab) -> None:
    config = {"clientIP": {"timeoutSeconds": 1}}
    lab.rules.serve("web", lab.web[0], lab.pods, sessionAffinity="ClientIP", sessionAffinityConfig=config)
    seen: set[str] = set()
    with asking(lab) as sock:
        while len(seen) < 2:
            seen.add(lab.servers.ask(lab.pods[0], lab.web).pod)
            decision = lab.rules.proxier.rules.decide(lab.pods[0], Destination(*lab.web, "TCP"))
            pin = find_pin(sock, lab.rules.ruleset.families, decision)
            assert pin is not None
            assert pin.address.split(":")[0] in seen
            while find_pin(sock, lab.rules.ruleset.families, decision) is not None:
                time.sleep(0.01)


@contextlib.contextmanager
def asking(lab: Lab) -> Iterator[NetfilterSocket]:
    """Have one more socket to netfilter."""
    with contextlib.closing(NetfilterSocket(lab.network.netfilter())) as sock:
        yield sock


def test_ipv6_services_lead_to_ipv6_pods(lab: Lab) -> None:
    servers = Servers(lab.network, [])
    for pod, address in zip(lab.pods, lab.v6, strict=True):
        servers.add(pod, address)
    web = ("fd00:10:96::20", 80)
    lab.rules.serve("web", web[0], lab.v6)
    assert {servers.ask(lab.pods[0], web).pod for _ in range(enough(3))} == set(lab.v6)
    lab.rules.serve("web", web[0], lab.v6[:1])
    assert servers.ask(lab.pods[0], web) == (lab.v6[0], "fd00:10:244:1::1")
    assert servers.ask("", web).client in ("fd00:10:244:1::1", "fd00:10:244:2::1"), "the kernel chooses a gateway"
    lab.rules.serve("web", web[0], [])
    with pytest.raises(ConnectionRefusedError):
        servers.ask(lab.pods[1], web)
    servers.close()


def test_no_connection_is_lost_while_endpoints_come_and_go(lab: Lab) -> None:
    lab.rules.serve("web", lab.web[0], lab.pods)
    open_ones = [lab.servers.connect(lab.pods[0], lab.web) for _ in range(10)]
    for turn in range(60):
        pods = [each for number, each in enumerate(lab.pods) if number != turn % 3]
        lab.rules.serve("web", lab.web[0], pods)
        assert lab.servers.ask(lab.pods[turn % 3], lab.web).pod in pods
    for client, accepted, _ in open_ones:
        client.send(b"still here")
        assert accepted.recv(16) == b"still here"
        client.close()
        accepted.close()


def test_unused_chains_can_be_removed(lab: Lab) -> None:
    lab.rules.serve("web", lab.web[0], lab.pods, sessionAffinity="ClientIP")
    lab.rules.remove("web")
    stale = lab.rules.ruleset.stale()
    assert stale
    lab.rules.ruleset.remove_stale(stale)
    assert not lab.rules.ruleset.stale()
    lab.rules.serve("web", lab.web[0], lab.pods)
    assert lab.servers.ask(lab.pods[0], lab.web).pod in lab.pods


def test_what_the_kernel_refuses_is_named_and_all_else_is_served(lab: Lab) -> None:
    broken = ServicePortName("default", "broken", "", "TCP")
    nowhere = Part({"service-x": Chain(((st.Goto("nowhere"),),))})
    refused = lab.rules.ruleset.apply({broken: nowhere})
    assert refused[broken].errno == errno.ENOENT
    assert lab.rules.serve("web", lab.web[0], lab.pods) == {}
    assert lab.servers.ask(lab.pods[0], lab.web).pod in lab.pods


def test_a_part_that_was_good_and_is_refused_is_taken_away(lab: Lab) -> None:
    name = ServicePortName("default", "web", "", "TCP")
    lab.rules.serve("web", lab.web[0], lab.pods)
    assert name in lab.rules.ruleset.apply({name: Part({"service-x": Chain(((st.Goto("nowhere"),),))})})
    with pytest.raises(ConnectionRefusedError):
        lab.servers.ask(lab.pods[0], lab.web)


def test_more_than_fits_into_one_transaction_goes_in_several(lab: Lab) -> None:
    lab.rules.sock.capacity = 40_000
    plan = lab.network.plan
    for number in range(200):
        lab.rules.add(f"s{number}", f"{plan}.96.1.{number + 1}", lab.pods)
    assert lab.rules.sync() == {}
    for number in (1, 100, 200):
        assert lab.servers.ask(lab.pods[0], (f"{plan}.96.1.{number}", 80)).pod in lab.pods


def test_a_service_that_is_too_large_for_a_transaction_is_refused_alone(lab: Lab) -> None:
    lab.rules.sock.capacity = 20_000
    plan = lab.network.plan
    many = [f"{plan}.244.1.{number}" for number in range(10, 60)]
    lab.rules.add("large", f"{plan}.96.0.21", many, sessionAffinity="ClientIP")
    lab.rules.add("web", lab.web[0], lab.pods)
    ((name, error),) = lab.rules.sync().items()
    assert (name.name, error.errno) == ("large", errno.EMSGSIZE)
    assert lab.servers.ask(lab.pods[0], lab.web).pod in lab.pods

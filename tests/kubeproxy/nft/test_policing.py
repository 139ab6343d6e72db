"""NetworkPolicies in a real kernel: pods in networks of their own, in both address plans."""

from __future__ import annotations

from collections.abc import Iterator
from socket import AF_INET, AF_INET6, SOCK_DGRAM
from socket import socket as Socket  # noqa: N812  # a class, as in podnetwork

import pytest
from tests.helpers.kubeproxy.kernelrules import SERVER_PORT, KernelRules, Servers
from tests.helpers.kubeproxy.podnetwork import PodNetwork, pod_network
from tests.helpers.objects import build, build_pod
from tests.helpers.patience import SILENCE

from kubeapi.meta import JSON, ObjectKey
from kubehost.addresses import Address
from kubehost.io.places import HOST
from kubeproxy.nft.io.policing import KernelPolicies
from kubeproxy.nft.netlink import messages as to
from kubeproxy.nft.netlink.forms import V4
from kubeproxy.nft.policies.chains import TABLE


class _Cluster:
    """The place of the pods' network."""

    name = "cluster"

    def __init__(self, network: PodNetwork) -> None:
        self._network = network

    def socket(self, _family: int, _kind: int, _protocol: int = 0) -> Socket:
        return self._network.netfilter()


class Lab:
    """Three pods with servers, of which the first is the one that policies isolate."""

    def __init__(self, network: PodNetwork) -> None:
        self.network = network
        plan = network.plan
        self.web, self.cart, self.bank = (
            network.add_pod(f"{plan}.244.{each}", f"fd00:10:244:{each.replace('.', '::')}")
            for each in ("1.2", "1.3", "2.4")
        )
        self.web_v6 = "fd00:10:244:1::2"
        self.servers = Servers(network, (self.web, self.cart, self.bank))
        self.rules: KernelRules
        self.kernel: KernelPolicies

    def begin(self) -> None:
        self.rules = KernelRules(self.network)
        self.places = HOST, _Cluster(self.network)
        self.kernel = KernelPolicies(self, ())  # type: ignore[arg-type]
        policies = self.rules.proxier.policies
        for name, ip in (("web", self.web), ("cart", self.cart), ("bank", self.bank)):
            ports = [{"name": "web", "containerPort": SERVER_PORT}]
            pod = build_pod(name, {"name": "c", "ports": ports}, namespace="shop", metadata={"labels": {"app": name}})
            _, _, node, number = ip.split(".")
            ips = [{"ip": ip}, {"ip": f"fd00:10:244:{node}::{number}"}]
            policies.update_pod(ObjectKey("shop", name), {**pod, "status": {"podIP": ip, "podIPs": ips}})

    def apply(self, **spec: JSON | None) -> None:
        """Have policies by their names, None for one that is gone."""
        for name, each in spec.items():
            policy = None if each is None else build("NetworkPolicy", name, "shop", spec={"podSelector": {}, **each})
            self.rules.proxier.policies.update(ObjectKey("shop", name), policy)
        self.kernel.apply(self.rules.proxier.sync())
        assert not self.kernel.problem

    def reaches(self, place: str, address: Address) -> bool:
        """Tell whether a connection is made; one that is dropped hears nothing for a while."""
        client = self.network.socket(place, AF_INET6 if ":" in address[0] else AF_INET)
        client.settimeout(SILENCE)
        try:
            client.connect(address)
        except TimeoutError:
            return False
        finally:
            client.close()
        return True

    def end(self) -> None:
        self.apply(**dict.fromkeys((each.name for each in self.rules.proxier.rules.policies.policies), None))
        self.kernel.forget()
        self.rules.close()


@pytest.fixture(scope="module", params=["127", "10"])
def made(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with pod_network(request.param) as network:
        lab = Lab(network)
        yield lab
        lab.servers.close()


@pytest.fixture
def lab(made: Lab) -> Iterator[Lab]:
    made.begin()
    yield made
    made.end()


CART = {"podSelector": {"matchLabels": {"app": "cart"}}}
WEB = {"podSelector": {"matchLabels": {"app": "web"}}}


def test_what_no_rule_lets_in_is_dropped_by_pod_and_by_service(lab: Lab) -> None:
    vip = f"{lab.network.plan}.96.0.20"
    lab.rules.serve("web", vip, [lab.web])
    lab.apply(p={**WEB, "ingress": [{"from": [CART], "ports": [{"port": "web"}]}]})
    for address in ((lab.web, SERVER_PORT), (vip, 80)):
        assert lab.reaches(lab.cart, address)
        assert not lab.reaches(lab.bank, address)
    assert lab.reaches("", (lab.web, SERVER_PORT)), "the node is always let in"
    assert lab.reaches(lab.web, (lab.web, SERVER_PORT)), "so is the pod itself"


def test_ranges_of_ports_and_blocks_with_exceptions_hold(lab: Lab) -> None:
    block = {"cidr": f"{lab.network.plan}.244.0.0/16", "except": [f"{lab.network.plan}.244.2.0/24"]}
    lab.apply(p={**WEB, "ingress": [{"from": [{"ipBlock": block}], "ports": [{"port": 8000, "endPort": 8080}]}]})
    assert lab.reaches(lab.cart, (lab.web, SERVER_PORT))
    assert not lab.reaches(lab.bank, (lab.web, SERVER_PORT))
    lab.apply(p={**WEB, "ingress": [{"ports": [{"port": 8000, "endPort": 8079}]}]})
    assert not lab.reaches(lab.cart, (lab.web, SERVER_PORT))


def test_both_families_are_judged(lab: Lab) -> None:
    with lab.network.listen(lab.web, (lab.web_v6, SERVER_PORT)):
        assert lab.reaches(lab.bank, (lab.web_v6, SERVER_PORT))
        lab.apply(p={**WEB, "ingress": [{"from": [CART]}]})
        assert lab.reaches(lab.cart, (lab.web_v6, SERVER_PORT))
        assert not lab.reaches(lab.bank, (lab.web_v6, SERVER_PORT))
        lab.apply(p={**WEB, "ingress": [{"from": [{"ipBlock": {"cidr": "fd00:10:244:2::/64"}}]}]})
        assert lab.reaches(lab.bank, (lab.web_v6, SERVER_PORT))
        assert not lab.reaches(lab.cart, (lab.web_v6, SERVER_PORT))


def test_a_connection_and_a_flow_that_exist_go_on(lab: Lab) -> None:
    client, listening = lab.network.socket(lab.cart), lab.network.listen(lab.web, (lab.web, 9000))
    client.connect((lab.web, 9000))
    server, _ = listening.accept()
    flow = lab.network.socket(lab.cart, AF_INET, SOCK_DGRAM)
    flow.connect((lab.bank, SERVER_PORT))
    with client, listening, server, flow:
        lab.apply(first={"podSelector": {"matchLabels": {"app": "nobody"}}})
        lab.servers.exchange_by(flow)
        lab.apply(p={"policyTypes": ["Ingress", "Egress"]})
        client.send(b"still")
        assert server.recv(16) == b"still"
        server.send(b"here")
        assert client.recv(16) == b"here"
        lab.servers.exchange_by(flow)
        assert not lab.reaches(lab.cart, (lab.web, SERVER_PORT))


def test_a_table_that_somebody_has_removed_is_made_anew(lab: Lab) -> None:
    lab.apply(p={**WEB, "ingress": [{"from": [CART]}]})
    assert not lab.rules.sock.transact([to.delete_table(V4._replace(table=TABLE))])
    lab.apply(other={"podSelector": {"matchLabels": {"app": "bank"}}})
    assert not lab.reaches(lab.bank, (lab.web, SERVER_PORT))
    assert lab.reaches(lab.cart, (lab.web, SERVER_PORT))


def test_a_successor_takes_the_table_over(lab: Lab) -> None:
    lab.apply(p={**WEB, "ingress": [{"from": [CART]}]})
    lab.kernel.forget()
    lab.apply(p={**WEB, "ingress": [{"from": [CART]}]})
    assert not lab.reaches(lab.bank, (lab.web, SERVER_PORT))
    assert lab.reaches(lab.cart, (lab.web, SERVER_PORT))


def test_without_policies_there_is_no_table(lab: Lab) -> None:
    lab.apply(p={})
    assert list(lab.rules.sock.request(to.get_table(V4._replace(table=TABLE))))
    lab.kernel.forget()  # as after a failure
    lab.apply(p=None)
    with pytest.raises(FileNotFoundError):
        list(lab.rules.sock.request(to.get_table(V4._replace(table=TABLE))))
    assert lab.reaches(lab.bank, (lab.web, SERVER_PORT))

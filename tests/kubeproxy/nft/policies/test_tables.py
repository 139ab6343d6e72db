"""NetworkPolicies: what is decided of each pair of pods, and that the kernel's table says the same.

IP plan: shop/web 127.244.1.10 (app=web), shop/cart 127.244.1.11 (app=cart), bank/app 127.244.2.20 (app=bank).
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.helpers.kubeproxy.policyworld import DNS, GATEWAY, NODES, PolicyWorld

from kubeapi.meta import JSON
from kubeproxy.types import Destination

WEB, CART, BANK = "127.244.1.10", "127.244.1.11", "127.244.2.20"
PODS = {WEB: "web", CART: "cart", BANK: "bank"}
OUTSIDE = "203.0.113.7"


@pytest.fixture
def world() -> PolicyWorld:
    made = PolicyWorld()
    made.add_pod("shop/web", WEB, {"app": "web"})
    made.add_pod("shop/cart", CART, {"app": "cart", "tier": "back"})
    made.add_pod("bank/app", BANK, {"app": "bank"})
    return made


def app(name: str) -> JSON:
    return {"matchLabels": {"app": name}}


def named(namespace: str) -> JSON:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}


def lets_in(*rules: JSON, to: str = "web") -> JSON:
    return {"podSelector": app(to), "ingress": list(rules)}


def lets_out(*rules: JSON, of: str = "web") -> JSON:
    return {"podSelector": app(of), "policyTypes": ["Egress"], "egress": list(rules)}


def reached(world: PolicyWorld, **to: Any) -> set[str]:
    """Return the pods that reach WEB."""
    return {name for ip, name in PODS.items() if ip != WEB and world.allows(ip, WEB, **to)}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, set()),
        (lets_in({}), {"cart", "bank"}),
        (lets_in({"from": [{"podSelector": {}}]}), {"cart"}),
        (lets_in({"from": [{"podSelector": app("cart")}]}), {"cart"}),
        (lets_in({"from": [{"podSelector": app("bank")}]}), set()),
        (lets_in({"from": [{"namespaceSelector": {}}]}), {"cart", "bank"}),
        (lets_in({"from": [{"namespaceSelector": named("bank")}]}), {"bank"}),
        (lets_in({"from": [{"namespaceSelector": named("bank"), "podSelector": app("bank")}]}), {"bank"}),
        (lets_in({"from": [{"namespaceSelector": named("bank"), "podSelector": app("cart")}]}), set()),
        (lets_in({"from": [{"namespaceSelector": named("bank")}, {"podSelector": app("cart")}]}), {"cart", "bank"}),
        (lets_in({"from": [{"ipBlock": {"cidr": "127.244.0.0/16"}}]}), {"cart", "bank"}),
        (lets_in({"from": [{"ipBlock": {"cidr": "127.244.0.0/16", "except": ["127.244.2.0/24"]}}]}), {"cart"}),
        (lets_in({"from": [{"ipBlock": {"cidr": "::/0"}}]}), set()),
        (lets_in({"ports": [{"port": 8080}]}), {"cart", "bank"}),
        (lets_in({"ports": [{"port": 8081}]}), set()),
        (lets_in({"ports": [{"port": 8000, "endPort": 8100}]}), {"cart", "bank"}),
        (lets_in({"ports": [{"port": "web"}]}), {"cart", "bank"}),
        (lets_in({"ports": [{"port": "other"}]}), set()),
        (lets_in({"ports": [{"port": 8080, "protocol": "UDP"}]}), set()),
        (lets_in({"ports": [{"protocol": "TCP"}]}), {"cart", "bank"}),
        (lets_in({"ports": [{"port": 8080}], "from": [{"podSelector": app("cart")}]}), {"cart"}),
        (lets_in(to="cart"), {"cart", "bank"}),
        ({"podSelector": app("web"), "policyTypes": ["Egress"]}, {"cart", "bank"}),
    ],
)
def test_ingress_is_let_in_by_peers_and_ports(world: PolicyWorld, spec: JSON, expected: set[str]) -> None:
    world.set_policy("shop/p", spec)
    world.sync()
    assert reached(world) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (lets_out(), set()),
        (lets_out({}), {"cart", "bank"}),
        (lets_out({"to": [{"podSelector": app("cart")}]}), {"cart"}),
        (lets_out({"to": [{"namespaceSelector": named("bank")}]}), {"bank"}),
        (lets_out({"to": [{"ipBlock": {"cidr": "127.244.2.20/32"}}]}), {"bank"}),
        (lets_out({"ports": [{"port": "web"}]}), {"cart", "bank"}),
        (lets_out({"ports": [{"port": 9, "endPort": 10}]}), set()),
    ],
)
def test_egress_is_let_out_by_peers_and_ports(world: PolicyWorld, spec: JSON, expected: set[str]) -> None:
    world.set_policy("shop/p", spec)
    world.sync()
    assert {PODS[ip] for ip in (CART, BANK) if world.allows(WEB, ip)} == expected


def test_policies_add_up(world: PolicyWorld) -> None:
    world.set_policy("shop/deny", {})
    world.set_policy("shop/cart", lets_in({"from": [{"podSelector": app("cart")}]}))
    world.set_policy("shop/bank", lets_in({"from": [{"namespaceSelector": named("bank")}]}))
    world.sync()
    assert reached(world) == {"cart", "bank"}
    world.set_policy("shop/bank", None)
    world.sync()
    assert reached(world) == {"cart"}


def test_both_ends_are_asked(world: PolicyWorld) -> None:
    world.set_policy("shop/in", lets_in({}))
    world.set_policy("shop/out", lets_out({"to": [{"podSelector": app("web")}]}, of="cart"))
    world.set_policy("bank/out", lets_out(of="bank"))
    world.sync()
    assert reached(world) == {"cart"}


def test_nodes_and_the_pod_itself_are_always_let_through(world: PolicyWorld) -> None:
    world.set_policy("shop/deny", {"policyTypes": ["Ingress", "Egress"]})
    world.sync()
    judge = world.proxier.rules.judge
    for source, to in ((GATEWAY, WEB), (NODES["n2"], WEB), (WEB, NODES["n1"])):
        assert judge(source, world_destination(to)) == ()
    assert world.allows(WEB, WEB)
    assert not world.allows(OUTSIDE, WEB)


def world_destination(address: str) -> Destination:
    return Destination(address, 8080, "TCP")


def test_a_pod_of_the_node_s_network_is_as_the_node(world: PolicyWorld) -> None:
    world.add_pod("shop/agent", NODES["n1"], {"app": "web"}, hostNetwork=True)
    world.set_policy("shop/deny", {"policyTypes": ["Ingress", "Egress"]})
    world.sync()
    assert world.proxier.rules.judge(BANK, world_destination(NODES["n1"])) == ()


def test_the_name_server_is_judged_as_the_pods_of_kube_dns(world: PolicyWorld) -> None:
    world.set_policy("shop/deny", lets_out())
    world.sync()
    assert not world.lets_to_server(WEB, DNS, 53, "UDP")
    dns = {"namespaceSelector": named("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    world.set_policy("shop/dns", lets_out({"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}]}))
    world.sync()
    assert world.lets_to_server(WEB, DNS, 53, "UDP")
    assert not world.lets_to_server(WEB, DNS, 53, "TCP")
    assert world.lets_to_server(CART, DNS, 53, "TCP")


def test_a_policy_of_kube_system_isolates_the_name_server(world: PolicyWorld) -> None:
    world.set_policy("kube-system/deny", {})
    world.sync()
    assert not world.lets_to_server(WEB, DNS, 53, "UDP")
    from_shop = {"from": [{"namespaceSelector": named("shop")}], "ports": [{"port": "dns", "protocol": "UDP"}]}
    world.set_policy("kube-system/shop", {"ingress": [from_shop]})
    world.sync()
    assert world.lets_to_server(WEB, DNS, 53, "UDP")
    assert not world.lets_to_server(BANK, DNS, 53, "UDP")


VIP, OTHER = "127.96.0.20", "127.96.0.21"


@pytest.mark.parametrize(
    ("spec", "endpoints", "expected"),
    [
        ({}, (WEB,), set()),
        (lets_in(), (WEB, BANK), {"cart", "bank"}),
        (lets_in({"from": [{"podSelector": app("cart")}]}), (WEB,), {"cart"}),
        (lets_in({"ports": [{"port": 8080}]}), (WEB,), {"cart", "bank"}),
        (lets_in({"ports": [{"port": "web"}]}), (WEB,), {"cart", "bank"}),
        (lets_in({"ports": [{"port": 80}]}), (WEB,), set()),
        (lets_out(of="cart"), (WEB,), {"bank"}),
        (lets_out({"to": [{"podSelector": app("web")}]}, of="cart"), (WEB,), {"cart", "bank"}),
        (lets_out({"to": [{"podSelector": app("web")}]}, of="cart"), (BANK,), {"bank"}),
    ],
)
def test_a_service_s_address_drops_what_reaches_no_endpoint(
    world: PolicyWorld, spec: JSON, endpoints: tuple[str, ...], expected: set[str]
) -> None:
    world.serve("web", VIP, *endpoints)
    world.set_policy("shop/p", spec)
    world.sync()
    assert {PODS[ip] for ip in (CART, BANK) if world.lets_to_service(ip, VIP)} == expected


def test_only_the_services_of_isolated_pods_have_rules(world: PolicyWorld) -> None:
    world.serve("web", VIP, WEB)
    world.serve("bank", OTHER, BANK)
    world.set_policy("shop/deny", lets_in())
    world.sync()
    assert {each.name for each in world.closing_ports()} == {"web"}


def test_a_pod_s_new_labels_change_what_it_reaches(world: PolicyWorld) -> None:
    world.serve("web", VIP, WEB)
    world.set_policy("shop/p", lets_in({"from": [{"podSelector": app("friend")}]}))
    world.sync()
    assert not world.allows(CART, WEB)
    world.add_pod("shop/cart", CART, {"app": "friend"})
    world.sync()
    assert world.allows(CART, WEB)
    assert world.lets_to_service(CART, VIP)
    assert len(world.touched) == 1


def test_a_namespace_s_new_labels_change_what_its_pods_reach(world: PolicyWorld) -> None:
    world.set_policy("shop/p", lets_in({"from": [{"namespaceSelector": {"matchLabels": {"team": "money"}}}]}))
    world.sync()
    assert reached(world) == set()
    world.add_namespace("bank", team="money")
    world.sync()
    assert reached(world) == {"bank"}


def test_without_policies_nothing_is_wanted(world: PolicyWorld) -> None:
    world.serve("web", VIP, WEB)
    world.set_policy("shop/deny", {})
    world.sync()
    world.set_policy("shop/deny", None)
    world.sync()
    assert not world.closing_ports()
    assert reached(world) == {"cart", "bank"}
    assert not world.proxier.rules.policies


def test_one_pod_of_a_thousand_touches_only_what_has_it() -> None:
    world = PolicyWorld()
    for number in range(1000):
        labels = {"app": f"app-{number % 100}", "tier": "front"}
        world.add_pod(f"shop/p{number}", f"127.244.{1 + number // 250}.{2 + number % 250}", labels)
    for number in range(100):
        rule = {"from": [{"podSelector": app(f"app-{number}")}, {"podSelector": {"matchLabels": {"tier": "front"}}}]}
        world.set_policy(f"shop/policy-{number}", lets_in(rule, to=f"app-{number}"))
    world.sync()
    world.add_pod("shop/new", "127.244.9.9", {"app": "app-7", "tier": "front"})
    world.sync()
    assert len(world.touched) == 3  # two sets of peers, and the pod itself
    world.remove_pod("shop/new")
    world.sync()
    assert "127.244.9.9" in world.touched


def _some_peer(rng: random.Random) -> JSON:
    kind = rng.randrange(4)
    if kind == 0:
        return {"ipBlock": {"cidr": rng.choice(["127.244.0.0/16", "127.244.1.0/24", "0.0.0.0/0"])}}
    pods = {"podSelector": rng.choice([{}, app("web"), app("cart"), app("bank")])}
    namespaces = {"namespaceSelector": rng.choice([{}, named("shop"), named("bank")])}
    return (pods, namespaces, pods | namespaces)[kind - 1]


def _some_policy(rng: random.Random) -> JSON:
    def rules(peers: str) -> list[JSON]:
        ports: tuple[list[JSON], ...] = (
            [],
            [{"port": 8080}],
            [{"port": "web"}],
            [{"port": 1, "endPort": 9000}],
            [{"protocol": "UDP"}],
        )
        return [
            {peers: [_some_peer(rng) for _ in range(rng.randrange(3))], "ports": rng.choice(ports)}
            for _ in range(rng.randrange(3))
        ]

    return {
        "podSelector": rng.choice([{}, app("web"), app("cart"), app("bank")]),
        "policyTypes": rng.choice([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
        "ingress": rules("from"),
        "egress": rules("to"),
    }


@pytest.mark.parametrize("seed", range(12))
def test_the_table_says_what_is_decided_whatever_changes(world: PolicyWorld, seed: int) -> None:
    rng = random.Random(seed)
    world.serve("web", VIP, WEB, CART)
    for _ in range(15):
        namespace = rng.choice(["shop", "bank"])
        match rng.randrange(4):
            case 0 | 1:
                world.set_policy(f"{namespace}/p{rng.randrange(3)}", rng.choice([None, _some_policy(rng)]))
            case 2:
                world.add_pod("shop/cart", CART, {"app": rng.choice(["web", "cart"])})
            case 3:
                world.serve("web", VIP, *rng.choice([(WEB,), (CART,), (WEB, CART), (BANK,)]))
        world.sync()
        for source in (WEB, CART, BANK, OUTSIDE):
            for to in PODS:
                world.allows(source, to)
                world.allows(source, to, port=53, protocol="UDP")
            if source != OUTSIDE:
                world.lets_to_service(source, VIP)

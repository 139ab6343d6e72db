"""Every shipped configuration does what its first line says. The tutorial's folder has a module of its own."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.helpers.chance import enough
from tests.helpers.cluster.cli import KUBESVC, ClusterCommands, answering_pods, curl, curl_result, eventually, running
from tests.helpers.configs import CONFIGS
from tests.helpers.pages import PAGES, with_kubesvc
from tests.helpers.patience import PATIENCE

CURL_TIMED_OUT = 28
ZONE = "svc.cluster.local"
Story = Callable[[ClusterCommands], None]


def one_client_stays_with_one_pod(cluster: ClusterCommands) -> None:
    at, pods = cluster.at("sticky"), {pod["name"] for pod in cluster.ready_pods("sticky")}
    chosen = set(answering_pods(at, 10))
    assert len(pods) == 3
    assert len(chosen) == 1
    assert set(answering_pods(at, 10)) == chosen
    # Twenty other clients all choose one of three pods once in a thousand million runs.
    others = {client: answering_pods(at, 2, "--interface", f"127.0.0.{client}") for client in range(9, 29)}
    assert all(len(set(answered)) == 1 for answered in others.values())
    assert len({answered[0] for answered in others.values()}) > 1
    assert curl(f"http://{at}/clientip", "--interface", "127.0.0.9").partition(":")[0] == "127.0.0.9"


def every_pod_has_a_name(cluster: ClusterCommands) -> None:
    db = f"db.default.{ZONE}"
    for pod in cluster.ready_pods("db-"):
        name = f"{pod['name']}.{db}"
        assert cluster.dig(name) == [pod["podIP"]]
        assert cluster.dig("-x", pod["podIP"]) == [f"{name}."]
        assert curl(f"http://{name}:8080/hostname", "--resolve", f"{name}:8080:{pod['podIP']}") == pod["name"]
    assert cluster.dig(db) == sorted(pod["podIP"] for pod in cluster.ready_pods("db-"))
    assert cluster.dig(f"_http._tcp.{db}", "SRV") == [f"0 50 8080 db-{number}.{db}." for number in (0, 1)]
    assert cluster.service("db")["listeners"] == []


def what_is_outside_is_reached_by_name_and_by_address(cluster: ClusterCommands) -> None:
    page = "the billing system, outside the cluster\n"
    alias, outside = f"billing.default.{ZONE}", "billing.example.com"
    assert cluster.dig(alias, "CNAME") == [f"{outside}."]
    assert cluster.dig(alias) == ["127.51.100.80", f"{outside}."]
    assert curl(f"http://{outside}:8080/", "--resolve", f"{outside}:8080:127.51.100.80") == page
    assert curl(f"http://{cluster.at('billing-by-address')}/") == page


def load_balancers_have_addresses_of_the_pool(cluster: ClusterCommands) -> None:
    at, pods = cluster.at("shop", "loadBalancer"), {pod["name"] for pod in cluster.ready_pods("shop")}
    assert at.startswith("127.0.113.")
    assert cluster.at("shop-fixed", "loadBalancer") == "127.0.113.77:8080"
    assert Counter(answering_pods(at, 10)) == dict.fromkeys(pods, 5)
    assert set(answering_pods("127.0.113.77:8080", 10)) <= pods
    for service in ("shop", "shop-fixed"):
        assert set(answering_pods(cluster.at(service), 2)) <= pods
        nodes = [each for each in cluster.service(service)["listeners"] if each["nodePort"]]
        assert {each["address"] for each in nodes} == {"127.0.0.1", "127.168.0.101", "127.168.0.102"}
        for node in nodes:
            assert set(answering_pods(f"{node['address']}:{node['port']}", 1)) <= pods


def one_name_in_two_namespaces_is_two_services(cluster: ClusterCommands) -> None:
    addresses = set()
    for namespace, count in (("staging", 1), ("production", 2)):
        pods = {pod["name"] for pod in cluster.ready_pods("web", namespace)}
        at = cluster.at("web", namespace=namespace)
        assert len(pods) == count
        assert cluster.dig(f"web.{namespace}.{ZONE}") == [at.partition(":")[0]]
        assert curl(f"http://{at}/") == f"{namespace}\n"
        assert set(answering_pods(at, 20)) <= pods
        addresses.add(at)
    assert len(addresses) == 2
    assert cluster.dig(f"web.default.{ZONE}") == []


def node_ports_and_zones_are_those_of_the_node(cluster: ClusterCommands) -> None:
    pods = {each: {pod["name"] for pod in cluster.ready_pods(f"web-{each}-")} for each in "ab"}
    assert [len(each) for each in pods.values()] == [2, 1]
    at, close = cluster.at("web-local"), cluster.at("web-close")
    for node, zone in (("127.168.0.101", "a"), ("127.168.0.102", "b")):
        often = enough(len(pods[zone]))
        assert set(answering_pods(f"{node}:30080", often)) == pods[zone]
        assert set(answering_pods(at, often, "--interface", node)) == pods[zone]
        assert set(answering_pods(close, often, "--interface", node)) == pods[zone]
    # On node-3 there is none: the policy Local drops, PreferClose takes what there is elsewhere.
    for silent in (("http://127.168.0.103:30080/",), (f"http://{at}/", "--interface", "127.168.0.103")):
        assert curl_result(*silent, "--max-time", "0.5").returncode == CURL_TIMED_OUT
    assert set(answering_pods("127.168.0.103:30080", 3, "--interface", "127.168.0.103")) <= pods["a"] | pods["b"]
    assert set(answering_pods(close, enough(3), "--interface", "127.168.0.103")) == pods["a"] | pods["b"]
    checks = [json.loads(curl(f"http://127.168.0.10{node}:30081/")) for node in (1, 2, 3)]
    assert [each["localEndpoints"] for each in checks] == [2, 1, 0]


def one_node_port_serves_both_protocols(cluster: ClusterCommands) -> None:
    pods = {pod["name"] for pod in cluster.ready_pods("talk")}
    for at in (cluster.at("talk"), "127.0.0.1:30088", "127.168.0.102:30088"):
        assert {ask_by_udp(at, "hostname") for _ in range(2)} == pods
        assert set(answering_pods(at, 2)) == pods
    long = "x" * 2000
    assert ask_by_udp(cluster.at("talk"), f"echo {long}") == long
    assert ask_by_udp(cluster.at("talk"), "clientip", "127.0.0.77").partition(":")[0] == "127.0.0.77"


def each_request_has_its_own_endpoint(cluster: ClusterCommands) -> None:
    pods = {pod["name"]: pod["podIP"] for pod in cluster.ready_pods("api")}
    answers = curl(f"http://{cluster.at('api')}/hostname?[1-6]", "-i", "-o", "-", "-w", "%{num_connects}\\n")
    assert Counter(re.findall(r"(?im)^x-pod: (\S+)", answers)) == dict.fromkeys(pods, 2)
    named = re.findall(r"(?im)^x-kubesvc-endpoint: (\S+):8080\s", answers)
    assert Counter(named) == dict.fromkeys(pods.values(), 2)
    plain = curl(f"http://{cluster.at('api-by-connection')}/hostname?[1-6]", "-i")
    assert len(set(re.findall(r"(?im)^x-pod: (\S+)", plain))) == 1
    assert "x-kubesvc-endpoint" not in plain.lower()
    listed = cluster.run("connections").stdout
    assert "GET /hostname?6" in listed


def ask_by_udp(at: str, question: str, source: str = "") -> str:
    """Return the answer to one datagram from a new port."""
    address, _, port = at.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.settimeout(PATIENCE)
        sock.connect((address, int(port)))
        sock.send(question.encode())
        return sock.recv(65536).decode()


def both_families_have_addresses_and_what_the_machine_has_answers(cluster: ClusterCommands) -> None:
    pods = {pod["name"] for pod in cluster.ready_pods("web")}
    ipv4, ipv6 = zip(*(pod["podIPs"] for pod in cluster.ready_pods("web")), strict=True)
    for at in (cluster.at("web", address=cluster.service("web")["clusterIP"]), "127.0.0.1:30080", "[::1]:30080"):
        assert set(answering_pods(at, enough(len(pods)))) == pods
    assert cluster.dig(f"web.default.{ZONE}", "AAAA") == cluster.service("web")["clusterIPs"][1:]
    assert cluster.dig(f"web-v6.default.{ZONE}", "AAAA") == [cluster.service("web-v6")["clusterIP"]]
    assert cluster.dig(f"web-v6.default.{ZONE}") == []
    assert cluster.dig(f"web-headless.default.{ZONE}") == sorted(ipv4)
    assert cluster.dig(f"web-headless.default.{ZONE}", "AAAA") == sorted(ipv6)
    assert f"web.default.{ZONE}." in cluster.dig("-x", cluster.service("web")["clusterIPs"][1])
    (listener,) = cluster.service("web-v6")["listeners"]
    missing = "sudo ip -6 route add local fd00:10:96::/108 dev lo"
    assert listener["bound"] is not any(missing in each for each in cluster.status()["problems"])


def only_what_a_policy_names_gets_in(cluster: ClusterCommands) -> None:
    places = ("outside", "pod/front", "pod/api", "pod/db")
    passing = {"front": set(places), "api": {"pod/front", "pod/api"}, "db": {"pod/api", "pod/db"}}
    for service, expected in passing.items():
        traces = {each: cluster.named("trace", each, f"svc/{service}", "-o", "json").stdout for each in places}
        assert {each for each, text in traces.items() if json.loads(text)["verdict"] == "FORWARD"} == expected
    assert curl(f"http://{cluster.at('front')}/hostname") == "front"
    assert curl_result(f"http://{cluster.at('db')}/hostname").returncode
    asked = f"http://{cluster.pods('front')[0]['podIP']}:8080/dial?protocol=http&tries=1&request=hostname&port=80"
    assert json.loads(curl(f"{asked}&host={cluster.at('api').partition(':')[0]}")) == {"responses": ["api"]}
    assert "errors" in json.loads(curl(f"{asked}&host={cluster.at('db').partition(':')[0]}"))


def pods_come_and_go_with_the_requests(cluster: ClusterCommands) -> None:
    # Five pods need more than 88/s, as a tenth too many per pod is tolerated; and each step waits for the next 15 s.
    bench = [*KUBESVC, "bench", "--name", cluster.name, "svc/web", "--rate", "120/s", "--duration", "1h"]
    with subprocess.Popen(bench, env=cluster.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as load:
        try:
            assert eventually(lambda: len(cluster.ready_pods("web")) == 5, 2 * PATIENCE)
        finally:
            load.kill()
    assert eventually(lambda: len(cluster.ready_pods("web")) == 1, 2 * PATIENCE)


TRIES = dict(re.findall(r"^\| \[([\w-]+\.yaml)\]\(.*\) \|.*\| `(.*)` \|$", PAGES["configs/README.md"], re.MULTILINE))
"""What the page says one may try of each."""

STORIES: dict[str, Story] = {
    "udp.yaml": one_node_port_serves_both_protocols,
    "http.yaml": each_request_has_its_own_endpoint,
    "traffic-policy.yaml": node_ports_and_zones_are_those_of_the_node,
    "dual-stack.yaml": both_families_have_addresses_and_what_the_machine_has_answers,
    "autoscaling.yaml": pods_come_and_go_with_the_requests,
    "affinity.yaml": one_client_stays_with_one_pod,
    "headless.yaml": every_pod_has_a_name,
    "external.yaml": what_is_outside_is_reached_by_name_and_by_address,
    "load-balancer.yaml": load_balancers_have_addresses_of_the_pool,
    "network-policies.yaml": only_what_a_policy_names_gets_in,
    "two-namespaces.yaml": one_name_in_two_namespaces_is_two_services,
}
ELSEWHERE = {
    "app.yaml": "test_app.py",
    "deploy": "test_deploy.py",
    "dns": "test_remote_dns.py",
    "lab": "test_lab.py",
    "proxy": "test_remote_proxy.py",
    "shop": "test_shop.py",
    "tutorial": "test_tutorial.py",
}


@pytest.mark.parametrize(("config", "story"), STORIES.items(), ids=[story.__name__ for story in STORIES.values()])
def test_a_configuration_does_what_it_says(config: str, story: Story, tmp_path: Path, default_addresses: None) -> None:
    with running(ClusterCommands(tmp_path), str(CONFIGS / config)) as cluster:
        story(cluster)
        tried = subprocess.run(
            ["bash", "-c", TRIES[config].replace("\\|", "|")],
            env={**with_kubesvc(cluster.env), "KUBECONFIG": str(cluster.state / "kubeconfig"), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (tried.returncode, bool(tried.stdout)) == (0, True), tried


def test_every_configuration_has_a_story_and_a_line_on_the_page() -> None:
    there = {path.name for path in CONFIGS.iterdir()} - {"README.md"}
    assert there == STORIES.keys() | ELSEWHERE.keys()
    assert all((Path(__file__).parent / module).exists() for module in ELSEWHERE.values())
    page = PAGES["configs/README.md"]
    assert [name for name in there if f"]({name}" not in page] == []


@pytest.mark.parametrize("config", STORIES)
def test_every_configuration_opens_with_a_sentence(config: str) -> None:
    assert (CONFIGS / config).read_text().startswith("# ")

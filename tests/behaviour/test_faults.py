"""What goes wrong in practice: a clear error or a sane recovery, while every other Service goes on."""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, curl_result, eventually, find, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import HTTP_PORT, deployment, pod, script, service, stream
from tests.helpers.patience import PATIENCE

from kubeproxy.balancers import NAMES

GROUND = Ground(9)
TAKEN_IP = f"{GROUND.services}.77.1"
TAKEN_NODE_PORT = GROUND.first_node_port + 7
IDLE_CONNECTIONS = 5000

SLEEP = "import time; time.sleep(3600)"
CRASH = "print('no database', flush=True); raise SystemExit(3)"
HANG = """
import socket, sys, time
listener = socket.create_server((sys.argv[1], 8080))
held = []
while True:
    held.append(listener.accept())
"""
CHATTER = """
import time
count = 0
while True:
    print("line", count, flush=True)
    count += 1
    time.sleep(0.02)
"""

CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT = 7, 28
CURLE_ENDED_EARLY = {CURLE_COULDNT_CONNECT, 52, 55, 56}
"""CURLE_GOT_NOTHING, _SEND_ERROR, _RECV_ERROR: closed or reset without an answer, if not while connect() looked."""


class Refused(NamedTuple):
    """One file that must not be started, and the line that says why."""

    text: str
    line: int
    said: str


def one_service(ports: str, more: str = "", name: str = "web") -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  ports: {ports}\n{more}"


BAD_INPUT = {
    "broken YAML": Refused("kind: Service\n  metadata: {\n", 2, ""),
    "a tab for indentation": Refused("kind: Service\nmetadata:\n\tname: web\n", 3, "tab"),
    "JSON that ends early": Refused('{"kind": "Service",\n "metadata": {\n', 3, ""),
    "an unknown field": Refused(
        one_service("[{port: 80}]", "  slector: {app: web}\n", "unknown"),
        6,
        'spec.slector: unknown field "spec.slector"\n    did you mean "selector"?',
    ),
    "a wrong type": Refused(
        one_service('[{port: "80"}]', name="mistyped"), 5, "spec.ports[0].port: json: cannot unmarshal string into Go"
    ),
    "no kind": Refused("apiVersion: v1\nmetadata: {name: web}\n", 1, "kind: Required value"),
    "no name": Refused(
        "apiVersion: v1\nkind: Service\nspec: {ports: [{port: 80}]}\n", 1, "metadata.name: Required value"
    ),
    "a name twice": Refused(
        one_service("[{port: 80}]", name="twin") + "---\n" + one_service("[{port: 81}]", name="twin"),
        9,
        'metadata.name: Duplicate value: "twin"',
    ),
    "a node port outside the range": Refused(
        one_service("[{port: 80, nodePort: 80}]", "  type: NodePort\n", "outside"),
        5,
        "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. "
        f"The range of valid ports is {GROUND.first_node_port}-{GROUND.first_node_port + 99}",
    ),
    "a node port that another Service has": Refused(
        one_service(f"[{{port: 80, nodePort: {GROUND.first_node_port}}}]", "  type: NodePort\n", "early")
        + "---\n"
        + one_service(f"[{{port: 80, nodePort: {GROUND.first_node_port}}}]", "  type: NodePort\n", "late"),
        12,
        f"spec.ports[0].nodePort: Invalid value: {GROUND.first_node_port}: provided port is already allocated",
    ),
    "a cluster IP in use": Refused(
        one_service("[{port: 80}]", f"  clusterIP: {GROUND.services}.0.10\n", "dns"),
        6,
        f'spec.clusterIPs: Invalid value: ["{GROUND.services}.0.10"]: '
        f"failed to allocate IP {GROUND.services}.0.10: provided IP is already allocated",
    ),
    "a cluster IP outside the range": Refused(
        one_service("[{port: 80}]", "  clusterIP: 127.9.9.9\n", "away"),
        6,
        'spec.clusterIPs: Invalid value: ["127.9.9.9"]: failed to allocate IP 127.9.9.9: '
        "the provided network does not match the current range",
    ),
    "an unknown balancer": Refused(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: odd\n  annotations: {kubesvc.dev/balancer: fastest}\n"
        "spec: {ports: [{port: 80}]}\n",
        5,
        'Unsupported value: "fastest": supported values: ' + ", ".join(f'"{each}"' for each in sorted(NAMES)),
    ),
    "a namespace that is not there": Refused(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: void}\nspec: {ports: [{port: 80}]}\n", 3, ""
    ),
}


class Refusal(NamedTuple):
    """How one run of `kubesvc up` with all bad input ended."""

    folder: Path
    exit_status: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def refusal(tmp_path_factory: pytest.TempPathFactory) -> Refusal:
    folder = tmp_path_factory.mktemp("bad")
    (folder / "cluster.yaml").write_text(GROUND.configuration())
    for name, each in BAD_INPUT.items():
        (folder / f"{name.replace(' ', '-')}.yaml").write_text(each.text)
    result = ClusterCommands(tmp_path_factory.mktemp("state"), "refused").up(str(folder))
    return Refusal(folder, result.returncode, result.stdout, result.stderr)


@pytest.mark.parametrize("name", [name for name in BAD_INPUT if "namespace" not in name])
def test_bad_input_is_named_with_its_line_and_in_kubernetes_words(refusal: Refusal, name: str) -> None:
    each = BAD_INPUT[name]
    place = f"{refusal.folder}/{name.replace(' ', '-')}.yaml:{each.line}:"
    told = [part for part in refusal.stderr.split(f"{refusal.folder}/") if f"{refusal.folder}/{part}".startswith(place)]
    assert told, refusal.stderr
    assert any(each.said in part for part in told), told


def test_nothing_is_started_on_bad_input(refusal: Refusal) -> None:
    assert (refusal.exit_status, refusal.stdout) == (2, "")
    assert refusal.stderr.endswith(" faults found, nothing was started\n")


def test_a_namespace_that_is_not_there_is_named_once_everything_can_be_read(tmp_path: Path) -> None:
    result = ClusterCommands(tmp_path).up("-", stdin=BAD_INPUT["a namespace that is not there"].text)
    assert result.returncode == 2
    assert result.stderr.startswith(
        '<stdin>:3:23: metadata.namespace: namespaces "void" not found\n    add a Namespace'
    )


class Faulty(NamedTuple):
    """A cluster in which much is wrong, and the sockets that are in its way."""

    commands: ClusterCommands
    in_the_way: list[socket.socket]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    commands = ClusterCommands(tmp_path_factory.mktemp("state"), "faulty")
    manifests = stream(
        GROUND.configuration(),
        service("web"),
        deployment("web", 2),
        service("lonely"),
        service("taken", "web", clusterIP=TAKEN_IP),
        service("taken-node", "web", type="NodePort", ports=[{"port": HTTP_PORT, "nodePort": TAKEN_NODE_PORT}]),
        service("unknown"),
        pod("unknown", {"name": "unknown", "image": "example.com/never/heard-of:1"}),
        service("crash"),
        pod("crash", script(CRASH)),
        service("hang"),
        pod("hang", script(HANG, "$(POD_IP)")),
        service("deaf"),
        pod("deaf", script(SLEEP)),
        service("half"),
        {**pod("half-deaf", script(SLEEP)), "metadata": {"name": "half-deaf", "labels": {"app": "half"}}},
        {**pod("half-well"), "metadata": {"name": "half-well", "labels": {"app": "half"}}},
        pod("chatter", script(CHATTER)),
    )
    places = (TAKEN_IP, HTTP_PORT), (GROUND.node(1), TAKEN_NODE_PORT)
    with ExitStack() as stack:
        in_the_way = [stack.enter_context(socket.create_server(place)) for place in places]
        stack.enter_context(running(commands, "--timeout", "2s", "-", stdin=manifests, exit_status=4))
        yield Faulty(commands, in_the_way)


@pytest.fixture
def cluster(faulty: Faulty) -> Iterator[ClusterCommands]:
    """Give the cluster to a story, and see that the Service which nothing is wrong with has gone on."""
    yield faulty.commands
    assert curl(f"http://{faulty.commands.at('web')}/hostname").startswith("web-")


def test_what_is_wrong_is_said_and_all_the_rest_runs(cluster: ClusterCommands) -> None:
    said = cluster.started.stderr
    assert "not ready within 2s" in said
    assert "Pod default/unknown" in said
    assert "Service default/lonely: Its selector app=lonely matches no pod" in said
    assert "default/lonely" not in said.partition("not ready within 2s")[2]
    others = {"hang", "deaf", "half-deaf", "half-well"}
    assert eventually(lambda: {each["name"] for each in cluster.ready_pods()} >= others)
    # How long a program lives that crashes at its start depends on the machine: it may be one that runs at any moment.
    again = ("up", "--detach", "--timeout", "100ms", "-")
    assert eventually(lambda: "Pod default/crash" in cluster.named(*again, stdin=stream(service("web"))).stderr)


def test_a_service_whose_address_somebody_has_says_who(cluster: ClusterCommands) -> None:
    assert eventually(lambda: f"(pid {os.getpid()})" in cluster.listener("taken")["error"])
    assert not cluster.listener("taken")["bound"]
    told = [each["message"] for each in cluster.status()["warnings"] if each["object"] == "service/taken"]
    assert any(f"{TAKEN_IP}:{HTTP_PORT}" in each for each in told), told


def test_a_node_port_that_somebody_has_on_one_node_answers_on_the_others(cluster: ClusterCommands) -> None:
    assert not cluster.listener("taken-node", "nodePort", GROUND.node(1))["bound"]
    for address in (GROUND.node(2), "127.0.0.1"):
        assert curl(f"http://{cluster.at('taken-node', 'nodePort', address)}/hostname").startswith("web-")


def test_what_somebody_had_is_bound_once_it_is_free(faulty: Faulty, cluster: ClusterCommands) -> None:
    for blocker in faulty.in_the_way:
        blocker.close()
    assert eventually(lambda: cluster.listener("taken")["bound"])
    assert cluster.listener("taken")["error"] == ""
    assert curl(f"http://{cluster.at('taken')}/hostname").startswith("web-")
    assert eventually(lambda: cluster.listener("taken-node", "nodePort", GROUND.node(1))["bound"])


def test_a_selector_without_pods_refuses_connections_and_is_no_reason_to_wait(cluster: ClusterCommands) -> None:
    listener = cluster.listener("lonely")
    refused = curl_result(f"http://{listener['address']}:{listener['port']}/")
    assert (listener["bound"], listener["error"]) == (False, "")
    assert refused.returncode == CURLE_COULDNT_CONNECT
    assert cluster.dig("lonely.default.svc.cluster.local") == [listener["address"]]


def test_an_unknown_image_is_said_with_how_to_add_it(cluster: ClusterCommands) -> None:
    assert cluster.pods("unknown")[0]["status"] in ("ErrImagePull", "ImagePullBackOff")
    warnings = [each for each in cluster.status()["warnings"] if each["object"] == "pod/unknown"]
    assert any("example.com/never/heard-of:1" in each["message"] for each in warnings)
    assert "images:" in cluster.started.stderr
    assert "heard-of" in cluster.started.stderr
    assert not cluster.listener("unknown")["bound"]


def test_a_pod_that_crashes_at_start_is_tried_again_later_and_later(cluster: ClusterCommands) -> None:
    assert eventually(lambda: cluster.pods("crash")[0]["status"] == "CrashLoopBackOff")
    crashing = cluster.pods("crash")[0]
    assert crashing["restarts"] >= 1
    assert not crashing["ready"]
    assert cluster.named("logs", "crash").stdout == "no database\n"
    assert any(each["object"] == "pod/crash" and each["reason"] == "BackOff" for each in cluster.status()["warnings"])
    assert not cluster.listener("crash")["bound"]


def test_a_pod_killed_by_hand_is_started_again_and_the_service_goes_on(cluster: ClusterCommands) -> None:
    at, victim = cluster.at("web"), cluster.ready_pods("web-")[0]
    os.kill(victim["pid"], signal.SIGKILL)
    # Until it is dead its kernel still accepts connections, which end with it.
    assert eventually(lambda: not Path("/proc", str(victim["pid"])).exists())
    assert all(curl(f"http://{at}/hostname").startswith("web-") for _ in range(10))
    assert eventually(lambda: len(cluster.ready_pods("web-")) == 2)
    again = find(cluster.pods("web-"), name=victim["name"])
    assert (again["restarts"], again["podIP"]) == (1, victim["podIP"])
    assert again["pid"] != victim["pid"]


def test_an_endpoint_that_accepts_and_hangs_holds_only_its_own_clients(cluster: ClusterCommands) -> None:
    hanging = cluster.at("hang")
    assert curl_result(f"http://{hanging}/", "--max-time", "0.5").returncode == CURLE_OPERATION_TIMEDOUT
    with connection(hanging) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert curl(f"http://{cluster.at('web')}/hostname").startswith("web-")
        os.kill(cluster.pods("hang")[0]["pid"], signal.SIGKILL)
        assert is_ended(client)
    assert eventually(lambda: active_connections("hang") == 0)


def test_an_endpoint_that_refuses_is_replaced_by_another_one(cluster: ClusterCommands) -> None:
    at = cluster.at("half")
    assert {curl(f"http://{at}/hostname") for _ in range(20)} == {"half-well"}


def test_where_every_endpoint_refuses_the_client_is_let_go(cluster: ClusterCommands) -> None:
    assert curl_result(f"http://{cluster.at('deaf')}/").returncode in CURLE_ENDED_EARLY


def test_a_client_that_leaves_half_way_is_forgotten(cluster: ClusterCommands) -> None:
    at = cluster.at("web")
    for request in (
        b"",
        b"GET /host",
        b"GET /echo?msg=" + b"x" * 8000 + b" HTTP/1.1\r\n\r\n",
        b"GET /hostname HTTP/1.1\r\n",
    ):
        with connection(at) as client:
            client.sendall(request)
        with connection(at) as client:
            client.sendall(request)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert eventually(lambda: active_connections("web") == 0)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open as many files as the story has connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE_CONNECTIONS + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_five_thousand_idle_connections_leave_room_for_the_next(cluster: ClusterCommands, many_files: None) -> None:
    at = cluster.at("web")
    with ExitStack() as stack:
        idle = [stack.enter_context(connection(at)) for _ in range(IDLE_CONNECTIONS)]
        assert eventually(lambda: active_connections("web") == IDLE_CONNECTIONS)
        assert curl(f"http://{at}/hostname").startswith("web-")
        for client in (idle[0], idle[-1]):
            client.sendall(b"GET /hostname HTTP/1.1\r\nHost: web\r\n\r\n")
            assert b"200 OK" in client.recv(4096)
    assert eventually(lambda: active_connections("web") == 0)


def test_garbage_is_no_question_to_dns(cluster: ClusterCommands) -> None:
    dns = cluster.status()["dns"]["addresses"][0]
    place, noise = (dns["address"], dns["port"]), random.Random(1)
    packets = [b"", b"\0", b"\xff" * 12, *(noise.randbytes(noise.randrange(1, 600)) for _ in range(500))]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for packet in packets:
            client.sendto(packet, place)
    for packet in packets[:20]:
        with socket.create_connection(place, timeout=PATIENCE) as client:
            client.sendall(packet)
    expected = [cluster.service("web")["clusterIP"]]
    assert cluster.dig("web.default.svc.cluster.local") == expected
    assert cluster.dig("web.default.svc.cluster.local", "+tcp") == expected


def test_a_disk_without_room_costs_log_lines_and_nothing_else(cluster: ClusterCommands) -> None:
    pid, limit = cluster.status()["pid"], resource.RLIMIT_FSIZE
    before = resource.prlimit(pid, limit)
    resource.prlimit(pid, limit, (0, before[1]))
    try:
        assert eventually(lambda: any(each["object"] == "pod/chatter" for each in cluster.status()["warnings"]))
        assert cluster.pods("chatter")[0]["ready"]
        assert curl(f"http://{cluster.at('web')}/hostname").startswith("web-")
        lost_from = last_line(cluster)
    finally:
        resource.prlimit(pid, limit, before)
    assert eventually(lambda: last_line(cluster) > lost_from)
    assert cluster.pods("chatter")[0]["restarts"] == 0


def last_line(cluster: ClusterCommands) -> int:
    """Return the number of the last line that the pod `chatter` has in its log."""
    lines = [
        line for line in cluster.named("logs", "chatter", "--tail", "3").stdout.splitlines() if line[:5] == "line "
    ]
    return int(lines[-1].split()[1])


def connection(at: str) -> socket.socket:
    """Return a connection to ``address:port``."""
    address, _, port = at.rpartition(":")
    return socket.create_connection((address, int(port)), timeout=PATIENCE)


def is_ended(client: socket.socket) -> bool:
    """Wait for the other side's end, and tell whether it came without a byte."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def active_connections(name: str) -> int:
    """Return how many connections a Service has, from its metrics; one whose endpoints have gone is not in them."""
    lines = curl(f"http://{GROUND.node(0)}:10249/metrics").splitlines()
    gauges = [line for line in lines if line.startswith("kubesvc_proxy_active_connections{")]
    assert gauges, lines
    return int(sum(float(line.rpartition(" ")[2]) for line in gauges if f'service="{name}"' in line))

"""Stories of processes in sandboxes: what they see of the network, and what they may do."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers.kubelet.cluster import SANDBOXES, is_alive, private_kib, until

from kubelet.images.builtins import plan_builtin
from kubelet.images.serverhost import ServerHost
from kubelet.process.orphans import marker
from kubelet.process.output import OutputSink
from kubelet.process.runner import ProcessRunner, RunningProcess
from kubelet.spec.process import Exit, ProcessSpec, SandboxError, StartError
from kubelet.spec.sandbox import Mount, Root, SandboxSpec

PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
GATEWAY = ("127.246.1.1",)
WEB = SandboxSpec("web-uid", ("127.246.1.2",), GATEWAY, "web")
CLIENT = SandboxSpec("client-uid", ("127.246.1.3",), GATEWAY, "client")
NODE = SandboxSpec("node-uid", ("127.169.0.1",), GATEWAY, "node-a", is_host_network=True)
CONNECT = """
import socket
for address in {}:
    client = socket.socket()
    client.settimeout(5)
    try:
        client.connect(address)
        print(address[0], client.getsockname()[0], "sees", client.recv(99).decode())
    except OSError as error:
        print(address[0], error.strerror)
"""
SERVE = """
import socket
server = socket.create_server(("0.0.0.0", 80))
print("ready", flush=True)
while True:
    client, (address, _) = server.accept()
    client.sendall(address.encode())
    client.close()
"""


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[ProcessRunner]:
    runner = ProcessRunner(marker("sandboxes", tmp_path), SANDBOXES)
    yield runner
    await runner.close()


def in_sandbox(sandbox: SandboxSpec, *argv: str, container: str = "") -> ProcessSpec:
    return ProcessSpec(argv, PATH, container=container, sandbox=sandbox.uid, root=Root())


def python(sandbox: SandboxSpec, script: str) -> ProcessSpec:
    return in_sandbox(sandbox, "python3", "-c", script)


def collected() -> tuple[list[bytes], OutputSink]:
    chunks: list[bytes] = []
    return chunks, lambda _, chunk: chunks.append(chunk)


async def output_of(runner: ProcessRunner, spec: ProcessSpec) -> str:
    chunks, sink = collected()
    process = await runner.start(spec, sink)
    await process.wait()
    return b"".join(chunks).decode()


async def serve(runner: ProcessRunner, sandbox: SandboxSpec) -> RunningProcess:
    chunks, sink = collected()
    server = await runner.start(python(sandbox, SERVE), sink)
    await until(lambda: b"ready" in b"".join(chunks))
    return server


async def test_a_pod_has_a_network_a_name_and_a_first_process_of_its_own(runner: ProcessRunner) -> None:
    await runner.make_sandbox(WEB)
    shown = await output_of(runner, in_sandbox(WEB, "sh", "-c", "uname -n; echo $$; ip -br address; ip route"))
    name, pid, lo, eth0, *routes = shown.splitlines()
    assert (name, pid) == ("web", "1")
    assert lo.split()[2:] == ["127.0.0.1/32", "::1/128"]
    assert eth0.split()[1:] == ["UP", "127.246.1.2/32"]
    assert [each.split()[0] for each in routes] == ["default", "127.0.0.0/8", "127.246.1.1"]


async def test_pods_see_each_others_addresses_and_the_gateway_where_they_meet_themselves(runner: ProcessRunner) -> None:
    for each in (WEB, CLIENT, NODE):
        await runner.make_sandbox(each)
    await serve(runner, WEB)
    from_pod = await output_of(runner, python(CLIENT, CONNECT.format([("127.246.1.2", 80)])))
    from_node = await output_of(runner, python(NODE, CONNECT.format([("127.246.1.2", 80)])))
    assert from_pod == "127.246.1.2 127.246.1.3 sees 127.246.1.3\n"
    assert from_node == "127.246.1.2 127.246.1.1 sees 127.246.1.1\n"


async def test_every_pod_may_have_the_same_port_on_all_addresses(runner: ProcessRunner) -> None:
    for each in (WEB, CLIENT, NODE):
        await runner.make_sandbox(each)
    servers = [await serve(runner, each) for each in (WEB, CLIENT, NODE)]
    assert not any(each.has_exited for each in servers)


async def test_an_address_without_a_pod_has_no_route_and_others_are_refused_at_once(runner: ProcessRunner) -> None:
    await runner.make_sandbox(CLIENT)
    targets = [("127.246.1.99", 80), ("127.246.1.1", 80), ("127.97.0.10", 53), ("127.0.0.1", 80), ("192.0.2.1", 80)]
    shown = await output_of(runner, python(CLIENT, CONNECT.format(targets)))
    refusals = [each.split(" ", 1)[1] for each in shown.splitlines()]
    assert refusals == ["No route to host", *["Connection refused"] * 3, "Network is unreachable"]


async def test_a_removed_pod_cannot_be_reached_and_its_address_serves_the_next_one(runner: ProcessRunner) -> None:
    for each in (WEB, CLIENT):
        await runner.make_sandbox(each)
    await serve(runner, WEB)  # still runs
    runner.remove_sandbox(WEB.uid)
    asked = python(CLIENT, CONNECT.format([("127.246.1.2", 80)]))
    assert await output_of(runner, asked) == "127.246.1.2 No route to host\n"
    successor = WEB._replace(uid="next-uid")
    await runner.make_sandbox(successor)
    await serve(runner, successor)
    assert "sees" in await output_of(runner, asked)


async def test_a_command_sees_its_container_and_ends_with_it(runner: ProcessRunner) -> None:
    await runner.make_sandbox(WEB)
    container = await runner.start(in_sandbox(WEB, "sleep", "1000"))
    spec = in_sandbox(WEB, "sh", "-c", "uname -n; cat /proc/1/cmdline | tr '\\0' ' '", container=container.identity)
    assert await output_of(runner, spec) == "web\nsleep 1000 "
    command = await runner.start(in_sandbox(WEB, "sleep", "1001", container=container.identity))
    container.kill()
    assert await container.wait() == Exit(137, signal.SIGKILL)
    assert await command.wait() == Exit(137, signal.SIGKILL)
    with pytest.raises(StartError, match="the container has ended"):
        await runner.start(spec)


async def test_a_pid_is_the_one_outside(runner: ProcessRunner) -> None:
    await runner.make_sandbox(WEB)
    process = await runner.start(in_sandbox(WEB, "sleep", "1000"))
    assert Path(f"/proc/{process.pid}/cmdline").read_bytes() == b"sleep\x001000\x00"
    process.kill()
    await process.wait()
    assert not is_alive(process.pid)


async def test_only_a_first_process_with_a_handler_hears_a_signal(runner: ProcessRunner) -> None:
    await runner.make_sandbox(WEB)
    deaf = await runner.start(in_sandbox(WEB, "sleep", "1000"))
    chunks, sink = collected()
    script = "trap 'exit 7' TERM; echo ready; while :; do read -t 1 x </dev/zero; done"
    listening = await runner.start(in_sandbox(WEB, "bash", "-c", script), sink)
    await until(lambda: chunks)
    for each in (deaf, listening):
        each.kill(signal.SIGTERM)
    assert await listening.wait() == Exit(7, 0)
    assert not deaf.has_exited


@pytest.mark.parametrize("generations", [1, 2, 3], ids=["agent", "its parent", "zygote"])
async def test_a_lost_agent_takes_everything_along_and_has_a_successor(runner: ProcessRunner, generations: int) -> None:
    networks: list[object] = []
    runner.observe(networks.append)
    await runner.make_sandbox(WEB)
    process = await runner.start(in_sandbox(WEB, "sh", "-c", "sleep 1000 & sleep 1001"))
    victim = process.pid
    for _ in range(generations):
        victim = parent_of(victim)
    os.kill(victim, signal.SIGKILL)
    assert await process.wait() == Exit(137, signal.SIGKILL, is_lost=True)
    assert not is_alive(process.pid)
    assert await runner.make_sandbox(WEB)
    assert await output_of(runner, in_sandbox(WEB, "uname", "-n")) == "web\n"
    assert len(networks) == 2


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_a_program_that_its_image_has_in_another_folder_is_found(runner: ProcessRunner) -> None:
    await runner.make_sandbox(CLIENT)
    assert await output_of(runner, in_sandbox(CLIENT, "/usr/local/sbin/uname", "-n")) == "client\n"
    with pytest.raises(StartError, match="/opt/uname: no such file"):
        await runner.start(in_sandbox(CLIENT, "/opt/uname"))


async def test_a_setting_that_the_kernel_does_not_have_is_said(runner: ProcessRunner) -> None:
    with pytest.raises(SandboxError, match="nothing=1: No such file"):
        await runner.make_sandbox(WEB._replace(sysctls=(("net.ipv4.nothing", "1"),)))
    assert await runner.make_sandbox(WEB)


async def test_sandboxes_that_are_asked_for_at_once_are_made_once(runner: ProcessRunner) -> None:
    made = await asyncio.gather(*(runner.make_sandbox(WEB) for _ in range(5)))
    assert sorted(made) == [False] * 4 + [True]


async def test_a_pod_may_not_change_its_routes_links_or_addresses(runner: ProcessRunner) -> None:
    await runner.make_sandbox(WEB)
    script = (
        "for each in 'route del default' 'link set eth0 down' 'addr add 127.9.9.9/32 dev lo'; do ip $each; done 2>&1"
    )
    refused = await output_of(runner, in_sandbox(WEB, "sh", "-c", script))
    assert refused == "RTNETLINK answers: Operation not permitted\n" * 3


async def test_two_clusters_have_the_same_addresses_side_by_side(runner: ProcessRunner, tmp_path: Path) -> None:
    other = ProcessRunner(marker("other", tmp_path / "other"), SANDBOXES)
    try:
        for each in (runner, other):
            await each.make_sandbox(WEB)
            await each.make_sandbox(CLIENT)
        await serve(runner, WEB)
        asked = python(CLIENT, CONNECT.format([("127.246.1.2", 80)]))
        assert await output_of(runner, asked) == "127.246.1.2 127.246.1.3 sees 127.246.1.3\n"
        assert await output_of(other, asked) == "127.246.1.2 Connection refused\n"
    finally:
        await other.close()


async def test_three_hundred_sandboxes_come_and_go_without_a_trace(runner: ProcessRunner) -> None:
    await runner.make_sandbox(NODE)
    node = await runner.start(in_sandbox(NODE, "sleep", "1000"))
    agent = parent_of(node.pid)

    def held() -> tuple[int, int]:
        links = Path(f"/proc/{node.pid}/net/dev").read_text().count("veth")
        return len(list(Path(f"/proc/{agent}/fd").iterdir())), links

    files, links = held()
    assert links == 0
    specs = [
        SandboxSpec(f"{each}", (f"127.246.{2 + each // 250}.{2 + each % 250}",), GATEWAY, "p") for each in range(300)
    ]
    await asyncio.gather(*(runner.make_sandbox(each) for each in specs))
    assert held()[1] == 300
    for each in specs:
        runner.remove_sandbox(each.uid)
    await until(lambda: held()[0] <= files and held()[1] == 0)
    await asyncio.gather(*(runner.make_sandbox(each) for each in specs))


DUAL = SANDBOXES._replace(
    nodes=tuple(
        each._replace(
            addresses=(*each.addresses, f"fd00:168::{number}"),
            gateways=(*each.gateways, f"fd00:244:{number}::1"),
            pod_cidrs=(*each.pod_cidrs, f"fd00:244:{number}::/64"),
        )
        for number, each in enumerate(SANDBOXES.nodes, 1)
    ),
    pod_cidrs=(*SANDBOXES.pod_cidrs, "fd00:244::/48"),
    service_cidrs=(*SANDBOXES.service_cidrs, "fd00:96::/108"),
)
SERVE_V6 = SERVE.replace('("0.0.0.0", 80)', '("::", 80), family=socket.AF_INET6, dualstack_ipv6=True').replace(
    "(address, _)", "(address, *_)"
)
CONNECT_V6 = CONNECT.replace("socket.socket()", "socket.socket(socket.AF_INET6)")


async def test_pods_of_two_families_reach_each_other_by_both(tmp_path: Path) -> None:
    runner = ProcessRunner(marker("dual", tmp_path), DUAL)
    gateways = ("127.246.1.1", "fd00:244:1::1")
    web = WEB._replace(addresses=("127.246.1.2", "fd00:244:1::2"), gateways=gateways)
    client = CLIENT._replace(addresses=("127.246.1.3", "fd00:244:1::3"), gateways=gateways)
    try:
        for each in (web, client, NODE):
            await runner.make_sandbox(each)
        chunks, sink = collected()
        await runner.start(python(web, SERVE_V6), sink)
        await until(lambda: b"ready" in b"".join(chunks))
        targets = [("fd00:244:1::2", 80), ("fd00:244:1::9", 80), ("fd00:96::10", 53), ("::1", 80)]
        shown = await output_of(runner, python(client, CONNECT_V6.format(targets)))
        assert [each.split(" ", 1)[1] for each in shown.splitlines()] == [
            "fd00:244:1::3 sees fd00:244:1::3",
            "Network is unreachable",
            "Connection refused",
            "Connection refused",
        ]
        shown = await output_of(runner, python(NODE, CONNECT_V6.format(targets[:1])))
        assert shown == "fd00:244:1::2 fd00:244:1::1 sees fd00:244:1::1\n"
        shown = await output_of(runner, python(client, CONNECT.format([("127.246.1.2", 80)])))
        assert shown == "127.246.1.2 127.246.1.3 sees ::ffff:127.246.1.3\n"
    finally:
        await runner.close()


PAGE = plan_builtin("http-echo", ["-text=hello"], ServerHost(lambda port: port))


async def test_a_built_in_server_has_little_more_memory_of_its_own_in_a_sandbox(runner: ProcessRunner) -> None:
    await runner.make_sandbox(WEB)
    bare = await runner.start(ProcessSpec(builtin=PAGE, address="127.246.9.2"))
    inside = await runner.start(ProcessSpec(builtin=PAGE, address="0.0.0.0", sandbox=WEB.uid, root=Root()))
    assert private_kib(inside.pid) - private_kib(bare.pid) < 600


@pytest.mark.parametrize(
    "process", [ProcessSpec(("true",), PATH), ProcessSpec(builtin=PAGE)], ids=["program", "built-in"]
)
async def test_a_file_system_that_cannot_be_made_is_said(runner: ProcessRunner, process: ProcessSpec) -> None:
    await runner.make_sandbox(WEB)
    root = Root(mounts=(Mount("/mnt", "/no/such/folder"),))
    with pytest.raises(StartError, match=r"/no/such/folder.*no such file or directory"):
        await runner.start(process._replace(sandbox=WEB.uid, root=root))

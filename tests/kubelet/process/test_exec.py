"""Commands in containers and clients attached to them, with real processes."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kubelet.cluster import NODES, KubeletCluster, is_alive, make_pod, running_kubelet, shell, until
from tests.helpers.patience import PATIENCE

from kubeapi.podoptions import PodExecOptions
from kubeapi.status import StatusError
from kubelet.nodes import NodeConfig
from kubelet.process.exec import Attachment, Command, command_spec
from kubelet.spec.process import ProcessSpec

OWN_NODES = tuple(each._replace(pod_cidr=f"127.251.{number}.0/24") for number, each in enumerate(NODES, 101))
FOR_EVER = "while :; do sleep 0.05; done"


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[KubeletCluster]:
    nodes: tuple[NodeConfig, ...] = OWN_NODES
    async with running_kubelet(tmp_path, nodes=nodes) as cluster:
        yield cluster


async def run(cluster: KubeletCluster, script: str, **options: Any) -> Command:
    return await cluster.kubelet.exec(cluster.key("web"), PodExecOptions("", ("sh", "-c", script), **options))


async def start(cluster: KubeletCluster, script: str = FOR_EVER, **fields: Any) -> None:
    cluster.run(make_pod("web", shell(script, **fields)))
    await until(lambda: cluster.pid("web"))


async def output(streams: Command | Attachment) -> dict[str, bytes]:
    said = {"stdout": b"", "stderr": b""}
    async with asyncio.timeout(PATIENCE):
        while (each := await streams.read()) is not None:
            said[each[0]] += each[1]
    return said


async def until_said(streams: Command | Attachment, wanted: bytes) -> bytes:
    said = b""
    async with asyncio.timeout(PATIENCE):
        while wanted not in said:
            each = await streams.read()
            assert each is not None, said
            said += each[1]
    return said


async def test_a_command_has_streams_an_exit_code_and_the_container_s_environment(cluster: KubeletCluster) -> None:
    await start(cluster, env=[{"name": "COLOUR", "value": "blue"}])
    command = await run(cluster, "echo $COLOUR $HOSTNAME $POD_IP; echo oops >&2; exit 3")
    assert await output(command) == {"stdout": b"blue web 127.251.101.2\n", "stderr": b"oops\n"}
    assert await command.wait() == 3
    await command.close()


async def test_a_command_reads_its_input_to_the_end(cluster: KubeletCluster) -> None:
    await start(cluster)
    command = await run(cluster, "cat; echo end", has_stdin=True)
    content = os.urandom(500_000)
    writing = asyncio.create_task(command.write(content))
    said = b""
    async with asyncio.timeout(PATIENCE):
        while len(said) < len(content):
            each = await command.read()
            assert each is not None
            said += each[1]
    await writing
    command.end_input()
    assert (said + (await output(command))["stdout"], await command.wait()) == (content + b"end\n", 0)


async def test_without_stdin_the_input_is_empty(cluster: KubeletCluster) -> None:
    await start(cluster)
    command = await run(cluster, "cat; echo end")
    await command.write(b"nobody reads this")
    assert (await output(command))["stdout"] == b"end\n"


async def test_a_command_with_a_slow_reader_has_to_wait(cluster: KubeletCluster) -> None:
    await start(cluster)
    command = await run(cluster, "head -c 5000000 /dev/zero; echo done >&2")
    assert await command.read() is not None
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert not command.has_ended
    said = await output(command)
    assert (len(said["stdout"]) > 4_900_000, said["stderr"]) == (True, b"done\n")


async def test_a_terminal_has_a_size_an_echo_and_job_control(cluster: KubeletCluster) -> None:
    await start(cluster)
    command = await run(
        cluster,
        "trap 'stty size' WINCH; tty >/dev/null && echo ready; until read line; do :; done; exit 7",
        is_tty=True,
        has_stdin=True,
    )
    await until_said(command, b"ready")
    command.resize(111, 33)
    await until_said(command, b"33 111")
    await command.write(b"word\n")
    assert b"word" in (await output(command))["stdout"]
    assert await command.wait() == 7


async def test_ctrl_c_reaches_the_program_in_the_terminal(cluster: KubeletCluster) -> None:
    await start(cluster)
    command = await run(cluster, "echo ready; read line", is_tty=True, has_stdin=True)
    await until_said(command, b"ready")
    await command.write(b"\x03")
    await output(command)
    assert await command.wait() == 130


async def test_closing_ends_a_command_and_all_that_it_has_started(cluster: KubeletCluster) -> None:
    await start(cluster)
    command = await run(cluster, "sleep 60 & echo $!; wait")
    child = int(await until_said(command, b"\n"))
    await command.close()
    await until(lambda: not is_alive(child))
    assert await command.wait() == 137


async def test_a_command_ends_with_its_container(cluster: KubeletCluster) -> None:
    await start(cluster, "sleep 0.3; exit 1")
    command = await run(cluster, FOR_EVER)
    assert await asyncio.wait_for(command.wait(), PATIENCE) == 137
    await command.close()


async def test_processes_that_a_command_leaves_running_live_as_long_as_the_container(cluster: KubeletCluster) -> None:
    await start(cluster)
    command = await run(cluster, "sleep 60 >/dev/null 2>&1 & echo $!")
    child = int((await output(command))["stdout"])
    assert (await command.wait(), is_alive(child)) == (0, True)
    os.kill(cluster.pid("web"), 9)
    await until(lambda: not is_alive(child))


@pytest.mark.parametrize(
    ("pod", "container", "argv", "code", "text"),
    [
        ("web", "", ["nosuch"], 500, 'exec: "nosuch": executable file not found in $PATH'),
        ("web", "", ["/etc"], 500, "permission denied"),
        ("web", "other", ["true"], 400, "container other is not valid for pod web"),
        ("nobody", "", ["true"], 404, 'pods "nobody" not found'),
    ],
)
async def test_a_command_that_cannot_run_is_refused_with_the_kubelets_text(
    cluster: KubeletCluster, pod: str, container: str, argv: list[str], code: int, text: str
) -> None:
    await start(cluster)
    with pytest.raises(StatusError) as caught:
        await cluster.kubelet.exec(cluster.key(pod), PodExecOptions(container, tuple(argv)))
    assert caught.value.code == code
    assert text in caught.value.message


async def test_a_container_that_does_not_run_has_no_commands(cluster: KubeletCluster) -> None:
    cluster.run(make_pod("web", shell("exit 0"), restartPolicy="Never"))
    await until(lambda: cluster.phase("web") == "Succeeded")
    with pytest.raises(StatusError, match=r'container not found \("c"\)'):
        await run(cluster, "true")


async def test_an_attached_client_sees_the_output_from_now_on(cluster: KubeletCluster) -> None:
    await start(cluster, "echo before; read go <&0; echo after; exit 0", stdin=True)
    early = cluster.kubelet.attach(cluster.key("web"), "", has_stdin=True)
    late = cluster.kubelet.attach(cluster.key("web"), "", has_stdin=False)
    await until_said_in_log(cluster, b"before")
    await late.write(b"not allowed to speak\n")
    await early.write(b"go\n")
    assert b"after\n" in (await output(early))["stdout"]
    assert (await late.wait(), b"after\n" in (await output(late))["stdout"]) == (0, True)
    for each in (early, late):
        await each.close()


async def test_who_attaches_as_soon_as_a_container_runs_misses_nothing(
    cluster: KubeletCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubelet.runtime.instance.EARLY_SECONDS", PATIENCE)
    await start(cluster, f"echo before; touch {cluster.folder}/said; read go <&0; echo after", stdin=True)
    await until((cluster.folder / "said").exists)
    attached = cluster.kubelet.attach(cluster.key("web"), "", has_stdin=True)
    await attached.write(b"go\n")
    assert (await output(attached))["stdout"] == b"before\nafter\n"
    await attached.close()


async def test_what_a_client_has_read_in_the_log_does_not_come_a_second_time(
    cluster: KubeletCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As kubectl run does, since 1.37.
    monkeypatch.setattr("kubelet.runtime.instance.EARLY_SECONDS", PATIENCE)
    await start(cluster, "echo before; read go <&0; echo after", stdin=True)
    await until_said_in_log(cluster, b"before\n")
    attached = cluster.kubelet.attach(cluster.key("web"), "", has_stdin=True)
    await attached.write(b"go\n")
    assert (await output(attached))["stdout"] == b"after\n"
    await attached.close()


@pytest.mark.parametrize("says_end", [True, False], ids=["the end of its input", "its going"])
async def test_a_container_s_stdin_that_is_for_once_ends_with_the_first_client_s(
    cluster: KubeletCluster, says_end: bool
) -> None:
    await start(cluster, "cat; echo over", stdin=True, stdinOnce=True)
    attached, other = (cluster.kubelet.attach(cluster.key("web"), "", has_stdin=each) for each in (True, False))
    await attached.write(b"hello\n")
    if says_end:
        attached.end_input()
        assert (await output(attached))["stdout"] == b"hello\nover\n"
    await attached.close()
    assert (await output(other))["stdout"] == b"hello\nover\n"
    await other.close()


async def test_a_client_without_stdin_does_not_end_the_container_s(cluster: KubeletCluster) -> None:
    await start(cluster, "cat", stdin=True, stdinOnce=True)
    onlooker, speaker = (cluster.kubelet.attach(cluster.key("web"), "", has_stdin=each) for each in (False, True))
    onlooker.end_input()
    await onlooker.close()
    await speaker.write(b"still here\n")
    assert await until_said(speaker, b"still here\n")
    await speaker.close()


@pytest.mark.parametrize("fields", [{}, {"stdinOnce": True, "tty": True}], ids=["for many", "once, with a terminal"])
async def test_the_containers_input_outlives_an_attachment_that_ends_with_its_own_input(
    cluster: KubeletCluster, fields: dict[str, bool]
) -> None:
    await start(cluster, "while read line; do echo got $line; done", stdin=True, **fields)
    first = cluster.kubelet.attach(cluster.key("web"), "", has_stdin=True)
    await first.write(b"one\n")
    await until_said(first, b"got one")
    first.end_input()
    await output(first)
    await first.close()
    second = cluster.kubelet.attach(cluster.key("web"), "", has_stdin=True)
    await second.write(b"two\n")
    await until_said(second, b"got two")
    await second.close()


async def until_said_in_log(cluster: KubeletCluster, text: bytes) -> None:
    async with asyncio.timeout(PATIENCE):
        while text not in await cluster.logs("web"):
            await asyncio.sleep(0.005)


async def test_a_container_with_a_terminal_has_one(cluster: KubeletCluster) -> None:
    await start(cluster, "tty; read line; echo got $line; sleep 60", stdin=True, tty=True)
    attached = cluster.kubelet.attach(cluster.key("web"), "", has_stdin=True)
    await until_said_in_log(cluster, b"/dev/pts/")
    await attached.write(b"word\n")
    await until_said(attached, b"got word")
    await attached.close()


async def test_a_pod_s_port_is_dialled_at_its_address(cluster: KubeletCluster) -> None:
    await start(cluster)
    assert cluster.kubelet.port_address(cluster.key("web"), 80) == ("127.251.101.2", 80)
    with pytest.raises(StatusError, match="not found"):
        cluster.kubelet.port_address(cluster.key("nobody"), 80)


@pytest.mark.parametrize(("sandbox", "argv", "has_prompt"), [("", "agnhost", True), ("uid-1", "/agnhost", False)])
def test_a_command_in_a_sandbox_has_its_own_files_and_host_name(sandbox: str, argv: str, has_prompt: bool) -> None:
    container = ProcessSpec(("sh",), {}, sandbox=sandbox)
    spec = command_spec(container, "1", ("/agnhost", "dns-suffix"), "", is_tty=True)
    assert spec.argv == (argv, "dns-suffix")
    assert ("PROMPT_COMMAND" in spec.environment) == has_prompt
    assert spec.environment["TERM"] == "xterm"


@pytest.mark.parametrize(
    ("user", "sandbox", "options"), [(1000, "uid", "--no-same-owner"), (0, "uid", ""), (1000, "", "")]
)
def test_tar_gives_files_the_owner_that_an_ordinary_users_namespace_has(
    monkeypatch: pytest.MonkeyPatch, user: int, sandbox: str, options: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    spec = command_spec(ProcessSpec(sandbox=sandbox), "1", ("tar", "-xmf", "-"), "", is_tty=False)
    assert spec.environment.get("TAR_OPTIONS", "") == options

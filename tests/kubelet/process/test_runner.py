"""Real processes: how they start, end, and die with their parent."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kubelet.cluster import children_of, is_alive, private_kib, until

from kubelet.images.builtins import plan_builtin
from kubelet.images.serverhost import ServerHost
from kubelet.process.orphans import kill_orphans, marker
from kubelet.process.runner import ProcessRunner
from kubelet.spec.process import Exit, ProcessSpec, StartError

PATH = {"PATH": os.environ["PATH"]}
GLIBC_SIGNALS = 1 << 31 | 1 << 32


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[ProcessRunner]:
    runner = ProcessRunner(marker("processes", tmp_path))
    yield runner
    await runner.close()


def sh(script: str, **fields: Any) -> ProcessSpec:
    return ProcessSpec(("sh", "-c", script), PATH, **fields)


class Sink:
    def __init__(self) -> None:
        self.said: dict[str, bytes] = {"stdout": b"", "stderr": b""}

    def __call__(self, stream: str, chunk: bytes) -> None:
        self.said[stream] += chunk


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 0", Exit(0, 0)),
        ("exit 3", Exit(3, 0)),
        ("kill -9 $$", Exit(137, 9)),
        ("kill -15 $$", Exit(143, 15)),
    ],
)
async def test_the_end_of_a_process_is_told_as_containers_tell_it(
    runner: ProcessRunner, script: str, expected: Exit
) -> None:
    process = await runner.start(sh(script))
    assert await process.wait() == expected


async def test_output_is_complete_when_the_end_is_told(runner: ProcessRunner) -> None:
    sink = Sink()
    process = await runner.start(sh("seq 1 20000; echo oops >&2"), sink)
    await process.wait()
    assert sink.said["stdout"].split() == [str(number).encode() for number in range(1, 20001)]
    assert sink.said["stderr"] == b"oops\n"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (ProcessSpec(("nope",), PATH), 'exec: "nope": executable file not found in $PATH'),
        (ProcessSpec(("/nope",), PATH), 'exec: "/nope": stat /nope: no such file or directory'),
        (ProcessSpec(("/etc/passwd",), PATH), 'exec: "/etc/passwd": permission denied'),
        (
            ProcessSpec(("sh",), PATH, "/nope"),
            'chdir to cwd ("/nope") set in config.json failed: no such file or directory',
        ),
        (ProcessSpec((), PATH), "no command specified"),
        (ProcessSpec(("a\0b",), PATH), 'exec: "a\0b": execve: embedded null character in path'),
        (ProcessSpec(("true", "x" * 5_000_000), PATH), "argument list too long"),
    ],
    ids=["not on PATH", "no such file", "not executable", "no such folder", "no command", "null byte", "too long"],
)
async def test_a_process_that_cannot_start_says_why(runner: ProcessRunner, spec: ProcessSpec, text: str) -> None:
    with pytest.raises(StartError) as caught:
        await runner.start(spec)
    assert str(caught.value) == text


async def test_a_file_on_the_path_that_may_not_be_executed_is_skipped(runner: ProcessRunner, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("no program")
    with pytest.raises(StartError, match=r'^exec: "tool": executable file not found in \$PATH$'):
        await runner.start(ProcessSpec(("tool",), {"PATH": f"{tmp_path}:/bin"}))


async def test_a_process_gets_its_environment_three_descriptors_and_default_signals(runner: ProcessRunner) -> None:
    sink = Sink()
    script = "env; ls /proc/self/fd | wc -l; grep -E 'SigIgn|SigBlk' /proc/self/status; readlink /proc/self/fd/0"
    process = await runner.start(ProcessSpec(("bash", "-c", script), {**PATH, "A": "b"}), sink)
    await process.wait()
    said = sink.said["stdout"].decode()
    assert "A=b\n" in said
    assert "KUBESVC_CLUSTER=processes\n" in said
    assert "HOME=" not in said
    assert "\n4\n" in said, "0, 1, 2 and the folder that ls reads"
    assert "SigBlk:\t0000000000000000" in said
    # glibc keeps signals 32 and 33 for itself; what `make` starts (posix_spawn) ignores them, and none can undo that.
    (ignored,) = re.findall(r"SigIgn:\t(\w+)", said)
    assert int(ignored, 16) & ~GLIBC_SIGNALS == 0
    assert "/dev/null" in said


async def test_an_environment_larger_than_a_socket_buffer_arrives(runner: ProcessRunner) -> None:
    sink = Sink()
    variables = {f"SERVICE_{number}": "x" * 100 for number in range(5000)}
    process = await runner.start(ProcessSpec(("sh", "-c", "env | grep -c ^SERVICE_"), {**PATH, **variables}), sink)
    assert (await process.wait()).code == 0
    assert sink.said["stdout"] == b"5000\n"


async def test_many_starts_at_once_wait_for_their_turn(runner: ProcessRunner) -> None:
    specs = [sh(f"exit {number % 7}", working_dir="/" + "./" * 20000) for number in range(30)]
    processes = await asyncio.gather(*(runner.start(spec) for spec in specs), return_exceptions=True)
    assert all(isinstance(each, StartError) and "chdir to cwd" in str(each) for each in processes)


async def test_killing_a_process_kills_its_descendants_too(runner: ProcessRunner) -> None:
    sink = Sink()
    process = await runner.start(sh("sleep 1000 & setsid sleep 1001 & echo $!; sleep 1002"), sink)
    await until(lambda: sink.said["stdout"] and len(children_of(process.pid)) == 3)
    pids = [process.pid, *children_of(process.pid)]
    process.kill()
    await process.wait()
    await until(lambda: not any(is_alive(pid) for pid in pids))


async def test_fifty_built_in_replicas_cost_under_ten_mebibytes_each(runner: ProcessRunner) -> None:
    def replica(number: int) -> ProcessSpec:
        plan = plan_builtin("agnhost", ["netexec"], ServerHost(lambda port: port))
        return ProcessSpec(environment={"HOSTNAME": f"p{number}"}, builtin=plan, address=f"127.246.9.{number + 2}")

    processes = await asyncio.gather(*(runner.start(replica(number)) for number in range(50)))
    assert max(private_kib(process.pid) for process in processes) < 10 * 1024
    reader, writer = await asyncio.open_connection("127.246.9.51", 8080)
    writer.write(b"GET /hostname HTTP/1.0\r\n\r\n")
    assert (await reader.read()).endswith(b"p49")
    writer.close()
    await writer.wait_closed()


async def test_a_port_that_is_taken_is_said_at_the_start(runner: ProcessRunner) -> None:
    spec = ProcessSpec(builtin=plan_builtin("httpd", [], ServerHost(lambda _: 18080)), address="127.246.9.1")
    await runner.start(spec)
    with pytest.raises(StartError, match=r"listen tcp 127\.246\.9\.1:18080: bind: address already in use"):
        await runner.start(spec)


async def test_refused_arguments_end_the_built_in_as_they_end_the_program(runner: ProcessRunner) -> None:
    sink = Sink()
    process = await runner.start(
        ProcessSpec(builtin=plan_builtin("http-echo", [], ServerHost(lambda port: port))), sink
    )
    assert (await process.wait()).code == 127
    assert sink.said["stderr"] == b"Missing -text option!\n"


async def test_a_lost_zygote_is_reported_and_replaced(runner: ProcessRunner) -> None:
    process = await runner.start(sh("sleep 1000 & sleep 1001"))
    await until(lambda: len(children_of(process.pid)) >= 1)
    below = children_of(process.pid)
    zygote = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(zygote, signal.SIGKILL)
    assert await process.wait() == Exit(137, 9, is_lost=True)
    assert not any(is_alive(pid) for pid in [process.pid, *below])
    assert await (await runner.start(sh("exit 5"))).wait() == Exit(5, 0)


async def test_a_cancelled_start_leaves_nothing_running(runner: ProcessRunner) -> None:
    await runner.open()
    start = asyncio.create_task(runner.start(sh("sleep 1003")))
    await asyncio.sleep(0)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    await runner.close()
    assert not any(b"1003" in line for line in _command_lines())


def _command_lines() -> list[bytes]:
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                lines.append((entry / "cmdline").read_bytes())
            except OSError:
                continue
    return lines


PARENT = """
import asyncio, sys
from pathlib import Path
from kubelet.images.builtins import plan_builtin
from kubelet.images.serverhost import ServerHost
from kubelet.config import find_nginx
from kubelet.process.orphans import marker
from kubelet.process.runner import ProcessRunner
from kubelet.spec.process import ProcessSpec

async def main(folder, address):
    runner = ProcessRunner(marker("killed", Path(folder)))
    web = plan_builtin("nginx", [], ServerHost(lambda port: 18081, find_nginx()))
    pids = [
        (await runner.start(ProcessSpec(environment={}, working_dir=folder, builtin=web, address=address))).pid,
        (await runner.start(ProcessSpec(("sh", "-c", "setsid sleep 1000 & sleep 1001"), {}))).pid,
    ]
    print(*pids, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main(*sys.argv[1:]))
"""


async def _start_parent(folder: Path, address: str) -> tuple[asyncio.subprocess.Process, int, list[int]]:
    """Return a process that runs containers, its zygote, and all pids below the containers."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(folder), address, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pids = [int(each) for each in (await parent.stdout.readline()).split()]
    await until(lambda: all(children_of(pid) for pid in pids) and len(children_of(pids[1])) == 2)
    return parent, children_of(parent.pid)[0], [*pids, *(each for pid in pids for each in children_of(pid))]


async def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent, zygote, pids = await _start_parent(tmp_path, "127.246.9.60")
    assert len(pids) >= 4
    parent.kill()
    await parent.wait()
    await until(lambda: not any(is_alive(pid) for pid in [zygote, *pids]))


async def test_a_process_that_outlives_parent_and_zygote_is_found_by_its_marks_at_the_next_start(
    tmp_path: Path,
) -> None:
    parent, zygote, pids = await _start_parent(tmp_path, "127.246.9.61")
    for pid in (parent.pid, zygote):
        os.kill(pid, signal.SIGKILL)
    await parent.wait()
    await until(lambda: not is_alive(zygote))
    assert kill_orphans(marker("other", tmp_path / "other")) == []
    kill_orphans(marker("killed", tmp_path))
    await until(lambda: not any(is_alive(pid) for pid in pids))

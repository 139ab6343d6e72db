"""Stories of what is left when a process of a cluster with sandboxes is killed: nothing."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.helpers.kubelet.cluster import children_of, is_alive, until

from kubelet.process.orphans import kill_orphans, marker

PARENT = """
import asyncio, sys
from pathlib import Path
from tests.helpers.kubelet.cluster import SANDBOXES
from kubelet.process.orphans import marker
from kubelet.process.runner import ProcessRunner
from kubelet.spec.process import ProcessSpec
from kubelet.spec.sandbox import Root, SandboxSpec

async def main(folder):
    runner = ProcessRunner(marker("killed", Path(folder)), SANDBOXES)
    for number in range(2):
        spec = SandboxSpec(f"uid-{number}", (f"127.246.1.{number + 2}",), ("127.246.1.1",), "pod")
        await runner.make_sandbox(spec)
        script = "setsid sleep 1000 & setsid setsid sleep 1001 & sleep 1002"
        process = ProcessSpec(("sh", "-c", script), {"PATH": "/usr/bin:/bin"}, sandbox=spec.uid, root=Root())
        print((await runner.start(process)).pid, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main(sys.argv[1]))
"""


class Killed:
    """A process that runs two pods: the processes of which each holds the cluster, and all those in containers."""

    def __init__(self, parent: asyncio.subprocess.Process, containers: list[int]) -> None:
        self.parent = parent
        (zygote,) = children_of(parent.pid)
        (stub,) = children_of(zygote)
        (agent,) = children_of(stub)
        self.pids = {"kubelet": parent.pid, "zygote": zygote, "stub": stub, "agent": agent}
        self.containers = containers
        self.below = [pid for each in containers for pid in (each, *children_of(each))]


@pytest.fixture
async def pods(tmp_path: Path) -> Killed:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert parent.stdout is not None
    containers = [int(await parent.stdout.readline()) for _ in range(2)]
    await until(lambda: all(len(children_of(each)) == 3 for each in containers))
    return Killed(parent, containers)


@pytest.mark.parametrize("victim", ["kubelet", "zygote", "stub", "agent"])
async def test_everything_ends_with_any_process_that_holds_the_cluster(
    pods: Killed, victim: str, tmp_path: Path
) -> None:
    if victim != "kubelet":
        os.kill(pods.parent.pid, signal.SIGSTOP)  # it would bring up a new agent
    # The zygote starts processes without sandboxes too: it outlives an agent.
    lives = [pods.pids["zygote"]] if victim in ("stub", "agent") else []
    ended = {pods.pids[each] for each in ("zygote", "stub", "agent")}.difference(lives)
    os.kill(pods.pids[victim], signal.SIGKILL)
    await until(lambda: not any(map(is_alive, [*ended, *pods.below])))
    # Namespaces, mounts and veths end with the last process in them: none is left anywhere.
    assert kill_orphans(marker("killed", tmp_path)) == lives
    if victim != "kubelet":
        pods.parent.kill()
    await pods.parent.wait()


async def test_a_container_takes_its_processes_along_and_nothing_else(pods: Killed) -> None:
    ended, lives = pods.containers
    below = children_of(ended)
    os.kill(ended, signal.SIGKILL)
    await until(lambda: not any(map(is_alive, [ended, *below])))
    assert is_alive(lives)
    assert is_alive(pods.pids["agent"])
    pods.parent.kill()
    await pods.parent.wait()
    await until(lambda: not is_alive(lives))

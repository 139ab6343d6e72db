"""Stories of a machine that refuses some of what sandboxes need: what is said, and what goes on."""

import asyncio
import sys
from pathlib import Path

LIMITED = """
import asyncio, sys
from pathlib import Path
from kubelet.sandbox.io.usernamespace import enter_user_namespace
enter_user_namespace()
Path("/proc/sys/user/max_net_namespaces").write_text(sys.argv[2])
from tests.helpers.kubelet.cluster import SANDBOXES, make_pod, running_kubelet, shell, until
from kubeapi.registry import DeleteOptions
from kubeapi.scheme import PODS
from kubelet.process.orphans import marker
from kubelet.process.runner import ProcessRunner
from kubelet.spec.process import SandboxError
"""
NO_CLUSTER = """
async def main(folder):
    runner = ProcessRunner(marker("refused", folder), SANDBOXES)
    for _ in range(2):
        try:
            await runner.open_network()
        except SandboxError as error:
            print(error)
    await runner.close()

asyncio.run(main(Path(sys.argv[1])))
"""
FEW_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

async def main(folder):
    from kubelet.spec.sandbox import SandboxSpec
    runner = ProcessRunner(marker("refused", folder), SANDBOXES)
    specs = [SandboxSpec(f"{each}", (f"127.246.1.{each + 2}",), ("127.246.1.1",), "pod") for each in range(30)]
    said = set()
    for _ in range(5):
        for each in specs:
            try:
                await runner.make_sandbox(each)
            except SandboxError as error:
                said.add(str(error))
    print(*said)
    for each in specs:
        runner.remove_sandbox(each.uid)
    for each in specs[:10]:
        print(await runner.make_sandbox(each), end=" ")
    await runner.close()

asyncio.run(main(Path(sys.argv[1])))
"""
NO_THIRD_POD = """
async def main(folder):
    async with running_kubelet(folder, sandboxes=SANDBOXES) as cluster:
        for name in "abc":
            cluster.run(make_pod(name, shell("exec sleep 1000"), terminationGracePeriodSeconds=0))
            if name < "c":
                await until(lambda: cluster.is_ready(name))
        await until(lambda: cluster.events("c", "FailedCreatePodSandBox"))
        print(cluster.events("c", "FailedCreatePodSandBox")[0], cluster.status("c")["state"]["waiting"]["reason"])
        cluster.registry.delete(PODS, *cluster.key("a"), DeleteOptions(0))
        await until(lambda: cluster.is_ready("c"))
        print("then", cluster.status("c")["restartCount"], cluster.is_ready("b"))

asyncio.run(main(Path(sys.argv[1])))
"""


async def limited(script: str, folder: Path, network_namespaces: int) -> list[str]:
    """Run a script where only so many network namespaces may be made; return the lines that it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LIMITED + script, str(folder), str(network_namespaces)), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode().splitlines()


async def test_a_cluster_that_gets_no_network_says_why_each_time(tmp_path: Path) -> None:
    assert await limited(NO_CLUSTER, tmp_path, 0) == ["unshare: No space left on device"] * 2


async def test_an_agent_without_files_refuses_and_keeps_none_of_what_it_refused(tmp_path: Path) -> None:
    said, then = await limited(FEW_FILES, tmp_path, 1000)
    assert said == "Too many open files"
    assert then.split() == ["True"] * 10


async def test_a_pod_that_gets_no_network_waits_and_disturbs_no_other(tmp_path: Path) -> None:
    said, then = await limited(NO_THIRD_POD, tmp_path, 3)
    assert said == "Failed to create pod sandbox: unshare: No space left on device ContainerCreating"
    assert then == "then 0 True"

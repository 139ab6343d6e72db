"""How pods reach the internet: when pasta runs and for which network, and the rule that it needs, with a real kernel.

pasta itself is a stand-in: a script that writes down its arguments and runs until it is killed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.helpers.kubelet.agent_process import running_agent
from tests.helpers.patience import PATIENCE

from kubehost.io.agentplace import AgentPlace
from kubehost.io.places import as_it_is
from kubehost.io.socketsource import SocketSource
from kubelet.process.orphans import marker
from kubelet.process.runner import ProcessRunner
from kubesvc.network import pasta
from kubesvc.run.machine import internet
from kubesvc.run.machine.internet import Internet


class Machine:
    """A cluster's network, and a program called pasta."""

    def __init__(self, folder: Path, source: SocketSource) -> None:
        self.folder = folder
        self.renewed = asyncio.Event()
        self.runner = ProcessRunner(marker("internet", folder))
        self.place = AgentPlace("cluster", as_it_is, source)

    def program(self, script: str) -> None:
        """Have a pasta."""
        file = self.folder / "pasta"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def runs(self) -> list[str]:
        """Return the arguments of each run."""
        log = self.folder / "runs"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
async def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(pasta, "_TUN", "/dev/null")
    source = SocketSource()
    with running_agent() as agent:
        agent.attach(source)
        machine = Machine(tmp_path, source)
        yield machine
        await machine.runner.close()
        source.close()


@pytest.fixture
async def keep(machine: Machine) -> AsyncIterator[Callable[[], Internet]]:
    tasks = []

    def begin() -> Internet:
        found = Internet(machine.runner, machine.place, machine.renewed)
        tasks.append(asyncio.create_task(found.keep()))
        return found

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_each_network_has_a_pasta_that_ends_before_the_next_one_begins(
    machine: Machine, keep: Callable[[], Internet]
) -> None:
    machine.program(f'echo "$@" >> {machine.folder}/runs; exec sleep 1000')
    found = keep()
    await until(lambda: len(machine.runs()) == 1)
    machine.renewed.set()
    await until(lambda: len(machine.runs()) == 2)
    assert found.error == ""
    assert "--tcp-ns none --udp-ns none --no-map-gw" in machine.runs()[0]


async def test_what_pasta_says_when_it_ends_is_the_reason_and_it_is_tried_again(
    machine: Machine, keep: Callable[[], Internet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(internet, "RETRY_SECONDS", 0.01)
    machine.program(f'echo "$@" >> {machine.folder}/runs; echo "Failed to open tun socket" >&2; exit 1')
    found = keep()
    await until(lambda: found.error == "pasta has ended: Failed to open tun socket")
    await until(lambda: len(machine.runs()) > 1)


async def test_a_pasta_that_is_kept_from_a_process_gets_its_namespaces_as_open_files(
    machine: Machine, keep: Callable[[], Internet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProcessRunner, "agent_pid", os.getpid())
    refuses = 'echo "Couldn\'t open user namespace /proc/7/ns/user: Permission denied" >&2; exit 1'
    says = f"readlink /proc/self/fd/5 /proc/self/fd/6 >> {machine.folder}/runs; exec sleep 1000"
    machine.program(f'case "$*" in *--netns*--userns*) {says};; *) {refuses};; esac')
    found = keep()
    await until(lambda: len(machine.runs()) == 2)
    assert machine.runs() == [str(Path("/proc/self/ns", each).readlink()) for each in ("net", "user")]
    assert found.error == ""


async def test_without_pasta_the_reason_is_that_it_is_missing(machine: Machine) -> None:
    found = Internet(machine.runner, machine.place, machine.renewed)
    await found.keep()
    assert found.error == "pasta is not installed"


async def test_without_its_device_the_reason_is_why_that_cannot_be_opened(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.program("exit 1")
    monkeypatch.setattr(pasta, "_TUN", str(machine.folder / "missing"))
    found = Internet(machine.runner, machine.place, machine.renewed)
    await found.keep()
    assert found.error.endswith("missing cannot be opened: No such file or directory")


async def test_a_network_that_is_gone_is_waited_for(
    machine: Machine, keep: Callable[[], Internet], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.program(f'echo "$@" >> {machine.folder}/runs; exec sleep 1000')
    monkeypatch.setattr(machine, "place", AgentPlace("cluster", as_it_is, SocketSource()))
    found = keep()
    await until(lambda: "networks of the pods are gone" in found.error)
    assert machine.runs() == []

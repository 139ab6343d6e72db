from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from kubelet.process.runner import ProcessRunner, RunningProcess
from kubelet.spec.process import Exit, ProcessSpec, StartError
from kubesvc.config import ClusterConfiguration, ExternalHost, Image
from kubesvc.network.loopback import LoopbackNetwork, LowPorts
from kubesvc.run.outside.servers import OutsideError, OutsideServers

WEB = ExternalHost("k8s.service.com", "10.66.40.20", 80, page="hello")


class FakeRunner(ProcessRunner):
    """Remembers what it was to start; ``error`` is what comes of it."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__({})
        self.specs: list[ProcessSpec] = []
        self.error = error

    async def start(self, spec: ProcessSpec, *_arguments: Any, **_options: Any) -> Any:
        self.specs.append(spec)
        if self.error is not None:
            raise self.error


async def started(*hosts: ExternalHost, images: tuple[Image, ...] = (), can_bind: bool = True) -> list[ProcessSpec]:
    config = ClusterConfiguration(external_hosts=hosts, images=images)
    runner = FakeRunner()
    await servers(config, runner, LowPorts(0 if can_bind else 1024, False)).start()
    return runner.specs


def servers(config: ClusterConfiguration, runner: ProcessRunner, low_ports: LowPorts) -> OutsideServers:
    network = LoopbackNetwork.of(config, low_ports)
    return OutsideServers(config, network, runner, monotonic=asyncio.get_running_loop().time)


def variables(spec: ProcessSpec, *names: str) -> Mapping[str, str]:
    return {name: spec.environment[name] for name in names}


async def test_a_page_is_served_at_the_address_that_stands_for_the_true_one() -> None:
    [spec] = await started(WEB)
    assert spec.address == "127.66.40.20"
    assert spec.builtin is not None
    assert spec.builtin.tcp == [80]
    assert spec.builtin.options["page"] == "hello\n"
    assert variables(spec, "PORT", "POD_IP", "HOSTNAME") == {
        "PORT": "80",
        "POD_IP": "127.66.40.20",
        "HOSTNAME": "k8s.service.com",
    }


async def test_without_the_privilege_it_listens_10000_higher() -> None:
    [spec] = await started(WEB, can_bind=False)
    assert spec.builtin is not None
    assert spec.builtin.tcp == [10080]
    assert spec.environment["PORT"] == "10080"


async def test_a_command_finds_its_place_in_its_environment() -> None:
    host = ExternalHost("db", "10.66.40.21", 5432, command=("serve", "$(POD_IP)"), args=("$(PORT)",), env={"A": "1"})
    [spec] = await started(host)
    assert spec.argv == ("serve", "127.66.40.21", "5432")
    assert spec.environment["A"] == "1"


async def test_an_image_is_run_as_the_catalog_says() -> None:
    image = Image("db", ("serve",), ("-x",), {"A": "1", "B": "2"})
    [plain] = await started(ExternalHost("db", "10.66.40.21", 5432, image="db"), images=(image,))
    assert plain.argv == ("serve", "-x")
    own = ExternalHost("db", "10.66.40.21", 5432, image="db", args=("-y",), env={"A": "3"})
    [changed] = await started(own, images=(image,))
    assert changed.argv == ("serve", "-y")
    assert variables(changed, "A", "B") == {"A": "3", "B": "2"}


async def test_a_built_in_image_is_served_too() -> None:
    [spec] = await started(ExternalHost("web", "10.66.40.20", 8080, image="nginx"))
    assert spec.builtin is not None
    assert (spec.argv, spec.builtin.tcp) == ((), [8080])


async def test_a_host_that_nothing_serves_is_only_a_name() -> None:
    assert await started(ExternalHost("k8s.service.com", "10.66.40.20")) == []


async def test_an_unknown_image_says_where_to_add_it() -> None:
    with pytest.raises(OutsideError) as caught:
        await started(ExternalHost("db", "10.66.40.21", 5432, image="nosuch"))
    assert str(caught.value) == (
        "externalHosts db: cannot serve at 10.66.40.21:5432: no image 'nosuch' in the catalog; add it under images:"
    )


@pytest.mark.parametrize(
    "error", [pytest.param(StartError("it is taken"), id="start"), pytest.param(OSError("it is taken"), id="os")]
)
async def test_a_server_that_does_not_start_is_named_with_its_place(error: Exception) -> None:
    config = ClusterConfiguration(external_hosts=(WEB,))
    with pytest.raises(OutsideError) as caught:
        await servers(config, FakeRunner(error), LowPorts(0, True)).start()
    assert str(caught.value) == "externalHosts k8s.service.com: cannot serve at 10.66.40.20:80: it is taken"


class DyingRunner(FakeRunner):
    """Starts processes that end as the script says, the last one never; without a script left, a start fails."""

    def __init__(self, *ends: Exit | StartError) -> None:
        super().__init__()
        self.ends = list(ends)
        self.has_settled = asyncio.Event()

    async def start(self, spec: ProcessSpec, output: Any = None, **_options: Any) -> RunningProcess:
        end = self.ends.pop(0) if self.ends else None
        self.specs.append(spec)
        if isinstance(end, StartError):
            raise end
        ended = asyncio.get_running_loop().create_future()
        if end is None:
            self.has_settled.set()
        else:
            output("stderr", b"first\nno database\n")
            ended.set_result(end)
        return RunningProcess(self, "1", 1, ended)


@contextlib.asynccontextmanager
async def kept(runner: DyingRunner, host: ExternalHost) -> AsyncIterator[OutsideServers]:
    outside = servers(ClusterConfiguration(external_hosts=(host,)), runner, LowPorts(0, True))
    await outside.start()
    keeping = asyncio.create_task(outside.keep())
    try:
        await asyncio.wait_for(runner.has_settled.wait(), 3600)
        yield outside
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        pytest.param((), [], id="lives"),
        pytest.param(
            (Exit(137, signal.SIGKILL),),
            ["has died once, last by signal 9, and has been started again"],
            id="killed",
        ),
        pytest.param(
            (Exit(0, 0), Exit(3, 0)),
            ["has died 2 times, last with exit code 3 after it wrote 'no database', and has been started again"],
            id="twice",
        ),
        pytest.param(
            (Exit(137, 9, is_lost=True), StartError("no such file")),
            ["has died 2 times, last as it could not be started (no such file), and has been started again"],
            id="cannot-be-started-for-a-while",
        ),
    ],
)
@pytest.mark.looptime
async def test_a_server_that_dies_is_started_again_and_a_problem_says_so(
    ends: tuple[Exit | StartError, ...], said: list[str]
) -> None:
    runner = DyingRunner(*ends)
    async with kept(runner, WEB) as outside:
        assert len(runner.specs) == len(ends) + 1
        start = "the server of externalHosts k8s.service.com at 10.66.40.20:80 "
        assert outside.problems() == [f"{start}{each}" for each in said]


@pytest.mark.looptime
async def test_a_server_that_dies_at_once_each_time_is_tried_later_and_later() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with kept(DyingRunner(*[Exit(1, 0)] * 6), WEB):
        assert loop.time() - began == pytest.approx(0 + 1 + 5 + 10 + 60 + 60, abs=0.1)

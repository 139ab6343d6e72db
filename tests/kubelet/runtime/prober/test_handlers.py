"""Probes of a real server, and of what does not answer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.patience import PATIENCE

from kubeapi.meta import JSON
from kubelet.images.builtins import plan_builtin
from kubelet.images.serverhost import ServerHost
from kubelet.process.orphans import marker
from kubelet.process.runner import ProcessRunner
from kubelet.runtime.prober import read_handler
from kubelet.runtime.prober.target import ProbeTarget
from kubelet.spec.process import ProcessSpec

ADDRESS = "127.246.13.1"


def command(words: tuple[str, ...]) -> ProcessSpec:
    return ProcessSpec(words, {"PATH": "/usr/bin:/bin"})


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[ProbeTarget]:
    """A container with a netexec, whose port is called web."""
    runner = ProcessRunner(marker("prober", tmp_path))
    environment = {"HOSTNAME": "web-1"}
    plan = plan_builtin("agnhost", ("netexec",), ServerHost(lambda port: port), environment)
    await runner.start(ProcessSpec(environment=environment, builtin=plan, address=ADDRESS))
    yield ProbeTarget(ADDRESS, {"web": 8080}, DirectNetwork(), runner, command)
    await runner.close()


def get(path: str, port: int | str = 8080, **fields: object) -> JSON:
    return {"httpGet": {"path": path, "port": port, **fields}}


def run(*words: str) -> JSON:
    return {"exec": {"command": list(words)}}


def connect(port: int | str) -> JSON:
    return {"tcpSocket": {"port": port}}


@pytest.mark.parametrize(
    ("action", "is_success", "message"),
    [
        (get("/healthz"), True, ""),
        (get("healthz"), True, ""),
        (get("/healthz", "web"), True, ""),
        (get("/redirect?code=302"), True, ""),
        (get("/echo?code=404"), False, "HTTP probe failed with statuscode: 404"),
        (get("/", httpHeaders=[{"name": "X", "value": "1"}, {"name": "Host", "value": "a.b"}]), True, ""),
        (get("/healthz", host="127.246.13.2"), False, 'Get "http://127.246.13.2:8080/healthz": dial tcp '),
        (
            get("/healthz", 8099),
            False,
            f'Get "http://{ADDRESS}:8099/healthz": dial tcp {ADDRESS}:8099: connect: connection refused',
        ),
        (get("/", "db"), False, 'couldn\'t find port: strconv.Atoi: parsing "db": invalid syntax'),
        (connect(8080), True, ""),
        (connect("web"), True, ""),
        (connect("8080"), True, ""),
        (connect(8099), False, f"dial tcp {ADDRESS}:8099: connect: connection refused"),
        (connect("db"), False, 'couldn\'t find port: strconv.Atoi: parsing "db": invalid syntax'),
        (run("true"), True, ""),
        (run("sh", "-c", "echo no; exit 1"), False, "no"),
        (run("sleep", "9"), False, 'command "sleep 9" timed out'),
        (run("nope"), False, 'exec: "nope": executable file not found in $PATH'),
        ({"sleep": {"seconds": 0}}, True, ""),
    ],
    ids=lambda value: None,
)
async def test_probes_say_what_the_kubelet_says(
    target: ProbeTarget, action: JSON, is_success: bool, message: str
) -> None:
    outcome = await read_handler(action).attempt(target, 0.5)
    assert outcome.is_success == is_success
    assert outcome.message.startswith(message)
    assert bool(outcome.message) == bool(message)


async def test_a_server_that_accepts_and_hangs_fails_the_probe_by_its_timeout(target: ProbeTarget) -> None:
    with socket.socket() as listener:
        listener.bind((ADDRESS, 8098))
        listener.listen()
        outcome = await read_handler(get("/", 8098)).attempt(target, 0.1)
    text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert outcome == (False, f'Get "http://{ADDRESS}:8098/": {text}')


async def test_a_server_that_speaks_no_http_is_said_to_be_broken(target: ProbeTarget) -> None:
    def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        writer.close()

    async with await asyncio.start_server(greet, ADDRESS, 8097):
        outcome = await read_handler(get("/", 8097)).attempt(target, PATIENCE)
    shown = 'net/http: HTTP/1.x transport connection broken: malformed HTTP response "220 mail ready"'
    assert outcome == (False, f'Get "http://{ADDRESS}:8097/": {shown}')


def test_an_action_without_a_known_handler_is_refused() -> None:
    with pytest.raises(ValueError, match="no known handler"):
        read_handler({"periodSeconds": 1})

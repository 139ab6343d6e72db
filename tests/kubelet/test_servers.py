"""The built-in servers over real sockets, and the real probes against them."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kubelet import prober
from kubelet.builtins import plan_builtin
from kubelet.orphans import marker
from kubelet.podspec import Exec, HTTPGet, ProbeHandler, TCPSocket
from kubelet.processes import ProcessRunner, ProcessSpec, RunningProcess

ADDRESS = "127.246.10.1"


class Host:
    """A runner and the built-ins that it has started."""

    def __init__(self, runner: ProcessRunner) -> None:
        self.runner = runner

    async def serve(self, name: str, *arguments: str) -> RunningProcess:
        plan = plan_builtin(name, arguments, lambda port: port + 10000 if port < 1024 else port)
        environment = {"HOSTNAME": "web-1"}
        return await self.runner.start(ProcessSpec(environment=environment, builtin=plan, address=ADDRESS))


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    runner = ProcessRunner(marker("servers", tmp_path))
    yield Host(runner)
    await runner.close()


async def send(raw: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    writer.write(raw.encode("latin-1"))
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return answer


async def get(path: str, port: int = 8080, headers: str = "") -> tuple[int, str]:
    answer = await send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n", port)
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/hostname", 200, "web-1"),
        ("/hostName", 200, "web-1"),
        ("/echo?msg=hello%20you", 200, "hello you"),
        ("/echo?msg=x&code=503", 503, "x"),
        ("/healthz", 200, ""),
        ("/header?key=X-Test", 200, "yes"),
        ("/redirect?location=/a&code=301", 301, ""),
        ("/shell?cmd=id", 404, "/shell is not offered by kubesvc: it would act on your own machine\n"),
        ("/nope", 404, "404 page not found\n"),
    ],
)
async def test_netexec_answers(host: Host, path: str, status: int, body: str) -> None:
    await host.serve("agnhost", "netexec")
    assert await get(path, headers="X-Test: yes\r\n") == (status, body)


async def test_netexec_tells_the_client_its_address(host: Host) -> None:
    await host.serve("agnhost", "netexec")
    _, body = await get("/clientip")
    assert body.startswith("127.0.0.1:")


async def test_netexec_exits_when_it_is_told_to(host: Host) -> None:
    process = await host.serve("agnhost", "netexec")
    await get("/exit?code=3")
    assert (await process.wait()).code == 3


@pytest.mark.parametrize(
    ("packet", "answer"), [(b"echo hello", b"hello"), (b"hostname\n", b"web-1"), (b"ECHO a b", b"a b")]
)
async def test_netexec_answers_datagrams(host: Host, packet: bytes, answer: bytes) -> None:
    await host.serve("agnhost", "netexec")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect((ADDRESS, 8081))
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, b"nonsense")
        await loop.sock_sendall(client, packet)
        assert await asyncio.wait_for(loop.sock_recv(client, 100), 5) == answer


@pytest.mark.parametrize(
    ("name", "arguments", "port", "status", "body"),
    [
        ("nginx", (), 10080, 200, "<title>Welcome to nginx!</title>"),
        ("httpd", (), 10080, 200, "<html><body><h1>It works!</h1></body></html>\n"),
        ("http-echo", ("-text=hello",), 5678, 200, "hello\n"),
        ("http-echo", ("-text=hello", "-status-code=418"), 5678, 418, "hello\n"),
        ("agnhost", ("serve-hostname",), 9376, 200, "web-1"),
    ],
)
async def test_pages(host: Host, name: str, arguments: tuple[str, ...], port: int, status: int, body: str) -> None:
    await host.serve(name, *arguments)
    code, said = await get("/", port)
    assert code == status
    assert body in said


async def test_a_connection_is_kept_and_requests_may_be_sent_ahead(host: Host) -> None:
    await host.serve("agnhost", "netexec")
    ask = "GET /echo?msg={} HTTP/1.1\r\nHost: x\r\n{}\r\n"
    answer = await send(ask.format("one", "") + ask.format("two", "Connection: close\r\n"), 8080)
    assert answer.count("HTTP/1.1 200 OK") == 2
    assert answer.index("one") < answer.index("two")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nX: " + "x" * 70000, 431),
    ],
)
async def test_bad_requests_are_refused(host: Host, raw: str, status: int) -> None:
    await host.serve("agnhost", "netexec")
    assert (await send(raw, 8080)).startswith(f"HTTP/1.1 {status} ")
    assert (await get("/healthz"))[0] == 200


async def test_sigterm_ends_a_server_with_code_0(host: Host) -> None:
    process = await host.serve("httpd")
    process.kill(15)
    assert (await process.wait()).code == 0


async def test_what_was_on_its_way_when_a_server_is_told_to_stop_is_still_answered(host: Host) -> None:
    process = await host.serve("http-echo", "-text=hello")
    process.kill(signal.SIGSTOP)
    reader, writer = await asyncio.open_connection(ADDRESS, 5678)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    process.kill(signal.SIGTERM)
    process.kill(signal.SIGCONT)
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert (await process.wait()).code == 0


def target(host: Host) -> prober.Target:
    def command(words: tuple[str, ...]) -> ProcessSpec:
        return ProcessSpec(words, {"PATH": "/usr/bin:/bin"})

    return prober.Target(ADDRESS, lambda address, port: (address, port), host.runner, command)


def http(path: str, *, scheme: str = "HTTP", headers: tuple[tuple[str, str], ...] = ()) -> HTTPGet:
    return HTTPGet(path, 8080, scheme, "", headers)


@pytest.mark.parametrize(
    ("handler", "port", "is_success", "message"),
    [
        (http("/healthz"), 8080, True, ""),
        (http("/redirect?code=302"), 8080, True, ""),
        (http("/echo?code=404"), 8080, False, "HTTP probe failed with statuscode: 404"),
        (http("/header?key=x", headers=(("X", "1"), ("Host", "a.b"))), 8080, True, ""),
        (
            http("/healthz"),
            8099,
            False,
            f'Get "http://{ADDRESS}:8099/healthz": dial tcp {ADDRESS}:8099: connect: connection refused',
        ),
        (TCPSocket(8080, ""), 8080, True, ""),
        (TCPSocket(8099, ""), 8099, False, f"dial tcp {ADDRESS}:8099: connect: connection refused"),
        (TCPSocket("web", ""), None, False, 'couldn\'t find port: strconv.Atoi: parsing "web": invalid syntax'),
        (Exec(("true",)), None, True, ""),
        (Exec(("sh", "-c", "echo no; exit 1")), None, False, "no"),
        (Exec(("sleep", "9")), None, False, 'command "sleep 9" timed out'),
        (Exec(("nope",)), None, False, 'exec: "nope": executable file not found in $PATH'),
    ],
    ids=lambda value: None,
)
async def test_probes_say_what_the_kubelet_says(
    host: Host, handler: ProbeHandler, port: int | None, is_success: bool, message: str
) -> None:
    await host.serve("agnhost", "netexec")
    assert await prober.probe(handler, port, target(host), 0.5) == (is_success, message)


async def test_a_server_that_accepts_and_hangs_fails_the_probe_by_its_timeout(host: Host) -> None:
    with socket.socket() as listener:
        listener.bind((ADDRESS, 8098))
        listener.listen()
        outcome = await prober.probe(HTTPGet("/", 8098, "HTTP", "", ()), 8098, target(host), 0.1)
    text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert outcome == (False, f'Get "http://{ADDRESS}:8098/": {text}')

"""The built-in servers over real sockets."""

import asyncio
import json
import re
import signal
import socket
import ssl
import subprocess
import sys

import pytest
from tests.helpers.kubelet.builtins import ADDRESS, BuiltinHost, get, moved_port, send
from tests.helpers.patience import PATIENCE

from kubelet.images.builtins import plan_builtin
from kubelet.images.serverhost import ServerHost


async def ask_udp(port: int, *packets: bytes) -> bytes:
    """Send datagrams and return the first answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect((ADDRESS, port))
        loop = asyncio.get_running_loop()
        for packet in packets:
            await loop.sock_sendall(client, packet)
        return await asyncio.wait_for(loop.sock_recv(client, 10_000), PATIENCE)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/hostname", 200, "web-1"),
        ("/hostName", 200, "web-1"),
        ("/echo?msg=hello%20you", 200, "hello you"),
        ("/echo?msg=x&code=503", 503, "x"),
        ("/healthz", 200, ""),
        ("/header?key=X-Test", 200, "yes"),
        ("/header", 200, '{"X-Test": ["yes"], "Connection": ["close"]}'),
        ("/readyz", 200, "ok"),
        ("/dial?host=h&port=1", 400, "request parameter not specified.\n"),
        (
            "/dial?host=127.0.0.1&port=0&request=x",
            400,
            "host and/or port param are invalid. lookup tcp/0: unknown port\n",
        ),
        (
            "/dial?host=nosuch&port=1&request=x",
            400,
            "host and/or port param are invalid. lookup nosuch: no such host\n",
        ),
        ("/dial?host=h&port=1&request=x&protocol=sctp", 400, "unsupported protocol. sctp\n"),
        ("/dial?host=h&port=1&request=x&tries=-1", 400, "tries parameter is invalid.\n"),
        ("/echo?msg=x&code=y", 200, "argument 'code' must be an integer or empty, got \"y\"\n"),
        ("/redirect?location=/a&code=301", 301, '<a href="/a">Moved Permanently</a>.\n\n'),
        ("/redirect?location=b&code=y", 200, "argument 'code' must be an integer or empty, got \"y\"\n"),
        ("/exit?code=y", 200, "argument 'code' must be an integer [0-127] or empty, got \"y\"\n"),
        ("/serverport", 200, "8080"),
        ("/envvar?var=HOSTNAME", 200, "web-1"),
        ("/envvar?var=NOSUCH", 500, 'env var "NOSUCH" is not set\n'),
        ("/envvar", 400, "'var' query parameter is required\n"),
        ("/shell?cmd=id", 404, "/shell is not offered by kubesvc: it would act on your own machine\n"),
        ("/nope", 404, "404 page not found\n"),
    ],
)
async def test_netexec_answers_each_path_as_agnhost_does(host: BuiltinHost, path: str, status: int, body: str) -> None:
    await host.serve("agnhost", "netexec")
    assert await get(path, headers="X-Test: yes\r\n") == (status, body)


async def test_netexec_tells_the_time_as_go_prints_it(host: BuiltinHost) -> None:
    await host.serve("agnhost", "netexec")
    first, second = [(await get("/"))[1] for _ in range(2)]
    assert re.fullmatch(r"NOW: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,9} \+0000 UTC m=\+\d+\.\d{9}", first)
    assert first != second


async def test_netexec_tells_the_port_that_it_was_told_not_the_one_it_moved_to(host: BuiltinHost) -> None:
    await host.serve("agnhost", "netexec", "--http-port=80", "--udp-port=81")
    assert await get("/serverport", 10080) == (200, "80")
    assert await ask_udp(10081, b"serverport") == b"81"


async def test_a_web_page_may_not_read_the_environment(host: BuiltinHost) -> None:
    await host.serve("agnhost", "netexec")
    status, _ = await get("/envvar?var=HOSTNAME", headers="Origin: http://evil.example\r\n")
    assert status == 403


@pytest.mark.parametrize("said", ["hostName\n", "GET /\n", "GET / HTTP/3.0\r\nHost: x", "\r\n", "G@T / HTTP/1.1\r\n"])
async def test_a_line_that_begins_no_request_is_refused_without_waiting_for_more(host: BuiltinHost, said: str) -> None:
    await host.serve("agnhost", "serve-hostname")
    reader, writer = await asyncio.open_connection(ADDRESS, 9376)
    writer.write(said.encode())
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    writer.close()
    await writer.wait_closed()


async def test_lines_of_a_request_may_end_in_a_bare_line_feed(host: BuiltinHost) -> None:
    await host.serve("agnhost", "serve-hostname")
    answer = await send("POST / HTTP/1.1\nHost: x\nContent-Length: 6\nConnection: close\n\na\r\n\r\nb", 9376)
    assert (answer.split("\r\n")[0], answer.partition("\r\n\r\n")[2]) == ("HTTP/1.1 200 OK", "web-1")


async def test_netexec_tells_the_client_its_address(host: BuiltinHost) -> None:
    await host.serve("agnhost", "netexec")
    _, body = await get("/clientip")
    assert body.startswith("127.0.0.1:")


DIAL = f"/dial?host={ADDRESS}&port=8080&request=hostname&tries=3"


async def test_netexec_dials_others_and_itself_from_its_own_address(host: BuiltinHost) -> None:
    await host.serve("agnhost", "netexec")
    assert json.loads((await get(DIAL))[1]) == {"responses": ["web-1"] * 3}
    asked = f"/dial?host={ADDRESS}&port=8080&request=clientip"
    assert json.loads((await get(asked))[1])["responses"][0].startswith(f"{ADDRESS}:")
    asked = f"/dial?host={ADDRESS}&port=8081&request=clientip&protocol=udp"
    assert json.loads((await get(asked))[1])["responses"][0].startswith(f"{ADDRESS}:")


@pytest.mark.parametrize(
    ("protocol", "error"),
    [
        ("http", f'Get "http://{ADDRESS}:8099/x": dial tcp {ADDRESS}:8099: connection refused'),
        ("udp", f"reading from udp connection failed. err:'read udp {ADDRESS}:8099: connection refused'"),
    ],
)
async def test_netexec_names_the_server_that_it_could_not_reach(host: BuiltinHost, protocol: str, error: str) -> None:
    await host.serve("agnhost", "netexec")
    _, body = await get(f"/dial?host={ADDRESS}&port=8099&request=x&protocol={protocol}")
    assert json.loads(body) == {"errors": [error]}


@pytest.mark.parametrize(
    "header", ["Origin: https://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n", "Host: evil.example\r\n"]
)
async def test_web_pages_may_not_have_a_pod_dial_for_them(host: BuiltinHost, header: str) -> None:
    await host.serve("agnhost", "netexec")
    assert await get(DIAL, headers=header) == (
        403,
        "web pages may not dial: ask an address, or a name of the cluster\n",
    )


async def test_netexec_serves_on_for_its_delay_and_says_that_it_is_not_ready(host: BuiltinHost) -> None:
    process = await host.serve("agnhost", "netexec", "--delay-shutdown=60")
    process.kill(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        while (await get("/readyz")) != (503, "shutting down"):
            pass
    assert await get("/hostname") == (200, "web-1")
    assert not process.has_exited


async def test_netexec_answers_everything_as_its_override_says(host: BuiltinHost) -> None:
    await host.serve("agnhost", "netexec", "--http-override=/echo?msg=always&code=418")
    assert await get("/hostname") == (418, "always")


async def test_a_datagram_of_2000_bytes_is_echoed_whole(host: BuiltinHost) -> None:
    await host.serve("agnhost", "netexec")
    assert await ask_udp(8081, b"echo " + b"x" * 2000) == b"x" * 2000


async def test_serve_hostname_greets_by_tcp_and_udp(host: BuiltinHost) -> None:
    await host.serve("agnhost", "serve-hostname", "--http=false", "--tcp", "--udp")
    assert await send("", 9376) == "web-1"
    assert await ask_udp(9376, b"anything") == b"web-1"


async def test_porter_answers_on_each_port_with_its_text(host: BuiltinHost) -> None:
    given = {
        "SERVE_PORT_80": "plain",
        "SERVE_PORT_1081": "other",
        "SERVE_UDP_PORT_80": "u",
        "SERVE_TLS_PORT_443": "tls",
    }
    await host.serve("agnhost", "porter", env=given)
    assert await get("/any", 10080) == (200, "plain")
    assert await get("/any", 1081) == (200, "other")
    assert await ask_udp(10080, b"?") == b"u"
    for _ in range(2):
        assert (await ask_tls("/", 10443)).endswith("\r\n\r\ntls")


async def ask_tls(path: str, port: int) -> str:
    """Return the answer to one request over TLS, whatever the certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(ADDRESS, port, ssl=context)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    return answer.decode()


async def test_netexec_speaks_tls_if_it_is_given_a_certificate(host: BuiltinHost) -> None:
    output = bytearray()
    flags = ("--http-port=9090", "--tls-cert-file", "/localhost.crt", "--tls-private-key-file", "/localhost.key")
    process = await host.serve("agnhost", "netexec", *flags, sink=lambda _, chunk: output.extend(chunk))
    assert (await ask_tls("/echo?msg=prestop", 9090)).endswith("\r\n\r\nprestop")
    dialled = await ask_tls(f"/dial?host={ADDRESS}&port=8081&request=hostname&protocol=udp", 9090)
    assert dialled.endswith('\r\n\r\n{"responses": ["web-1"]}')
    process.kill(15)
    await process.wait()
    assert b"GET /echo?msg=prestop&code=" in output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--timeout=3s", f"{ADDRESS}:8080"), 0, ""),
        (("--timeout=3s", "--protocol=udp", f"{ADDRESS}:8081"), 0, ""),
        (("--timeout=3s", f"{ADDRESS}:8099"), 1, "REFUSED"),
        (("--timeout=3s", "--protocol=udp", f"{ADDRESS}:8099"), 1, "REFUSED"),
        (("--timeout=50ms", "--protocol=udp", "--udp-data=silence", f"{ADDRESS}:8081"), 1, "TIMEOUT"),
        (("nosuch:80",), 1, "DNS: lookup nosuch: no such host"),
        (("127.0.0.1",), 1, "UNKNOWN: address 127.0.0.1: missing port in address"),
    ],
    ids=str,
)
async def test_connect_reports_its_result_in_one_word(
    host: BuiltinHost, arguments: tuple[str, ...], code: int, said: str
) -> None:
    await host.serve("agnhost", "netexec")
    output = bytearray()
    process = await host.serve("agnhost", "connect", *arguments, sink=lambda _, chunk: output.extend(chunk))
    assert (await process.wait()).code == code
    assert output.decode().strip() == said


async def test_netexec_exits_when_it_is_told_to(host: BuiltinHost) -> None:
    process = await host.serve("agnhost", "netexec")
    await get("/exit?code=3")
    assert (await process.wait()).code == 3


@pytest.mark.parametrize(
    ("packet", "answer"), [(b"echo hello", b"hello"), (b"hostname\n", b"web-1"), (b"ECHO a B", b"a b")]
)
async def test_netexec_answers_datagrams(host: BuiltinHost, packet: bytes, answer: bytes) -> None:
    await host.serve("agnhost", "netexec")
    assert await ask_udp(8081, b"nonsense", packet) == answer


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
async def test_a_web_server_answers_with_the_page_of_its_image(
    host: BuiltinHost, name: str, arguments: tuple[str, ...], port: int, status: int, body: str
) -> None:
    await host.serve(name, *arguments)
    code, said = await get("/", port)
    assert code == status
    assert body in said


async def test_a_connection_is_kept_and_requests_may_be_sent_ahead(host: BuiltinHost) -> None:
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
async def test_bad_requests_are_refused(host: BuiltinHost, raw: str, status: int) -> None:
    await host.serve("agnhost", "netexec")
    assert (await send(raw, 8080)).startswith(f"HTTP/1.1 {status} ")
    assert (await get("/healthz"))[0] == 200


async def test_sigterm_ends_a_server_with_code_0(host: BuiltinHost) -> None:
    process = await host.serve("httpd")
    process.kill(15)
    assert (await process.wait()).code == 0


@pytest.mark.parametrize(("name", "arguments"), [("httpd", ()), ("agnhost", ("netexec",)), ("agnhost", ("pause",))])
def test_sigterm_that_comes_before_a_server_serves_ends_it_with_code_0_as_well(
    name: str, arguments: tuple[str, ...]
) -> None:
    program = (
        "import json, os, signal, sys\n"
        "from kubelet.spec.server import ServerPlan\n"
        "from kubelet.servers.prepare import prepare\n"
        "serve = prepare(ServerPlan(**json.loads(sys.argv[1])), sys.argv[2], {})\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "serve()\n"
    )
    plan = json.dumps(plan_builtin(name, arguments, ServerHost(moved_port))._asdict())
    done = subprocess.run([sys.executable, "-c", program, plan, ADDRESS], timeout=PATIENCE, check=False)
    assert done.returncode == 0


async def test_a_request_under_way_when_a_server_is_stopped_is_still_answered(host: BuiltinHost) -> None:
    process = await host.serve("http-echo", "-text=hello")
    process.kill(signal.SIGSTOP)
    reader, writer = await asyncio.open_connection(ADDRESS, 5678)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    process.kill(signal.SIGTERM)
    process.kill(signal.SIGCONT)
    answer = (await asyncio.wait_for(reader.read(), PATIENCE)).decode()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert (await process.wait()).code == 0

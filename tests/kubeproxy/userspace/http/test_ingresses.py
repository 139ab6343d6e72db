"""Requests at an address of Ingresses: each to its Service, with the fields of ingress-nginx, and by TLS as without."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import AsyncIterator
from typing import NoReturn

import pytest
from tests.helpers.kubeproxy.http import (
    GET,
    OK,
    PORT,
    POST,
    VIP,
    WEB,
    A,
    Pod,
    Running,
    Script,
    endpoint,
    http_front,
    read_body,
    until,
)
from tests.helpers.patience import PATIENCE

from kubeapi.meta import ObjectKey
from kubelet.images.localhost import CERTIFICATE, KEY
from kubeproxy.http.requesthead import read_request
from kubeproxy.ingress.certificates import Certificates, KeyPair
from kubeproxy.ingress.table import HostPaths, IngressTable, Leaf, Prefix
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.types import ServicePortName
from kubeproxy.userspace.http.ingressheads import Sender, ingress_head
from kubeproxy.userspace.http.io.tlscontexts import fault_of, server_context

PAIR = KeyPair(f"{KEY}{CERTIFICATE}".encode(), b"")
AT_HTTP, AT_HTTPS = (ServicePortName("", "ingress/127.0.113.254", each, "TCP") for each in ("http", "https"))
BIG = bytes(range(256)) * 16 * 1024
"""4 MiB: more than all buffers on the way."""


def leaf(path: str, port_name: ServicePortName | None = WEB, *, redirects: bool = False) -> Leaf:
    made = Leaf(ObjectKey("default", "web"), "", path, "Prefix", "default/web:80", port_name, problem="is gone")
    return made._replace(redirects=redirects)


def table(*leaves: Leaf) -> IngressTable:
    paths = HostPaths(prefixes=tuple(Prefix(each.path.rstrip("/"), True, each) for each in leaves))
    return IngressTable({"": paths}, None, Certificates(PAIR))


@contextlib.asynccontextmanager
async def ingresses(at: ServicePortName = AT_HTTPS, *leaves: Leaf) -> AsyncIterator[Running]:
    async with http_front(A, at=at) as running:
        assert running.front.serve_ingresses(at, table(*(leaves or (leaf("/"),)))) == {WEB}
        yield running
    assert not running.front.ingresses.terminations


@contextlib.asynccontextmanager
async def client(name: str = "localhost") -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    context = ssl.create_default_context(cadata=CERTIFICATE)
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(VIP, PORT, ssl=context, server_hostname=name)
        try:
            yield reader, writer
        finally:
            writer.close()


async def test_requests_of_one_client_go_each_by_its_path_and_are_recorded_for_their_service() -> None:
    gone = leaf("/gone", None)
    async with Pod(A).running() as pod, ingresses(AT_HTTP, gone, leaf("/a")) as running:
        talk = await running.connect()
        answers = []
        for path in (b"/a", b"/gone", b"/other", b"/a/b"):
            await talk.send(GET.replace(b"/", path, 1))
            answers.append(await talk.answer())
        assert [each.status for each in answers] == [200, 503, 404, 200]
        assert (answers[1].body, len(pod.heads)) == (b"kubesvc: is gone\n", 2)
        records = running.recent.records()
        assert [each.route.port_name for each in records] == [WEB, AT_HTTP, AT_HTTP, WEB]
        assert [each.outcome for each in records] == ["closed", Outcome.NO_RULE, Outcome.NO_RULE, "closed"]


async def test_a_client_without_tls_is_sent_to_it_and_stays_connected() -> None:
    async with Pod(A).running(), ingresses(AT_HTTP, leaf("/", redirects=True)) as running:
        talk = await running.connect()
        for _ in range(2):
            await talk.send(GET.replace(b"Host: web", b"Host: Web.example:20080"))
            reply = await talk.answer()
            # Here port 80 is at 20080, and so 443 is as much higher.
            assert (reply.status, reply.field("location")) == (308, f"https://web.example:{443 + PORT - 80}/")
        assert not running.front.shared.counters.errors


async def test_what_comes_by_tls_reaches_the_endpoint_whole_and_so_does_its_answer() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nX-Forwarded-Proto: https\r\n" in head
        body = await read_body(reader, head)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with endpoint(A, echo), ingresses(), client() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: %d\r\n\r\n" % len(BIG) + BIG)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert await reader.readexactly(len(BIG)) == BIG


async def test_an_answer_without_length_ends_by_tls_and_one_that_breaks_off_does_not() -> None:
    whole = asyncio.Event()

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        length = b"" if whole.is_set() else b"Content-Length: 9\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\nhalf")

    async with endpoint(A, half), ingresses():
        async with client() as (reader, writer):
            writer.write(GET)
            with pytest.raises((ConnectionResetError, ssl.SSLError)):
                await reader.read()
                await reader.read()
        whole.set()
        async with client() as (reader, writer):
            writer.write(GET)
            assert (await reader.read()).endswith(b"\r\n\r\nhalf")


async def test_a_websocket_goes_through_tls() -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while text := await reader.read(65536):
            writer.write(text.upper())
            await writer.drain()

    async with endpoint(A, shout), ingresses() as running, client() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        for text in (b"hello", b"x" * 300_000):
            writer.write(text)
            assert await reader.readexactly(len(text)) == text.upper()
        writer.close()
        await until(lambda: not running.front.count_connections())


@contextlib.asynccontextmanager
async def tls_endpoint(script: Script) -> AsyncIterator[None]:
    server = await asyncio.start_server(script, A, PORT, ssl=server_context(PAIR))
    async with server:
        yield


async def test_an_endpoint_that_speaks_tls_gets_requests_over_connections_that_are_kept() -> None:
    pod = Pod(A)
    async with tls_endpoint(pod.serve), ingresses(AT_HTTP, leaf("/")._replace(speaks_tls=True)) as running:
        talk = await running.connect()
        for body in (b"", BIG, b"x"):
            await talk.send(b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert (await talk.answer()).body == A.encode()
        assert (pod.connections, [len(each) for each in pod.bodies]) == (1, [0, len(BIG), 1])
        assert running.front.idle_upstreams() == 1
        running.front.update(WEB, ())
        await until(lambda: not running.front.ingresses.terminations)


async def test_an_endpoint_that_should_speak_tls_and_does_not_is_told_as_broken() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with endpoint(A, refuse), ingresses(AT_HTTP, leaf("/")._replace(speaks_tls=True)) as running:
        talk = await running.connect()
        await talk.send(POST + b"hello")
        assert (await talk.answer()).status == 502


async def test_who_speaks_no_tls_is_let_go_and_others_are_served() -> None:
    async with Pod(A).running(), ingresses() as running:
        talk = await running.connect()
        await talk.send(GET)
        with contextlib.suppress(ConnectionResetError):
            await talk.until_end()
        async with client() as (reader, writer):
            writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")


async def test_a_silent_client_does_not_stay() -> None:
    async with Pod(A).running(), ingresses() as running:
        talk = await running.connect()
        await until(lambda: bool(running.front.ingresses.terminations))
        running.pass_time(11)
        with contextlib.suppress(ConnectionResetError):
            assert await talk.until_end() == b""
        await until(lambda: not running.front.ingresses.terminations)


async def test_connections_are_drained_after_their_answer() -> None:
    may_answer = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await may_answer.wait()
        writer.write(OK)
        await writer.drain()

    async with endpoint(A, wait), ingresses() as running, client() as (reader, writer):
        writer.write(GET)
        await until(lambda: bool(running.recent.records()))
        running.front.drain()
        may_answer.set()
        await running.front.wait_until_idle()
        assert (await reader.read()).endswith(b"ok")


def test_the_endpoint_can_believe_what_it_is_told_of_the_client() -> None:
    lines = (
        b"GET /old HTTP/1.1",
        b"Host: web",
        b"X-Real-IP: 6.6.6.6",
        b"x-forwarded-proto: ftp",
        b"X-Forwarded-For: 7.7.7.7",
        b"Connection: x-real-ip, x-private",
        b"X-Private: 1",
        b"Accept: */*",
    )
    head = ingress_head(
        read_request(b"\r\n".join((*lines, b"", b"")), 100), b"/new", Sender(b"10.0.0.9", b"x", 443), b"0123"
    )
    assert head.split(b"\r\n") == [
        b"GET /new HTTP/1.1",
        b"Host: web",
        b"Accept: */*",
        b"X-Real-IP: 10.0.0.9",
        b"X-Forwarded-Host: web",
        b"X-Forwarded-Port: 443",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Scheme: https",
        b"X-Scheme: https",
        b"X-Original-Forwarded-For: 7.7.7.7",
        b"X-Request-ID: 0123",
        b"X-Forwarded-For: 10.0.0.9",
        b"",
        b"",
    ]


def test_a_request_that_names_no_host_is_for_the_address_that_it_came_to() -> None:
    head = ingress_head(
        read_request(b"GET / HTTP/1.0\r\n\r\n", 100), b"/", Sender(b"10.0.0.9", b"10.1.1.1:80", 80), b"0"
    )
    assert b"\r\nHost: 10.1.1.1:80\r\n" in head
    assert b"\r\nX-Forwarded-Host: 10.1.1.1:80\r\n" in head


def hello_to(name: bytes) -> bytes:
    """Return the first bytes of a TLS client that asks for a server by ``name``, of four bytes."""
    sent = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="name.example")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read().replace(b"name", name)


async def test_a_server_name_that_is_not_ascii_is_refused_without_a_line_in_the_log(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with Pod(A).running(), ingresses() as running:
        talk = await running.connect()
        await talk.send(hello_to("ää".encode()))
        assert (await talk.until_end())[:1] == b"\x15"  # an alert (RFC 8446, section 6)
    assert capfd.readouterr().err == ""


async def test_a_client_for_whose_tls_no_files_are_left_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_files() -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    async with Pod(A).running(), ingresses() as running:
        monkeypatch.setattr(socket, "socketpair", no_files)
        talk = await running.connect()
        assert await talk.until_end() == b""
        assert running.front.shared.counters.errors[Outcome.TOO_MANY_OPEN_FILES] == 1


OTHER_KEY = b"""\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxGvkdPYzgTQ0nZ3V
mgQ4bpvuVzAiyXbG2OoEm+qDXvGhRANCAATZCaLRhzeqvTHV7JxCYt+l2ShcFFfp
"""


@pytest.mark.parametrize(
    ("pair", "fault"),
    [
        (PAIR, ""),
        (KeyPair(b"nonsense", b""), "not PEM"),
        (KeyPair(CERTIFICATE.encode(), b""), "."),
        (KeyPair(CERTIFICATE.encode(), OTHER_KEY), "."),
    ],
)
def test_a_certificate_that_cannot_be_used_is_said_to_be_so(pair: KeyPair, fault: str) -> None:
    found = fault_of(pair)
    assert (found == "") == (fault == "")
    assert fault in (".", "") or fault in found, found

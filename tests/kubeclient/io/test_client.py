"""The way to a server: TLS, credentials that expire, proxies, upgrades, and the texts where it fails."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import json
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.helpers.kubeclient.following import access_to, from_file, opened, write_kubeconfig
from tests.helpers.kubeclient.server import Asked, Script, answer, head, scripted, status
from tests.helpers.loops import settled

from kubeapi.status import StatusError
from kubeapiserver.wire.keys.certificates import Certificate, server_certificate
from kubeclient.endpoint import endpoint_of
from kubeclient.http.handshake import SPDY, Upgrade
from kubeclient.http.io.connecting import Route, connect
from kubeclient.http.io.sockets import DEAD_SECONDS
from kubeclient.io import credentials
from kubeclient.io.client import APIClient
from kubeclient.kubeconfig.access import ConfigError
from kubeclient.kubeconfig.io import loading

YEAR = 365 * 86400.0
OK = answer({"kind": "Namespace"})
STREAMS = Upgrade(SPDY, ["portforward.k8s.io"])


async def accepting(asked: Asked) -> AsyncIterator[bytes]:
    yield OK


def wanting(*tokens: str) -> Script:
    """Answer those that have one of these tokens, in their order; refuse others."""

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        given = asked.headers.get("authorization", "").removeprefix("Bearer ")
        yield OK if given in tokens else answer(status(401, "Unauthorized", "Unauthorized"), 401)

    return script


def certificate(folder: Path, now: float = 0.0, name: str = "server.pem") -> Certificate:
    return server_certificate(folder / name, ["127.0.0.1"], ["inner.test"], now or time.time())


def client_certificate(name: str) -> tuple[str, str]:
    """Return a certificate that signs itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(named, named, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(), text


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_a_server_is_trusted_by_the_kubeconfigs_authority(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    async with scripted(accepting, made.context()) as server:
        cluster = {"server": server.url, "certificate-authority-data": encoded(made.authority)}
        (tmp_path / "ca.crt").write_text(made.authority)
        clusters: list[dict[str, Any]] = [
            cluster,
            {"server": server.url, "certificate-authority": "ca.crt"},
            {"server": server.url, "insecure-skip-tls-verify": True},
            {**cluster, "tls-server-name": "inner.test"},
        ]
        for each in clusters:
            async with from_file(write_kubeconfig(tmp_path / "config", each)) as client:
                assert await client.get("/api/v1/namespaces/default") == {"kind": "Namespace"}


async def test_a_token_that_no_header_can_have_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("half\nhalf")
    user = {"tokenFile": str(tmp_path / "token")}
    async with from_file(write_kubeconfig(tmp_path / "config", {"server": "http://127.0.0.1:1"}, user)) as client:
        with pytest.raises(ConfigError, match="the token has a line break"):
            await client.get("/api")


CERTIFICATES = {
    "another-authority": (0.0, {}, "has not signed its certificate; get the cluster's kubeconfig anew"),
    "expired": (-6 * YEAR, {}, "certificate has expired; this machine's clock says"),
    "clock-skew": (YEAR, {}, "certificate is not yet valid; this machine's clock says"),
    "another-name": (0.0, {"tls-server-name": "other.test"}, "see server and tls-server-name in"),
}


@pytest.mark.parametrize(("age", "more", "text"), CERTIFICATES.values(), ids=CERTIFICATES)
async def test_a_certificate_that_does_not_fit_is_explained(
    tmp_path: Path, age: float, more: dict[str, str], text: str
) -> None:
    made = certificate(tmp_path, time.time() + age)
    trusted = certificate(tmp_path, name="other.pem") if not (age or more) else made
    async with scripted(accepting, made.context()) as server:
        cluster = {"server": server.url, "certificate-authority-data": encoded(trusted.authority), **more}
        path = write_kubeconfig(tmp_path / "config", cluster)
        async with from_file(path) as client:
            with pytest.raises(ConnectionError) as failed:
                await client.get("/api")
            assert text in str(failed.value)
            assert str(path) in str(failed.value)


async def test_a_client_certificate_is_shown_and_no_file_is_left(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    context = made.context()
    context.verify_mode = ssl.CERT_REQUIRED
    pem, key = client_certificate("me")
    context.load_verify_locations(cadata=pem)
    async with scripted(accepting, context) as server:
        cluster = {"server": server.url, "certificate-authority-data": encoded(made.authority)}
        user = {"client-certificate-data": encoded(pem), "client-key-data": encoded(key)}
        async with from_file(write_kubeconfig(tmp_path / "config", cluster, user)) as client:
            assert await client.get("/api") == {"kind": "Namespace"}


async def test_a_client_certificate_is_read_again_when_it_is_refused(tmp_path: Path) -> None:
    made, shown = certificate(tmp_path), list[bytes]()
    context, first, second = made.context(), client_certificate("old"), client_certificate("new")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=first[0] + second[0])

    def write(pair: tuple[str, str]) -> None:
        for name, text in zip(("me.crt", "me.key"), pair, strict=True):
            (tmp_path / name).write_text(text)

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        write(second)
        yield answer(status(401, "Unauthorized", "Unauthorized"), 401) if asked.number == 1 else OK

    write(first)
    async with scripted(script, context) as server:
        server.on_certificate = shown.append
        cluster = {"server": server.url, "certificate-authority-data": encoded(made.authority)}
        user = {"client-certificate": "me.crt", "client-key": "me.key"}
        async with from_file(write_kubeconfig(tmp_path / "config", cluster, user)) as client:
            assert await client.get("/api") == {"kind": "Namespace"}
        assert shown == [ssl.PEM_cert_to_DER_cert(pem) for pem, _ in (first, second)]


@pytest.mark.parametrize(
    ("cluster", "user", "text"),
    [
        (
            {"certificate-authority-data": encoded("none")},
            {},
            "certificate-authority-data has no certificate in PEM form",
        ),
        ({"certificate-authority": "none"}, {}, "none cannot be read: No such file or directory"),
        ({}, {"client-certificate-data": encoded("x"), "client-key-data": encoded("y")}, "are no PEM pair"),
        ({}, {"tokenFile": "none"}, "none cannot be read: No such file or directory"),
        ({}, {"tokenFile": "config"}, ""),
    ],
    ids=["no-pem", "no-file", "no-pair", "no-token-file", "fine"],
)
async def test_what_the_kubeconfig_names_is_read_at_the_start(
    tmp_path: Path, cluster: dict[str, str], user: dict[str, str], text: str
) -> None:
    path = write_kubeconfig(tmp_path / "config", {"server": "https://127.0.0.1:1", **cluster}, user)
    if not text:
        await APIClient.open(path)
        return
    with pytest.raises(ConfigError, match=text):
        await APIClient.open(path)


async def test_a_token_file_is_read_again_when_its_token_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")
    async with scripted(wanting("old")) as server, opened(access_to(server.url, token_file=str(file))) as client:
        await client.get("/api")
        server.script = wanting("new")
        file.write_text("new\n")
        await client.get("/api")
        assert [each.headers["authorization"] for each in server.asked] == ["Bearer old", "Bearer old", "Bearer new"]
        server.script = wanting("newer")
        with pytest.raises(StatusError, match="Unauthorized"):
            await client.get("/api")
        assert len(server.asked) == 5


PLUGIN = """
import json, os, pathlib
count = pathlib.Path(os.environ["COUNT"])
number = len(count.read_text()) if count.exists() else 0
count.write_text("x" * (number + 1))
told = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
status = {"token": f"token-{number}", **json.loads(os.environ["MORE"])}
print(json.dumps({"kind": "ExecCredential", "apiVersion": told["apiVersion"], "status": status}))
"""


def plugin(folder: Path, program: str = PLUGIN, **more: str) -> dict[str, Any]:
    env = {"COUNT": str(folder / "count"), "MORE": json.dumps(more)}
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-S", "-c", program],
            "env": [{"name": name, "value": value} for name, value in env.items()],
            "installHint": "install login",
        }
    }


async def test_a_plugin_is_asked_once_until_its_token_is_refused(tmp_path: Path) -> None:
    async with scripted(wanting("token-0")) as server:
        async with from_file(write_kubeconfig(tmp_path / "config", {"server": server.url}, plugin(tmp_path))) as client:
            await asyncio.gather(*(client.get("/api") for _ in range(3)))
            server.script = wanting("token-1")
            await client.get("/api")
        assert (tmp_path / "count").read_text() == "xx"


async def test_a_plugin_is_asked_again_before_its_token_expires(tmp_path: Path) -> None:
    user = plugin(tmp_path, expirationTimestamp="2020-01-01T00:00:00Z")
    async with scripted(accepting) as server:
        async with from_file(write_kubeconfig(tmp_path / "config", {"server": server.url}, user)) as client:
            await client.get("/api")
        assert server.asked[0].headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("import sys; sys.exit('log in first')", "ended with status 1: log in first"),
        ("while True: print('x' * 65536)", "prints more than 1 MiB, and an ExecCredential has a few KiB"),
        ("print('hello')", "what it prints is no JSON"),
        ("import time; time.sleep(100)", "has not ended after"),
    ],
    ids=["fails", "prints-for-ever", "prints-something-else", "hangs"],
)
async def test_a_plugin_that_fails_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, text: str
) -> None:
    monkeypatch.setattr(credentials, "PLUGIN_SECONDS", 0.3 if "sleep" in program else 60.0)
    path = write_kubeconfig(tmp_path / "config", {"server": "http://127.0.0.1:1"}, plugin(tmp_path, program))
    with pytest.raises(ConfigError, match=text):
        await APIClient.open(path)


async def test_what_a_plugin_says_meanwhile_is_shown(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    program = f"import sys; print('open https://login.test', file=sys.stderr){PLUGIN}"
    path = write_kubeconfig(tmp_path / "config", {"server": "http://127.0.0.1:1"}, plugin(tmp_path, program))
    async with from_file(path):
        assert capfd.readouterr().err == "open https://login.test\n"


async def test_a_plugin_that_is_not_installed_says_how_to_install_it(tmp_path: Path) -> None:
    user = plugin(tmp_path)
    user["exec"]["command"] = "./none"
    path = write_kubeconfig(tmp_path / "config", {"server": "http://127.0.0.1:1"}, user)
    with pytest.raises(ConfigError, match="/none cannot be run: No such file or directory; install login"):
        await APIClient.open(path)


def test_files_are_found_as_kubectl_finds_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConfigError, match=r"no kubeconfig: .*/home/.kube/config does not exist"):
        loading.find_access(None, "", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    for name, text in (("token", "t"), ("namespace", "shop\n"), ("ca.crt", "")):
        (tmp_path / name).write_text(text)
    found = loading.find_access(None, "", tmp_path)
    assert (found.server.url, found.namespace) == ("https://[fd00::1]:443", "shop")
    write_kubeconfig(home / ".kube" / "config", {"server": "https://home"})
    assert loading.find_access(None, "", tmp_path).server.url == "https://home"
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}:{write_kubeconfig(tmp_path / 'b', {'server': 'https://b'})}")
    assert loading.find_access(None, "", tmp_path).server.url == "https://b"
    named = tmp_path / "named"
    named.write_text("apiVersion: v1\ncurrent-context: [x\n")
    with pytest.raises(ConfigError, match=rf"{named}:3"):
        loading.find_access(named)
    with pytest.raises(ConfigError, match="none cannot be read: No such file"):
        loading.find_access(tmp_path / "none")
    named.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        loading.find_access(named)


async def test_the_path_of_the_server_is_kept() -> None:
    async with scripted(accepting) as server, opened(access_to(f"{server.url}/k8s/clusters/c-1")) as client:
        await client.get("/api/v1/services", {"labelSelector": "!a.b/c,x in (y)"})
        assert server.asked[0].path == "/k8s/clusters/c-1/api/v1/services"
        assert server.asked[0].query == {"labelSelector": "!a.b/c,x in (y)"}


async def test_a_compressed_answer_is_read_and_compression_is_asked_for() -> None:
    text = gzip.compress(json.dumps({"items": list(range(1000))}).encode())

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        yield head(headers={"Content-Encoding": "gzip"}, length=len(text)) + text

    async with scripted(script) as server, opened(access_to(server.url)) as client:
        assert len((await client.get("/api"))["items"]) == 1000
        assert "gzip" in server.asked[0].headers["accept-encoding"]


async def test_a_connection_without_its_other_end_is_found_out() -> None:
    async with scripted(accepting) as server:
        wire = await connect(Route(endpoint_of(server.url)))
        made = wire.transport.get_extra_info("socket")
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        probes = [socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT]
        idle, interval, count, unanswered = (made.getsockopt(socket.IPPROTO_TCP, each) for each in probes)
        assert idle + interval * count == DEAD_SECONDS
        assert unanswered == DEAD_SECONDS * 1000
        wire.abort()


async def test_requests_go_through_the_proxy_of_the_kubeconfig(tmp_path: Path) -> None:
    async with scripted(accepting) as proxy:
        cluster = {"server": "http://api.test:8080", "proxy-url": proxy.url}
        async with from_file(write_kubeconfig(tmp_path / "config", cluster)) as client:
            assert await client.get("/api") == {"kind": "Namespace"}
        assert proxy.asked[0].headers["host"] == "api.test:8080"


async def test_a_connection_is_upgraded_and_handed_over_with_its_first_bytes() -> None:
    async def script(asked: Asked) -> AsyncIterator[bytes]:
        fields = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
        yield b"HTTP/1.1 101 Switching Protocols\r\n" + fields.encode() + b"first"

    async with scripted(script) as server, opened(access_to(server.url, token="t")) as client:
        upgraded = await client.connect("/api/v1/namespaces/a/pods/b/portforward", {"ports": "80"}, STREAMS)
        assert (upgraded.first, upgraded.protocol) == (b"first", "portforward.k8s.io")
        upgraded.transport.abort()
        asked = server.asked[0]
        assert (asked.method, asked.headers["authorization"], asked.query) == ("POST", "Bearer t", {"ports": "80"})


async def test_an_upgrade_that_is_refused_is_asked_for_again_with_the_token_that_the_file_has_now(
    tmp_path: Path,
) -> None:
    async def script(asked: Asked) -> AsyncIterator[bytes]:
        if asked.headers["authorization"] == "Bearer new":
            fields = "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
            yield b"HTTP/1.1 101 Switching Protocols\r\n" + fields.encode()
        else:
            (tmp_path / "token").write_text("new")
            yield answer(status(401, "Unauthorized", "Unauthorized"), 401)

    (tmp_path / "token").write_text("old")
    async with scripted(script) as server:
        file = write_kubeconfig(tmp_path / "config", {"server": server.url}, {"tokenFile": str(tmp_path / "token")})
        async with from_file(file) as client:
            (await client.connect("/x", {}, STREAMS)).transport.abort()
            assert [each.headers["authorization"] for each in server.asked] == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("has_tls", [False, True], ids=["http", "https"])
async def test_tls_goes_through_a_proxy(tmp_path: Path, has_tls: bool) -> None:
    made = certificate(tmp_path)

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        said = b"HTTP/1.1 101 X\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\nfirst"
        yield said if asked.method == "POST" else OK

    proxying = tunnelling(made.context() if has_tls else None)
    async with scripted(script, made.context()) as server, proxying as proxy:
        cluster = {"server": server.url, "certificate-authority-data": encoded(made.authority), "proxy-url": proxy}
        async with from_file(write_kubeconfig(tmp_path / "config", cluster)) as client:
            assert await client.get("/api") == {"kind": "Namespace"}
            upgraded = await client.connect("/x", {}, STREAMS)
            assert upgraded.protocol == "portforward.k8s.io"
            upgraded.transport.abort()


@contextlib.asynccontextmanager
async def tunnelling(context: ssl.SSLContext | None) -> AsyncIterator[str]:
    """Run an HTTP proxy that connects to what it is asked for; yields its URL."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while chunk := await reader.read(65536):
                writer.write(chunk)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split()
        assert asked[0] == b"CONNECT"
        host, _, port = asked[1].decode().rpartition(":")
        inner, outer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(copy(reader, outer), copy(inner, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"http{'s' if context else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await settled()


def token(seconds: float) -> str:
    claims = json.dumps({"exp": time.time() + seconds}).encode()
    return f"head.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.signature"


@pytest.mark.parametrize("is_refused", [False, True], ids=["expired", "refused"])
async def test_an_id_token_is_renewed_by_its_refresh_token(tmp_path: Path, is_refused: bool) -> None:
    old, new = token(1000.0 if is_refused else -1000.0), token(2000.0)

    async def issuer(asked: Asked) -> AsyncIterator[bytes]:
        if asked.method == "GET":
            yield answer({"token_endpoint": f"{server.url}/token"})
        else:
            yield answer({"id_token": new})

    async with scripted(issuer) as server, scripted(wanting(new)) as api:
        config = {"idp-issuer-url": server.url, "client-id": "c", "id-token": old, "refresh-token": "r"}
        user = {"auth-provider": {"name": "oidc", "config": config}}
        async with from_file(write_kubeconfig(tmp_path / "config", {"server": api.url}, user)) as client:
            await client.get("/api")
        assert [each.path for each in server.asked] == ["/.well-known/openid-configuration", "/token"]
        assert server.asked[1].body == b"grant_type=refresh_token&refresh_token=r&client_id=c"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (answer({}), "it names no 'token_endpoint'; log in again"),
        (answer({}, 500), "500"),
        (answer([]), "gives no new id-token"),
    ],
)
async def test_an_issuer_that_gives_no_token_is_said(tmp_path: Path, said: bytes, text: str) -> None:
    async def issuer(asked: Asked) -> AsyncIterator[bytes]:
        yield said

    async with scripted(issuer) as server:
        config = {"idp-issuer-url": server.url, "client-id": "c", "id-token": "", "refresh-token": "r"}
        user = {"auth-provider": {"name": "oidc", "config": config}}
        path = write_kubeconfig(tmp_path / "config", {"server": "http://127.0.0.1:1"}, user)
        with pytest.raises(ConfigError, match=text):
            await APIClient.open(path)


UPGRADES: dict[str, tuple[bytes, type[Exception], str]] = {
    "refused": (answer(status(403, "Forbidden", "pods is forbidden"), 403), StatusError, "pods is forbidden"),
    "not-upgraded": (answer({}), StatusError, "the server answers 200"),
    "no-user": (
        answer(status(401, "Unauthorized", "Unauthorized"), 401),
        StatusError,
        r"^the API server \S+ \(context test of test.kubeconfig\) refuses the credentials \(Unauthorized\); log in",
    ),
    "no-length": (b"HTTP/1.1 502 Bad Gateway\r\n\r\nbad gateway", StatusError, "bad gateway"),
    "ended": (b"", ConnectionError, "has ended the connection"),
    "no-http": (b"220 smtp\r\n\r\n", ConnectionError, "the answer is not HTTP"),
}


@pytest.mark.parametrize(("said", "kind", "text"), UPGRADES.values(), ids=UPGRADES)
async def test_an_upgrade_that_fails_is_explained(said: bytes, kind: type[Exception], text: str) -> None:
    async def script(asked: Asked) -> AsyncIterator[bytes]:
        yield said

    async with scripted(script) as server, opened(access_to(server.url)) as client:
        with pytest.raises(kind, match=text):
            await client.connect("/x", {}, STREAMS)

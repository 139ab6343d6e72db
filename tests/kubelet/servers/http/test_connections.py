"""agnhost's servers about connections: nettest, net and tcp-reset."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.helpers.kubelet.builtins import ADDRESS, BuiltinHost, send

from kubelet.servers.agnhost.dialling import Dialler
from kubelet.servers.agnhost.halfclose import RunnerError, execute
from kubelet.servers.agnhost.nettest import Peers, State, peer_service
from kubelet.servers.http.messages import Request

DIALLER = Dialler(ADDRESS)


def ask(state: State, path: str, body: bytes = b"", peers: int = 1) -> str:
    request = Request("POST", path, {}, {}, "127.0.0.1:9", 8080, False, body)
    return peer_service(state, Peers("default", "nettest", peers), 0.0).respond(request).body.decode()


def test_a_peer_that_writes_is_counted_and_told_the_hostname() -> None:
    state = State("server")
    assert ask(state, "/write", b'{"Source": "prestop"}') == '{"Hostname":"server"}\n'
    ask(state, "/write", b'{"Source": "prestop"}')
    ask(state, "/write", b"{}")
    shown = json.loads(ask(state, "/read"))
    assert (shown["Received"], shown["Sent"]) == ({"prestop": 2}, None)
    assert shown["Errors"] == ["server: Got request with no source"]


def test_the_status_is_decided_by_the_peers() -> None:
    state = State("server")
    assert ask(state, "/status") == "running"
    state.is_contacting = False
    assert ask(state, "/status") == "fail"
    state.send("other")
    state.receive(b'{"Source": "other"}')
    assert ask(state, "/status") == "pass"


async def test_it_ends_in_a_pod_without_an_account(host: BuiltinHost) -> None:
    code, said = await host.run("nettest")
    assert code == 1
    assert "unable to load in-cluster configuration" in said


def test_a_connection_is_left_half_closed_at_either_end() -> None:
    with ThreadPoolExecutor() as pool:
        listening = {"LocalAddr": f"{ADDRESS}:11302", "PostFinTimeoutSeconds": 0}
        server = pool.submit(execute, "nat-closewait-server", json.dumps(listening), DIALLER)
        client = ""
        while not client:
            try:
                client = execute("nat-closewait-client", json.dumps({"RemoteAddr": f"{ADDRESS}:11302"}), DIALLER)
            except RunnerError as error:
                assert "refused" in str(error)
        assert client.endswith("# Server has half-closed the connection, waiting 0 seconds\n# Done\n")
        assert "# Client connected\n# Server sent FIN" in server.result()


async def test_what_a_client_posts_is_run(host: BuiltinHost) -> None:
    await host.serve("agnhost", "net", "--serve=:8889")
    head = "POST /run/{} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    assert "Invalid runner: 'dig'" in await send(head.format("dig"), 8889)
    assert "missing port in address" in await send(head.format("nat-closewait-client"), 8889)


async def test_every_connection_is_reset(host: BuiltinHost) -> None:
    await host.serve("agnhost", "tcp-reset")
    with socket.create_connection((ADDRESS, 8080)) as sock:
        sock.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)

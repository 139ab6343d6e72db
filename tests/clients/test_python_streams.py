"""The official Python client on WebSockets: exec and port-forward, with input in text messages and its own Origin."""

from __future__ import annotations

import gc
import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import websocket
from kubernetes import client, config
from kubernetes.stream import portforward, stream
from tests.helpers.cluster.api import WEB, WEB_PORT, APICluster
from tests.helpers.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
"""The client leaves a WebSocket that its peer has closed to the garbage collector."""


@pytest.fixture
def core(cluster: APICluster) -> Iterator[Any]:
    with config.new_client_from_config(str(cluster.kubeconfig)) as api:
        yield client.CoreV1Api(api)
    for each in threading.enumerate():
        if each.name.startswith("Kubernetes port forward proxy"):
            each.join(PATIENCE)
    gc.collect()


def exec_in_web(core: Any, *command: str, **options: Any) -> Any:
    wanted = {"stdin": False, "stdout": True, "stderr": True, "tty": False, **options}
    return stream(core.connect_get_namespaced_pod_exec, WEB, "default", command=list(command), **wanted)


def test_a_command_in_a_pod_has_streams_and_an_exit_code(core: Any) -> None:
    session = exec_in_web(core, "sh", "-c", "echo $POD_IP; echo oh >&2; exit 3", _preload_content=False)
    session.run_forever(timeout=PATIENCE)

    assert session.read_stdout().startswith("127.252.")
    assert session.read_stderr() == "oh\n"
    assert session.returncode == 3


def test_a_command_in_a_pod_is_given_input(core: Any) -> None:
    session = exec_in_web(core, "sh", "-c", "read line; echo got $line", stdin=True, _preload_content=False)
    session.write_stdin("something\n")
    session.run_forever(timeout=PATIENCE)

    assert session.read_stdout() == "got something\n"
    assert session.returncode == 0


def test_a_shell_in_a_pod_has_a_terminal(core: Any) -> None:
    assert exec_in_web(core, "sh", "-c", "tty", tty=True).startswith("/dev/pts/")


def test_exec_in_a_missing_pod_is_refused_before_the_upgrade(core: Any) -> None:
    with pytest.raises(client.ApiException) as refused:
        stream(core.connect_get_namespaced_pod_exec, "nope", "default", command=["true"], stdout=True)
    assert "404" in str(refused.value)


def test_a_forwarded_port_carries_http(core: Any) -> None:
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, WEB, "default", ports=str(WEB_PORT))
    connection = http.client.HTTPConnection("127.0.0.1")
    connection.sock = forwarded.socket(WEB_PORT)
    connection.sock.settimeout(PATIENCE)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        assert connection.getresponse().read().startswith(b"<!DOCTYPE HTML")
        assert forwarded.error(WEB_PORT) is None
    finally:
        connection.close()


def test_a_watch_in_a_web_socket_has_a_message_for_every_event_as_java_clients_want_it(core: Any) -> None:
    configuration = core.api_client.configuration
    socket = websocket.create_connection(
        f"{configuration.host.replace('https', 'wss')}/api/v1/namespaces/default/configmaps?watch=true",
        header={"Authorization": configuration.auth_settings()["BearerToken"]["value"]},
        origin="http://localhost",
        sslopt={"ca_certs": configuration.ssl_ca_cert},
        timeout=PATIENCE,
    )
    try:
        core.create_namespaced_config_map("default", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="seen")))
        core.delete_namespaced_config_map("seen", "default")
        seen = []
        while ("DELETED", "seen") not in seen:
            opcode, content = socket.recv_data()
            event = json.loads(content)
            assert opcode == websocket.ABNF.OPCODE_TEXT
            seen.append((event["type"], event["object"]["metadata"]["name"]))
    finally:
        socket.close()
    assert [each for each in seen if each[1] == "seen"] == [("ADDED", "seen"), ("DELETED", "seen")]

"""`kubesvc up` of an API server of one's own, together with objects of its kinds."""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path

from tests.helpers.cluster.cli import ClusterCommands, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import stream

from kubeapiserver.wire.keys.certificates import server_certificate

GROUND = Ground(28)
SERVER = """\
import http.server, json, ssl

PATH = "/apis/toys.example.com/v1"
VERBS = ["create", "delete", "get", "patch"]
RESOURCE = {"name": "blocks", "singularName": "block", "namespaced": True, "kind": "Block", "verbs": VERBS}
BLOCKS = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == PATH:
            self.answer({"kind": "APIResourceList", "groupVersion": "toys.example.com/v1", "resources": [RESOURCE]})
        else:
            self.answer(BLOCKS.get(self.path, {}), 200 if self.path in BLOCKS else 404)

    def do_POST(self):
        block = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if block["spec"]["color"] == "none":
            self.answer({"kind": "Status", "reason": "Invalid", "message": "a block has a color"}, 422)
            return
        BLOCKS[f"{self.path.partition('?')[0]}/{block['metadata']['name']}"] = block
        self.answer(block, 201)

    def answer(self, document, status=200):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("", 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def block(name: str, color: str) -> dict[str, object]:
    return {
        "apiVersion": "toys.example.com/v1",
        "kind": "Block",
        "metadata": {"name": name},
        "spec": {"color": color},
    }


def toys(folder: Path) -> list[dict[str, object]]:
    """Return the server's objects."""
    authority = server_certificate(folder / "certificate", (), ("toys.default.svc",), time.time()).authority
    container = {
        "name": "toys",
        "image": "debian",
        "command": [sys.executable, "-c", SERVER],
        "volumeMounts": [{"name": "tls", "mountPath": "/tls"}],
        "readinessProbe": {"tcpSocket": {"port": 8443}, "periodSeconds": 1},
    }
    pod = {"volumes": [{"name": "tls", "secret": {"secretName": "toys"}}], "containers": [container]}
    spec = {
        "group": "toys.example.com",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 10,
        "service": {"namespace": "default", "name": "toys"},
        "caBundle": base64.b64encode(authority.encode()).decode(),
    }
    secret = {"tls.pem": (folder / "certificate").read_text()}
    ports = [{"port": 443, "targetPort": 8443}]
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "toys"}, "stringData": secret},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "toys", "labels": {"app": "toys"}}, "spec": pod},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "toys"},
            "spec": {"selector": {"app": "toys"}, "ports": ports},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1.toys.example.com"},
            "spec": spec,
        },
    ]


def test_a_start_applies_what_an_api_server_among_its_pods_has(tmp_path: Path) -> None:
    commands = ClusterCommands(tmp_path / "state", "toys")
    given = stream(GROUND.configuration(), block("wall", "red"), *toys(tmp_path), block("glass", "none"))
    with running(commands, "-", stdin=given, exit_status=2) as cluster:
        assert cluster.started.stderr.endswith(": a block has a color\nkubesvc: 1 fault found, the rest is applied\n")
        assert [each.partition(" was")[0] for each in cluster.status()["problems"]] == ["Block glass"]
        again = cluster.named("up", "-", stdin=stream(block("wall", "red"), *toys(tmp_path), block("floor", "blue")))
        assert again.returncode == 0, again.stderr
        lines = [each for each in again.stdout.splitlines() if each.startswith("block.")]
        assert lines == ["block.toys.example.com/wall unchanged", "block.toys.example.com/floor created"]

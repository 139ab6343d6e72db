"""Clusters in which pods ask pods: their configuration, and the pods and Services of each row. Pure.

Each row has a client pod, a server pod and a Service of its own: rows that share a server disturb each other. Programs
are the machine's own; a pod writes its configuration where it runs, as a sandbox has a /tmp of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.suite.configurations import CLUSTER, RESPONSE, endpoint_slice, service
from benchmarks.suite.settings import CONNECTIONS, FRONT_PORT, WEB_PORT
from benchmarks.suite.tools import WRK_SCRIPT

HAPROXY_PORT = 18090
"""Of the first HAProxy, in the network of the node."""
_FIRST_OCTET = 89
"""Of 127.89.0.0/16, the addresses of the first of the clusters that run side by side."""
_NODE_PORTS = 24_000

_NGINX = f"""\
user root; daemon off; master_process off; pid nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{ listen ADDRESS:{WEB_PORT} backlog=4096; location / {{ return 200 "{RESPONSE}"; }} }}
}}
"""
_HAPROXY = """\
global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend front
  bind ADDRESS backlog 4096
  default_backend web
backend web
  server one SERVER
"""
_WRITE = 'cd `mktemp -d` && printf %s "$CONFIGURATION" | sed "s/ADDRESS/$POD_IP/" >it && '


@dataclass(frozen=True)
class World:
    """A cluster of its own beside the others, by its ``number``; ``sandbox`` and ``mode`` as in the configuration."""

    number: int
    sandbox: str
    mode: str

    def configuration(self) -> dict[str, Any]:
        """Return the ClusterConfiguration."""
        found: dict[str, Any] = json.loads(json.dumps(CLUSTER).replace("127.88.", self.address("")))
        first = _NODE_PORTS + 100 * self.number
        found["networking"]["serviceNodePortRange"] = f"{first}-{first + 99}"
        found["proxy"]["mode"] = self.mode
        return {**found, "sandbox": self.sandbox}

    def address(self, rest: str) -> str:
        """Return the address of this cluster that ends so."""
        return f"127.{_FIRST_OCTET + self.number}.{rest}"


def row(name: str) -> list[dict[str, Any]]:
    """Return the client, the server and the Service of a row."""
    server = _pod(f"server-{name}", [*_shell(_WRITE + 'exec nginx -p "$PWD" -e stderr -c "$PWD/it"')], _NGINX)
    server["metadata"]["labels"] = {"row": name}
    return [server, _pod(f"client-{name}", ["sleep", "infinity"]), service_of(name, name)]


def service_of(row: str, name: str) -> dict[str, Any]:
    """Return a Service before the server of a row."""
    port = {"port": FRONT_PORT, "targetPort": WEB_PORT, "protocol": "TCP"}
    spec = {"selector": {"row": row}, "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def sleepers() -> dict[str, Any]:
    """Return a Deployment without replicas yet, of pods that sleep."""
    spec = _pod("sleeper", ["sleep", "infinity"])["spec"]
    template = {"metadata": {"labels": {"app": "sleepers"}}, "spec": spec}
    found = {"replicas": 0, "selector": {"matchLabels": {"app": "sleepers"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "sleepers"}, "spec": found}


def silent(count: int, world: World) -> list[dict[str, Any]]:
    """Return Services that nobody asks, each before two addresses at which nobody is."""
    found = []
    for number in range(count):
        name, ends = f"other-{number}", (2 * number % 4000, 2 * number % 4000 + 1)
        addresses = tuple(world.address(f"{200 + each // 250}.{1 + each % 250}") for each in ends)
        found.append(service(name, "", {"port": FRONT_PORT, "targetPort": WEB_PORT, "protocol": "TCP"}))
        found.append(endpoint_slice(name, WEB_PORT, "TCP", addresses))
    return found


def haproxy(name: str, number: int, server: str) -> dict[str, Any]:
    """Return a pod with HAProxy in the network of the node, before the ``server`` (address:port) of a row."""
    text = _HAPROXY.replace("ADDRESS", f"ADDRESS:{HAPROXY_PORT + number}").replace("SERVER", server)
    found = _pod(f"haproxy-{name}", [*_shell(_WRITE + "exec haproxy -db -q -f it")], text)
    found["spec"]["hostNetwork"] = True
    return found


def load(address: str, port: int, seconds: int, *, closes: bool) -> Sequence[str]:
    """Return the command with which a client pod asks for some seconds."""
    close = ["-H", "Connection: close"] if closes else []
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", "wrk.lua", *close]
    write = 'cd `mktemp -d` && printf %s "$1" >wrk.lua && shift && exec "$@"'
    return ["sh", "-c", write, "sh", WRK_SCRIPT, *wrk, f"http://{address}:{port}/"]


def _shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def _pod(name: str, command: list[str], configuration: str = "") -> dict[str, Any]:
    address = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    container = {
        "name": "main",
        "image": "debian:12",
        "command": command,
        "env": [address, {"name": "CONFIGURATION", "value": configuration}],
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0, "enableServiceLinks": False}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}

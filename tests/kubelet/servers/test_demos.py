"""The small servers that tutorials show Services with."""

from __future__ import annotations

import json
import re

import pytest

from kubelet.images.builtins import plan_builtin
from kubelet.images.catalog import find_image, program_for
from kubelet.images.demos import DEMOS
from kubelet.images.serverhost import ServerHost
from kubelet.servers.demos import DEMO_SERVICES
from kubelet.servers.http.messages import Request

HOST = ServerHost(lambda port: port + 10000 if port < 1024 else port)
POD = {"POD_IP": "127.244.1.2", "POD_IPS": "127.244.1.2,fd00::2"}
HEADERS = {"host": "shop.example:30080", "user-agent": "curl/8.0", "accept": "*/*"}


def said(image: str, path: str = "/", *, query: str = "", env: dict[str, str] | None = None) -> str:
    """Return what a server of an image says to a request with a body."""
    program = program_for(find_image(image, {}), (), ())
    assert program is not None
    plan = plan_builtin(program.builtin, program.arguments, HOST, POD | (env or {}))
    request = Request("GET", path, {}, HEADERS, "127.244.2.7:41622", 80, False, b"hi" if query else b"", query)
    return DEMO_SERVICES[plan.server](plan.options, "web-1").respond(request).body.decode()


ECHOSERVER = """

Hostname: web-1

Pod Information:
\t-no pod information available-

Server values:
\tserver_version=nginx: 1.13.3 - lua: 10008

Request Information:
\tclient_address=127.244.2.7
\tmethod=GET
\treal path=/
\tquery=
\trequest_version=1.1
\trequest_scheme=http
\trequest_uri=http://shop.example:8080/

Request Headers:
\taccept=*/*
\thost=shop.example:30080
\tuser-agent=curl/8.0

Request Body:
\t-no body in request-

"""
ECHO = """Request served by web-1

HTTP/1.1 GET /a?b=c

Host: shop.example:30080
Accept: */*
User-Agent: curl/8.0

hi"""
WHOAMI = """Hostname: web-1
IP: 127.0.0.1
IP: ::1
IP: 127.244.1.2
IP: fd00::2
RemoteAddr: 127.244.2.7:41622
GET / HTTP/1.1\r
Host: shop.example:30080\r
User-Agent: curl/8.0\r
Accept: */*\r
\r
"""


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ("registry.k8s.io/hpa-example", "OK!"),
        ("gcr.io/google-samples/hello-app:1.0", "Hello, world!\nVersion: 1.0.0\nHostname: web-1\n"),
        (
            "us-docker.pkg.dev/google-samples/containers/gke/hello-app:2.0",
            "Hello, world!\nVersion: 2.0.0\nHostname: web-1\n",
        ),
        ("gcr.io/google-samples/node-hello:1.0", "Hello Kubernetes!"),
        ("registry.k8s.io/echoserver:1.10", ECHOSERVER),
        ("traefik/whoami", WHOAMI),
    ],
)
def test_each_answers_as_the_tutorials_show(image: str, text: str) -> None:
    assert said(image) == text


def test_an_echo_has_the_query_and_the_body() -> None:
    assert said("kicbase/echo-server:1.0", "/a", query="b=c") == ECHO


def test_whoami_has_a_name_and_a_document() -> None:
    found = json.loads(said("traefik/whoami", "/api", env={"WHOAMI_NAME": "blue"}))
    assert (found["name"], found["hostname"], found["ip"][2]) == ("blue", "web-1", "127.244.1.2")
    assert found["headers"]["User-Agent"] == ["curl/8.0"]
    assert said("traefik/whoami", env={"WHOAMI_NAME": "blue"}).startswith("Name: blue\nHostname: ")


def test_the_hello_of_nginx_is_text_or_a_page() -> None:
    text = said("nginxdemos/hello:plain-text")
    assert re.fullmatch(
        r"Server address: 127\.244\.1\.2:80\nServer name: web-1\nDate: \S+ \S+\nURI: /\nRequest ID: [0-9a-f]{32}\n",
        text,
    )
    assert "<span>Server name:</span> <span>web-1</span>" in said("nginxdemos/hello")


@pytest.mark.parametrize(
    ("name", "arguments", "env", "server", "tcp"),
    [
        ("hello-app", [], {}, "hello-app", [8080]),
        ("hpa-example", [], {"PORT": "8080"}, "hpa-example", [10080]),
        ("hello-app", [], {"PORT": "80"}, "hello-app", [10080]),
        ("hello-app", [], {"PORT": "x"}, "refuse", []),
        ("nginx-hello", [], {"PORT": "9"}, "nginx-hello", [10080]),
        ("whoami", [], {}, "whoami", [10080]),
        ("whoami", ["--port=2001", "-name", "x"], {}, "whoami", [2001]),
        ("whoami", [], {"WHOAMI_PORT_NUMBER": "2002"}, "whoami", [2002]),
        ("whoami", ["--cert=x"], {}, "refuse", []),
    ],
)
def test_a_demo_image_has_a_server_and_ports(
    name: str, arguments: list[str], env: dict[str, str], server: str, tcp: list[int]
) -> None:
    plan = plan_builtin(name, arguments, HOST, env)
    assert (plan.server, list(plan.tcp)) == (server, tcp)


def test_every_demo_has_a_server() -> None:
    assert set(DEMOS) == set(DEMO_SERVICES)

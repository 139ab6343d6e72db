"""`kubesvc explain`, `trace` and `connections`, with a cluster that is only a control socket's client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kubesvc.control.client import ControlClient
from kubesvc.terminal.cli import kubesvc

EXPLANATION = {
    "summary": "Service default/web (ClusterIP) has no endpoints.",
    "healthy": False,
    "findings": [{"weight": "problem", "text": "Its selector matches no pod."}],
    "endpoints": [],
    "paths": [],
}


TRACE = {
    "source": "127.0.0.1",
    "destination": {"address": "127.96.0.20", "port": 80, "protocol": "TCP"},
    "service": "",
    "steps": ["No Service has it."],
    "endpoints": [],
    "balancing": "",
    "verdict": "REJECT",
    "reason": "nobody",
    "outcome": "The client is refused.",
}
NAME = {"lookups": [], "notes": ["a note"]}


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


class FakeClient:
    """Remembers what it was asked, and answers from a dictionary by the method's name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> None:
        self.asked: list[tuple[Any, ...]] = []
        for name, answer in answers.items():
            monkeypatch.setattr(ControlClient, name, self._method(answer))

    def _method(self, answer: Any) -> Any:
        def method(_client: ControlClient, *arguments: Any, **query: Any) -> Any:
            self.asked.append((*arguments, *query.items()))
            return answer

        return method


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    return FakeClient(
        monkeypatch,
        {
            "explain": EXPLANATION,
            "trace": TRACE,
            "trace_dns": NAME,
            "connections": {"connections": [], "notes": []},
            "follow_connections": [{"missed": 3}],
        },
    )


def run(*arguments: str) -> Result:
    return CliRunner().invoke(kubesvc, arguments)


@pytest.mark.parametrize("name", ["svc/web", "service/web", "services/web", "web"])
def test_explain_takes_a_service_in_every_spelling(client: FakeClient, name: str) -> None:
    result = run("explain", name, "-n", "shop")
    assert (result.exit_code, client.asked) == (0, [("shop", "web")])
    assert result.stdout == f"{EXPLANATION['summary']}\n\n  ! Its selector matches no pod.\n"


@pytest.mark.parametrize("name", ["pod/web", "svc/", "", "a/svc/web"])
def test_explain_refuses_what_is_no_service(client: FakeClient, name: str) -> None:
    result = run("explain", name)
    assert (result.exit_code, client.asked) == (2, [])
    assert f'{name!r}: write it as "svc/NAME"' in result.stderr


def test_explain_prints_json(client: FakeClient) -> None:
    assert json.loads(run("explain", "web", "-o", "json").stdout) == EXPLANATION


def test_trace_asks_for_a_packet_or_for_a_name(client: FakeClient) -> None:
    packet = run("trace", "pod/a", "svc/web:80", "-n", "shop")
    assert packet.stdout.split("\n")[0] == "127.0.0.1 -> 127.96.0.20:80/tcp"
    assert run("trace", "--dns", "web").stdout == "a note\n"
    assert json.loads(run("trace", "--dns", "web", "srv", "-o", "json").stdout) == NAME
    assert client.asked == [
        ("shop", "pod/a", "svc/web:80", ""),
        ("default", "web", "A"),
        ("default", "web", "srv"),
    ]


@pytest.mark.parametrize(
    ("given", "head"),
    [
        (("--path", "/a?b"), "GET /a?b HTTP/1.1\r\nHost: kubesvc\r\n\r\n"),
        (("-H", "X: 1", "-H", "host: a"), "GET / HTTP/1.1\r\nX: 1\r\nhost: a\r\n\r\n"),
    ],
)
def test_trace_asks_for_a_request_with_its_fields(client: FakeClient, given: tuple[str, ...], head: str) -> None:
    run("trace", "outside", "svc/web:80", *given)
    assert client.asked == [("default", "outside", "svc/web:80", head)]


def test_trace_needs_a_destination_unless_it_is_about_a_name(client: FakeClient) -> None:
    result = run("trace", "outside")
    assert (result.exit_code, client.asked) == (2, [])
    assert "a packet needs a destination as well" in result.stderr


def test_connections_are_a_table_or_json_and_go_on_with_w(client: FakeClient) -> None:
    assert run("connections").stdout == "No connections.\n"
    assert json.loads(run("connections", "-o", "json").stdout) == {"connections": [], "notes": []}
    assert run("connections", "-w").stdout.split("\n")[1] == "... 3 missed"
    assert run("connections", "-w", "-o", "json").stdout == '{"missed": 3}\n'


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        pytest.param([], ("", ""), id="all"),
        pytest.param(["-n", "shop"], ("shop", ""), id="of-a-namespace"),
        pytest.param(["svc/web"], ("default", "web"), id="of-a-service"),
        pytest.param(["web", "-n", "shop"], ("shop", "web"), id="of-a-service-elsewhere"),
    ],
)
def test_connections_are_asked_for_by_service_and_namespace(
    client: FakeClient, arguments: list[str], asked: tuple[str, str]
) -> None:
    assert run("connections", *arguments).exit_code == 0
    assert client.asked == [asked]


@pytest.mark.parametrize("command", ["explain", "trace", "connections"])
def test_without_a_cluster_it_says_how_to_start_one(command: str) -> None:
    arguments = {"explain": ["web"], "trace": ["outside", "svc/web:80"], "connections": []}[command]
    result = run(command, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert 'cluster "default" is not running' in result.stderr

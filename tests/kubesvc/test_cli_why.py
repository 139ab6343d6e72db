"""`kubesvc explain`, `trace` and `connections`, with a cluster that is only a control socket's client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kubesvc.cli import kubesvc
from kubesvc.client import ControlClient

EXPLANATION = {
    "summary": "Service default/web (ClusterIP) has no endpoints.",
    "healthy": False,
    "findings": [{"weight": "problem", "text": "Its selector matches no pod."}],
    "endpoints": [],
    "paths": [],
}


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
    return FakeClient(monkeypatch, {"explain": EXPLANATION})


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

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete
from tests.helpers.kubesvc.ground import add_node, add_pod, add_service, document, ground

from kubesvc.control.client import ControlClient
from kubesvc.terminal.cli import kubesvc


@pytest.fixture
def _cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = ground()
    add_node(registry)
    add_pod(registry, "web-1")
    add_service(registry, ports=[{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}])

    def status(_client: ControlClient) -> dict[str, Any]:
        return document(registry)

    monkeypatch.setattr(ControlClient, "status", status)


def completed(arguments: list[str], incomplete: str) -> list[str]:
    complete = ShellComplete(kubesvc, {}, "kubesvc", "_KUBESVC_COMPLETE")
    return [each.value for each in complete.get_completions(arguments, incomplete)]


COMPLETIONS = [
    pytest.param(["explain"], "svc/w", ["svc/web"], id="service"),
    pytest.param(["explain", "-n", "shop"], "svc/", [], id="service-of-another-namespace"),
    pytest.param(["trace"], "", ["outside", "pod/web-1", "node/node-1"], id="source"),
    pytest.param(["trace", "outside"], "svc/w", ["svc/web:80", "svc/web:53/udp"], id="destination"),
    pytest.param(["trace", "--dns"], "w", ["web"], id="name"),
    pytest.param(["trace", "--dns", "web"], "s", ["SOA", "SRV"], id="type"),
]


@pytest.mark.usefixtures("_cluster")
@pytest.mark.parametrize(("arguments", "incomplete", "words"), COMPLETIONS)
def test_the_shell_completes_names_of_the_running_cluster(
    arguments: list[str], incomplete: str, words: list[str]
) -> None:
    assert completed(arguments, incomplete) == words


def test_without_a_cluster_nothing_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert completed(["explain"], "svc/") == []
    assert completed(["trace"], "") == ["outside"]

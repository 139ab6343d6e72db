"""Whatever objects, files and clients say, nothing of it acts on the user's terminal or forges a line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.helpers.cluster.cli import ClusterCommands, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import service, stream
from tests.helpers.kubectl.cli import find_kubectls, kubeconfig_of, preferred
from tests.helpers.patience import PATIENCE

GROUND = Ground(24)
ACTING = "\x1b[31m\x07\r\nWarning: forged"
SHOWN = "\\x1b[31m\\x07\\r\\nWarning: forged"


def event(name: str) -> str:
    about = {"kind": "Service", "name": "web", "namespace": "default", "apiVersion": "v1"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": "default"},
            "involvedObject": about,
            "type": "Warning",
            "reason": "Odd",
            "message": f"{name}: {ACTING}",
        }
    )


def assert_harmless(text: str) -> None:
    assert not set(text) & {chr(number) for number in (*range(10), *range(11, 32), *range(127, 160))}
    assert not any(line.startswith("Warning: forged") for line in text.splitlines())


def test_the_message_of_an_event_is_shown_and_does_nothing(tmp_path: Path) -> None:
    with running(ClusterCommands(tmp_path, "told"), "-", stdin=stream(GROUND.configuration(), service("web"))) as told:
        found = find_kubectls()
        kubectl = [str(found[preferred(found)]), "--kubeconfig", str(kubeconfig_of(told))]
        subprocess.run([*kubectl, "create", "-f", "-"], input=event("odd"), text=True, check=True, timeout=PATIENCE)
        status = told.named("status", "-o", "wide").stdout
        assert_harmless(status)
        assert f"odd: {SHOWN}" in status
        assert_harmless(told.named("explain", "svc/web").stdout)
        assert eventually(lambda: f"Warning: Service default/web: Odd: odd: {SHOWN}" in told.log())
        assert_harmless(told.log())


def test_what_is_wrong_in_a_file_is_shown_and_does_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "\x1b[32mfolder"
    folder.mkdir()
    manifest = service("web", "web") | {ACTING: "an unknown field"}
    (folder / "bad.yaml").write_text(json.dumps(manifest))
    result = ClusterCommands(tmp_path, "wrong").up(str(folder))
    assert result.returncode == 2
    assert_harmless(result.stderr)
    assert "\\x1b[32mfolder/bad.yaml:1:" in result.stderr
    assert SHOWN in result.stderr

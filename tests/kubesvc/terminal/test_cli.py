from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from tests.helpers.kubesvc.ground import add_service, document, ground

from kubesvc import __version__
from kubesvc.control.client import ControlClient, RefusedError
from kubesvc.terminal.arguments import Duration
from kubesvc.terminal.cli import kubesvc
from kubesvc.terminal.up.options import UpOptions

HEAVY = (
    *("aiohttp", "asyncio", "dnslib", "hdrh", "http.client", "prometheus_client", "rich", "uvloop", "yaml"),
    *("kubeapi", "kubeclient", "kubelet", "kubeproxy", "svcbench"),
)


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(kubesvc, arguments)


class FakeClient:
    """A cluster that answers, in place of the one that the control socket leads to."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.refusal = ""

    def _take(self, *question: Any) -> None:
        self.asked.append(question)
        if self.refusal:
            raise RefusedError(self.refusal)

    def status(self) -> dict[str, Any]:
        self._take("status")
        registry = ground()
        add_service(registry)
        return document(registry)

    def scale(self, *arguments: Any) -> None:
        self._take(*arguments)

    def choose_pod(self, namespace: str, target: str) -> dict[str, Any]:
        self._take(namespace, target)
        return {"pod": "web-1", "matching": 2 if target.startswith("deployment/") else 1}

    def logs(self, **query: str) -> Iterator[bytes]:
        self._take(query)
        yield b"one\n"
        yield b"\xff\n"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    client = FakeClient()
    for name in ("status", "scale", "choose_pod", "logs"):
        monkeypatch.setattr(ControlClient, name, getattr(client, name))
    return client


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("1m30s", 90.0),
        ("500ms", 0.5),
        ("1h", 3600.0),
        ("1.5s", 1.5),
        ("1m500ms", 60.5),
        ("0", 0.0),
        ("0s", 0.0),
    ],
)
def test_a_duration_is_gos(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "1 s", "1d", "1s ", "s1", "１s", "1e3s", "inf"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(click.BadParameter, match='is not a duration; write it like "30s", "1m30s" or "500ms"'):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["nosuch"], "No such command 'nosuch'", id="unknown-command"),
        pytest.param(["up", "-", "--watch"], "--watch cannot watch standard input", id="watching-stdin"),
        pytest.param(["up", "x", "--timeout", "soon"], "'soon' is not a duration", id="timeout"),
        pytest.param(["up", "x", "--name", "A"], "'A': a cluster name is a DNS-1123 label", id="name"),
        pytest.param(["down", "extra"], "unexpected extra argument", id="down-with-an-argument"),
        pytest.param(["status", "-o", "yaml"], "'yaml' is not one of 'table', 'wide', 'json'", id="output"),
        pytest.param(["scale", "deployment/web"], "Missing option '--replicas'", id="scale-to-nothing"),
        pytest.param(["scale", "deployment/web", "--replicas", "-1"], "-1 is not in the range", id="negative"),
        pytest.param(["scale", "web", "--replicas", "1"], "'web': write it as \"deployment/NAME\"", id="no-kind"),
        pytest.param(["scale", "deployment/", "--replicas", "1"], "write it as", id="no-workload"),
        pytest.param(["logs"], "Missing argument 'POD|deployment/NAME'", id="logs-of-nothing"),
        pytest.param(["logs", "web", "--tail", "-1"], "-1 is not in the range", id="tail"),
        pytest.param(["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'", id="shell"),
    ],
)
def test_bad_usage_is_said_on_stderr_with_status_2(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("command", [[], *([name] for name in kubesvc.commands)], ids="-".join)
def test_every_command_has_help_on_stdout(command: list[str]) -> None:
    for option in ("--help", "-h"):
        result = run(*command, option)
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage: kubesvc")
        assert result.stderr == ""


def test_no_line_of_the_list_of_commands_is_cut() -> None:
    lines = run("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == sorted(kubesvc.commands)
    assert [line for line in lines if line.endswith("...")] == []


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom kubesvc.terminal.cli import kubesvc\nkubesvc(['--help'], standalone_mode=False)\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(result.stdout.splitlines()[-1].split()) & set(HEAVY) == set()


def test_asking_a_cluster_imports_no_part_of_one(state_home: Path) -> None:
    program = (
        "import sys\nfrom kubesvc.terminal.cli import kubesvc\n"
        "try:\n    kubesvc(['status'], standalone_mode=False)\n"
        "except SystemExit: print(' '.join(sys.modules))"
    )
    environment = {"XDG_STATE_HOME": str(state_home)}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert set(result.stdout.split()) & (set(HEAVY) - {"http.client"}) == set()


@pytest.mark.parametrize(
    "arguments", [["status"], ["logs", "web"], ["scale", "deployment/web", "--replicas", "1"]], ids=lambda each: each[0]
)
def test_without_a_cluster_a_question_fails_in_one_line(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == 'kubesvc: cluster "default" is not running; start it with `kubesvc up PATH...`\n'


def test_down_without_a_cluster_is_well() -> None:
    result = run("down", "--name", "shop")
    assert (result.exit_code, result.stdout) == (0, 'cluster "shop" is not running\n')


def test_up_passes_on_what_was_asked(monkeypatch: pytest.MonkeyPatch, state_home: Path) -> None:
    orders: list[UpOptions] = []

    def run_up(order: UpOptions) -> int:
        orders.append(order)
        return 4

    monkeypatch.setattr("kubesvc.terminal.up.run.run_up", run_up)
    assert run("up", "a", "b", "--detach", "--watch", "--timeout", "1m", "--name", "shop").exit_code == 4
    assert run("up", "a").exit_code == 4
    assert [(each.paths, each.is_detached, each.is_watching, each.timeout) for each in orders] == [
        (("a", "b"), True, True, 60.0),
        (("a",), False, False, 30.0),
    ]
    assert orders[0].state.path == state_home / "kubesvc" / "shop"


def test_status_is_a_table_or_json(client: FakeClient) -> None:
    assert "default       web          ClusterIP" in run("status").stdout
    assert "LISTENERS" in run("status", "-o", "wide").stdout
    assert json.loads(run("status", "-o", "json").stdout)["name"] == "shop"
    assert "\x1b" not in run("status").stdout


def test_scale_says_what_it_did(client: FakeClient) -> None:
    result = run("scale", "deployment/web", "--replicas", "5", "-n", "shop")
    assert (result.exit_code, result.stdout) == (0, "deployment/web scaled\n")
    assert client.asked == [("deployment", "shop", "web", 5)]


def test_a_refusal_is_one_line_on_stderr(client: FakeClient) -> None:
    client.refusal = 'deployments.apps "web" not found'
    result = run("scale", "deployment/web", "--replicas", "5")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", 'kubesvc: deployments.apps "web" not found\n')


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        pytest.param(["web"], {"namespace": "default", "pod": "web", "container": ""}, id="plain"),
        pytest.param(["pod/web"], {"namespace": "default", "pod": "web", "container": ""}, id="as-kubectl-has-it"),
        pytest.param(
            ["web", "-f", "-c", "app", "--previous", "--tail", "0", "--timestamps", "-n", "shop"],
            {
                "namespace": "shop",
                "pod": "web",
                "container": "app",
                "follow": "true",
                "previous": "true",
                "timestamps": "true",
                "tailLines": "0",
            },
            id="everything",
        ),
    ],
)
def test_logs_are_copied_byte_by_byte(client: FakeClient, arguments: list[str], query: dict[str, str]) -> None:
    result = run("logs", *arguments)
    assert result.exit_code == 0
    assert result.stdout_bytes == b"one\n\xff\n"
    assert client.asked == [(query,)]


@pytest.mark.parametrize(("target", "said"), [("deployment/web", "Found 2 pods, using pod/web-1\n"), ("rs/web", "")])
def test_logs_of_a_workload_are_those_of_the_pod_that_the_cluster_chooses(
    client: FakeClient, target: str, said: str
) -> None:
    result = run("logs", target, "-n", "shop")
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, b"one\n\xff\n", said)
    assert client.asked == [("shop", target), ({"namespace": "shop", "pod": "web-1", "container": ""},)]


def test_the_status_of_a_namespace_leaves_out_the_others(client: FakeClient) -> None:
    shown = run("status", "-n", "kube-system").stdout
    assert "kube-dns" in shown
    assert "default" not in shown.partition("NAMESPACE")[2]
    document = json.loads(run("status", "-n", "default", "-o", "json").stdout)
    assert {each["name"] for each in document["services"]} == {"kubernetes", "web"}


def test_without_a_cluster_env_prints_a_kubeconfig_that_leads_nowhere_and_fails(state_home: Path) -> None:
    result = run("env", "--name", "shop")
    assert result.exit_code == 1
    assert result.stderr == (
        'kubesvc: cluster "shop" is not running, and kubectl reaches nothing; '
        "start it: `kubesvc up PATH... --name shop`\n"
    )
    path = Path(result.stdout.removeprefix("export KUBECONFIG=").strip())
    assert json.loads(path.read_text())["clusters"][0]["cluster"]["server"].endswith(".invalid")
    kept = state_home / "kubesvc" / "shop" / "kubeconfig"
    kept.parent.mkdir(parents=True)
    kept.touch()
    again = run("env", "--name", "shop")
    assert (again.exit_code, again.stdout) == (1, f"export KUBECONFIG={kept}\n")


def test_the_version_is_told_as_text_and_as_json() -> None:
    assert run("--version").stdout == f"kubesvc {__version__}\n"
    assert run("version").stdout.startswith(f"kubesvc {__version__} (Python 3.")
    assert json.loads(run("version", "-o", "json").stdout)["kubesvc"] == __version__


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_completion_script_is_printed(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_KUBESVC_COMPLETE" in result.stdout

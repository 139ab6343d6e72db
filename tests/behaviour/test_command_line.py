"""Every command and every option, as they are typed; what is printed, the exit status, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import (
    KUBESVC,
    ClusterCommands,
    assert_nothing_left,
    curl,
    eventually,
    find,
    running,
)
from tests.helpers.cluster.ground import Ground, is_alive, processes_of
from tests.helpers.cluster.manifests import deployment, pod, script, service, stream, write
from tests.helpers.patience import PATIENCE

GROUND = Ground(0)
OTHER_GROUND = Ground(1)
TALK = "import time; print('first', flush=True); print('second', flush=True); time.sleep(3600)"
"""What the pod `talk` does."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    """Have one cluster for all stories that only look, or that put back what they change."""
    manifests = stream(
        GROUND.configuration(),
        service("web"),
        deployment("web", 2),
        pod("talk", script(TALK)),
        pod("shy", script(TALK)),
    )
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "shared"), "-", stdin=manifests) as commands:
        yield commands


@pytest.fixture
def commands(tmp_path: Path) -> ClusterCommands:
    """Return the commands of a cluster that does not run."""
    return ClusterCommands(tmp_path, "own")


def small(tmp_path: Path, ground: Ground = OTHER_GROUND) -> str:
    """Return a file with one Service and one pod."""
    return write(tmp_path / "small.yaml", ground.configuration(), service("web"), deployment("web"))


class TestUpInTheForeground:
    def test_it_prints_services_and_lines_to_copy_and_ends_well_on_ctrl_c(
        self, commands: ClusterCommands, tmp_path: Path
    ) -> None:
        with commands.foreground(small(tmp_path)) as up:
            up.wait_until_ready()
            at, before = commands.at("web"), commands.status()
            lines = up.out().splitlines()
            assert lines[0].split("   ")[0] == "NAMESPACE"
            assert lines[-1] == "kubesvc: ready"
            command = next(line for line in lines if line.startswith("curl ") and at in line)
            subprocess.run([*command.split(), "-sS"], check=True, capture_output=True)
            question = next(line for line in lines if line.startswith("dig ") and "web.default" in line)
            answer = subprocess.run(question.split(), check=True, capture_output=True, text=True)
            assert answer.stdout == f"{commands.service('web')['clusterIP']}\n"
            up.interrupt()
            assert up.wait() == 0
            assert up.err().endswith("kubesvc: draining; a second Ctrl-C stops at once\nkubesvc: stopped\n")
        assert_nothing_left(commands, before)

    def test_a_second_ctrl_c_stops_at_once(self, commands: ClusterCommands, tmp_path: Path) -> None:
        deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {TALK}"
        file = write(tmp_path / "deaf.yaml", OTHER_GROUND.configuration(), pod("deaf", script(deaf)))
        with commands.foreground(file) as up:
            up.wait_until_ready()
            assert eventually(lambda: commands.named("logs", "deaf").stdout == "first\nsecond\n")
            before = commands.status()
            up.interrupt()
            assert eventually(lambda: "draining" in up.err())
            assert up.process.poll() is None
            up.interrupt()
            assert up.wait() == 130
        assert eventually(lambda: not processes_of(commands.state))
        assert_nothing_left(commands, before)

    def test_sigterm_drains_as_ctrl_c_does(self, commands: ClusterCommands, tmp_path: Path) -> None:
        with commands.foreground(small(tmp_path)) as up:
            up.wait_until_ready()
            up.process.send_signal(signal.SIGTERM)
            assert up.wait() == 0

    def test_down_in_another_terminal_ends_it(self, commands: ClusterCommands, tmp_path: Path) -> None:
        with commands.foreground(small(tmp_path)) as up:
            up.wait_until_ready()
            assert commands.down().stdout == 'cluster "own" stopped\n'
            assert up.wait() == 0

    def test_down_while_it_starts_ends_it_too(self, commands: ClusterCommands, tmp_path: Path) -> None:
        said: list[str] = []

        def ends() -> bool:
            if (commands.state / "lock").exists():
                down = commands.down()
                said.append(down.stdout + down.stderr)
            # A signal that comes before its handler is there leaves processes, which `down` ends and then counts.
            return any('cluster "own" stopped' in each for each in said)

        with commands.foreground(small(tmp_path)) as up:
            assert eventually(ends), (said[:3], said[-1:], up.process.poll(), up.out(), up.err(), commands.log())
            up.wait()
        assert not processes_of(commands.state)

    def test_what_is_not_ready_in_time_ends_with_4_and_its_reasons(
        self, commands: ClusterCommands, tmp_path: Path
    ) -> None:
        file = write(tmp_path / "never.yaml", OTHER_GROUND.configuration(), never_ready())
        with commands.foreground("--timeout", "500ms", file) as up:
            assert up.wait() == 4
            assert "kubesvc: not ready within 0.5s:" in up.err()
            assert "Pod default/never" in up.err()
            assert "kubesvc: ready" not in up.out()
        assert not processes_of(commands.state)


def never_ready() -> dict[str, object]:
    """Return a pod that lives but is never ready."""
    probe = {"exec": {"command": [sys.executable, "-c", "raise SystemExit(1)"]}}
    return pod("never", script(TALK, readinessProbe=probe))


class TestUpDetached:
    def test_what_is_not_ready_in_time_goes_on(self, commands: ClusterCommands, tmp_path: Path) -> None:
        file = write(
            tmp_path / "never.yaml", OTHER_GROUND.configuration(), never_ready(), service("web"), deployment("web")
        )
        with running(commands, "--timeout", "1s", file, exit_status=4):
            assert curl(f"http://{commands.at('web')}/hostname").startswith("web-")
            assert eventually(lambda: commands.status()["waitingFor"] == ["Pod default/never: Running"])

    def test_ctrl_c_while_it_waits_ends_the_cluster_too(self, commands: ClusterCommands, tmp_path: Path) -> None:
        file = write(tmp_path / "never.yaml", OTHER_GROUND.configuration(), never_ready())
        with commands.foreground("--detach", file) as up:
            assert eventually(lambda: processes_of(commands.state) and commands.named("status").returncode == 0)
            before = commands.status()
            up.interrupt()
            assert up.wait() == 130
            assert eventually(lambda: not is_alive(before["pid"]))
        assert_nothing_left(commands, before)

    def test_it_leaves_nothing_in_the_callers_hands(self, commands: ClusterCommands, tmp_path: Path) -> None:
        # A shell that waits for the end of a pipe, `kubesvc up --detach ... | cat`, must come back.
        line = f"{' '.join(KUBESVC)} up --detach --name own {small(tmp_path)} | cat"
        result = subprocess.run(
            line, shell=True, env=commands.env, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert result.stdout.splitlines()[-1] == "kubesvc: ready"
        assert commands.down().returncode == 0

    def test_another_one_on_other_addresses_runs_beside_it(
        self, cluster: ClusterCommands, commands: ClusterCommands, tmp_path: Path
    ) -> None:
        with running(commands, small(tmp_path)):
            assert curl(f"http://{commands.at('web')}/hostname") in {each["name"] for each in commands.pods()}
            assert curl(f"http://{cluster.at('web')}/hostname") in {each["name"] for each in cluster.pods()}
            assert commands.dig("web.default.svc.cluster.local") != cluster.dig("web.default.svc.cluster.local")
        assert cluster.status()["ready"]

    def test_another_one_on_the_same_addresses_is_told_which_and_whose(
        self, cluster: ClusterCommands, commands: ClusterCommands, tmp_path: Path
    ) -> None:
        holder = cluster.status()
        dns = holder["dns"]["addresses"][0]
        result = commands.up(small(tmp_path, GROUND))
        assert (result.returncode, result.stdout) == (1, "")
        assert f"{dns['address']}:{dns['port']}" in result.stderr
        assert f"(pid {holder['pid']})" in result.stderr
        assert not processes_of(commands.state)
        assert cluster.status()["ready"]


class TestDown:
    def test_a_cluster_that_does_not_run_is_no_failure(self, commands: ClusterCommands) -> None:
        result = commands.down()
        assert (result.returncode, result.stdout) == (0, 'cluster "own" is not running\n')

    def test_one_that_does_not_answer_is_killed_when_time_is_up(
        self, commands: ClusterCommands, tmp_path: Path
    ) -> None:
        assert commands.up(small(tmp_path)).returncode == 0
        before = commands.status()
        os.kill(before["pid"], signal.SIGSTOP)
        result = commands.named("down", "--timeout", "500ms")
        # Whether a pod is still dying at that moment, and is counted, is chance.
        assert result.stdout.startswith('cluster "own" did not stop in time and was killed')
        assert eventually(lambda: not processes_of(commands.state))
        assert_nothing_left(commands, before)

    @pytest.mark.parametrize("command", [["status"], ["logs", "x"], ["scale", "deployment/x", "--replicas=1"]], ids=str)
    def test_other_commands_say_that_it_does_not_run(self, commands: ClusterCommands, command: list[str]) -> None:
        result = commands.named(*command)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == 'kubesvc: cluster "own" is not running; start it with `kubesvc up PATH... --name own`\n'


class TestStatus:
    def test_as_json_it_is_the_document_that_the_cluster_gives(self, cluster: ClusterCommands) -> None:
        assert json.loads(cluster.named("status", "-o", "json").stdout) == cluster.status()

    def test_json_says_what_scripts_need(self, cluster: ClusterCommands) -> None:
        document = cluster.status()
        web = find(document["services"], name="web")
        listener = find(web["listeners"], kind="clusterIP")
        assert (document["name"], document["ready"], document["waitingFor"]) == ("shared", True, [])
        assert (web["namespace"], web["type"], web["dnsName"]) == (
            "default",
            "ClusterIP",
            "web.default.svc.cluster.local",
        )
        assert listener["address"] == web["clusterIP"]
        assert (listener["port"], listener["protocol"], listener["nodePort"], listener["target"]) == (
            8080,
            "TCP",
            False,
            8080,
        )
        pods = {each["name"]: each for each in document["pods"] if each["name"].startswith("web-")}
        assert {each["pod"]: each["address"] for each in web["endpoints"]} == {
            name: each["podIP"] for name, each in pods.items()
        }
        assert all(each["ready"] for each in web["endpoints"])
        assert all(each["phase"] == "Running" and is_alive(each["pid"]) for each in pods.values())
        assert {"default/kubernetes", "kube-system/kube-dns"} <= {
            f"{each['namespace']}/{each['name']}" for each in document["services"]
        }

    def test_the_tables_are_for_people(self, cluster: ClusterCommands) -> None:
        plain, wide = cluster.named("status").stdout, cluster.named("status", "-o", "wide").stdout
        assert "LISTENERS" not in plain
        assert "IMAGES" not in plain
        assert f"{cluster.at('web')}/TCP" in wide
        assert "agnhost" in wide

    def test_its_metrics_are_served_where_the_configuration_says(self, cluster: ClusterCommands) -> None:
        curl(f"http://{cluster.at('web')}/hostname")
        assert "web" in curl(f"http://{GROUND.node(0)}:10249/metrics")
        assert curl(f"http://{GROUND.node(0)}:10256/livez")


class TestLogs:
    def test_it_prints_what_the_pod_wrote(self, cluster: ClusterCommands) -> None:
        assert eventually(lambda: cluster.named("logs", "talk").stdout == "first\nsecond\n")
        assert cluster.named("logs", "talk", "--tail", "1").stdout == "second\n"
        stamped = cluster.named("logs", "talk", "--timestamps", "-c", "script").stdout.splitlines()
        assert [line.split(" ", 1)[1] for line in stamped] == ["first", "second"]

    def test_following_goes_on_until_the_reader_stops_it(self, cluster: ClusterCommands) -> None:
        pod_name = cluster.ready_pods("talk")[0]["name"]
        follower = subprocess.Popen(
            [*KUBESVC, "logs", "--name", cluster.name, "-f", pod_name],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=cluster.env,
        )
        with follower:
            assert follower.stdout is not None
            assert [follower.stdout.readline() for _ in range(2)] == ["first\n", "second\n"]
            assert follower.poll() is None
            follower.send_signal(signal.SIGINT)
            _, err = follower.communicate(timeout=PATIENCE)
        assert "Traceback" not in err

    def test_the_instance_before_a_restart_is_kept(self, cluster: ClusterCommands) -> None:
        first = cluster.pods("shy")[0]["pid"]
        assert eventually(lambda: cluster.named("logs", "shy").stdout == "first\nsecond\n")
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: cluster.pods("shy")[0]["restarts"] == 1 and cluster.ready_pods("shy"))
        assert cluster.named("logs", "shy", "--previous").stdout == "first\nsecond\n"

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["nobody"], 'kubesvc: pods "nobody" not found\n'),
            (["talk", "-c", "nobody"], "kubesvc: container nobody is not valid for pod talk\n"),
            (
                ["talk", "--previous"],
                'kubesvc: previous terminated container "script" in pod "talk" not found\n',
            ),
            (["talk", "-n", "elsewhere"], 'kubesvc: pods "talk" not found\n'),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_what_is_not_there_is_said_in_kubectls_words(
        self, cluster: ClusterCommands, arguments: list[str], said: str
    ) -> None:
        result = cluster.named("logs", *arguments)
        assert (result.returncode, result.stdout, result.stderr) == (1, "", said)


class TestScale:
    def test_it_adds_and_removes_pods(self, cluster: ClusterCommands) -> None:
        cluster.scale("deployment/web", 4)
        assert eventually(lambda: len(cluster.service("web")["endpoints"]) == 4 and cluster.status()["ready"])
        cluster.scale("deploy/web", 2)
        assert eventually(lambda: len(cluster.pods("web-")) == 2 and cluster.status()["ready"])

    @pytest.mark.parametrize(
        ("target", "said"),
        [
            ("deployment/nobody", 'kubesvc: deployments.apps "nobody" not found\n'),
            ("pod/talk", "kubesvc: cannot scale a pod: "),
        ],
    )
    def test_what_cannot_be_scaled_is_said(self, cluster: ClusterCommands, target: str, said: str) -> None:
        result = cluster.named("scale", target, "--replicas=1")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith(said)


class TestSmallCommands:
    def test_version_says_which(self, commands: ClusterCommands) -> None:
        said = json.loads(commands.run("version", "-o", "json").stdout)
        assert commands.run("version").stdout == f"kubesvc {said['kubesvc']} (Python {said['python']})\n"

    def test_doctor_says_what_the_machine_allows(self, commands: ClusterCommands, tmp_path: Path) -> None:
        text = commands.named("doctor", small(tmp_path))
        document = json.loads(commands.named("doctor", "-o", "json", small(tmp_path)).stdout)
        assert text.returncode == 0
        assert all(check["message"] in text.stdout for check in document["checks"])
        assert all(check["remedy"] for check in document["checks"] if check["status"] != "ok")

    def test_doctor_names_who_has_the_addresses(self, cluster: ClusterCommands, tmp_path: Path) -> None:
        result = cluster.run("doctor", "--name", "another", small(tmp_path, GROUND))
        assert f"(pid {cluster.status()['pid']})" in result.stdout

    @pytest.mark.parametrize(("shell", "check"), [("bash", ["bash", "-n"]), ("zsh", None), ("fish", None)])
    def test_completion_prints_a_script(self, commands: ClusterCommands, shell: str, check: list[str] | None) -> None:
        result = commands.run("completion", shell)
        assert result.returncode == 0
        assert "_KUBESVC_COMPLETE" in result.stdout
        if check:
            assert subprocess.run(check, input=result.stdout, text=True, check=False).returncode == 0

    def test_completion_knows_the_commands(self, commands: ClusterCommands) -> None:
        asked = {"_KUBESVC_COMPLETE": "bash_complete", "COMP_WORDS": "kubesvc s", "COMP_CWORD": "1"}
        result = subprocess.run(
            [sys.executable, "-c", "from kubesvc.terminal.cli import kubesvc; kubesvc(prog_name='kubesvc')"],
            env={**commands.env, **asked},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stdout.split() == ["plain,scale", "plain,shell", "plain,status"]

    @pytest.mark.parametrize("arguments", [["--help"], ["up", "--help"], ["--version"]], ids=" ".join)
    def test_help_imports_nothing_heavy(self, commands: ClusterCommands, arguments: list[str]) -> None:
        program = (
            "import sys\n"
            "from kubesvc.terminal.cli import kubesvc\n"
            "kubesvc(sys.argv[1:], prog_name='kubesvc', standalone_mode=False)\n"
            "heavy = {'yaml', 'aiohttp', 'uvloop', 'asyncio', 'dnslib', 'prometheus_client', 'rich', 'kubelet'}\n"
            "sys.exit(' '.join(sorted(heavy & sys.modules.keys())) or 0)\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", program, *arguments], env=commands.env, capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stderr) == (0, "")
        assert "kubesvc" in result.stdout


class TestCrash:
    def test_a_killed_cluster_leaves_no_pod_and_the_next_up_works_at_once(
        self, commands: ClusterCommands, tmp_path: Path
    ) -> None:
        file = write(
            tmp_path / "all.yaml",
            OTHER_GROUND.configuration(),
            service("web"),
            deployment("web", 2),
            deployment("nginx", 1, {"name": "nginx", "image": "nginx"}),
            pod("talk", script(TALK)),
        )
        assert commands.up(file).returncode == 0
        before = commands.status()
        os.kill(before["pid"], signal.SIGKILL)
        assert eventually(lambda: not processes_of(commands.state))
        assert_nothing_left(commands, before)
        assert commands.named("status").returncode == 1
        with running(commands, file):
            assert len(commands.ready_pods("web-")) == 2

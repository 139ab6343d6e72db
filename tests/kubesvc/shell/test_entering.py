"""A program in the network of a cluster, whose agent is here a process that does nothing."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import eventually
from tests.helpers.kubectl.terminal import Terminal
from tests.helpers.patience import PATIENCE

ENTER = """
import os, sys
from kubesvc.shell.entering import Visit, visit
from kubesvc.shell.entrance import Entrance
agent, folder, keeps_user, node, *command = sys.argv[1:]
entrance = Entrance(int(agent), ("node-1",), "10.96.0.10", "cluster.local", folder, folder + "/hosts", "")
sys.exit(visit(entrance, Visit(command, node, dict(os.environ), keeps_user == "yes")))
"""


@pytest.fixture
def agent() -> Iterator[int]:
    """Have the first process of new namespaces."""
    command = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--uts", "--mount", "cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as outer:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        yield int(eventually(children.read_text))
        outer.kill()


class Program:
    """Starts programs at the agent; ``folder`` has what they see in /etc."""

    def __init__(self, agent: int, folder: Path) -> None:
        self.folder = folder
        self.keeps_user = False
        self._agent = agent
        (folder / "hosts").write_text("10.65.40.20 k8s.service.com\n")

    def argv(self, *command: str) -> Sequence[str]:
        """Return the command line that enters."""
        keeps = "yes" if self.keeps_user else "no"
        return [sys.executable, "-c", ENTER, str(self._agent), str(self.folder), keeps, "node-1", *command]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(self.argv(*command), capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.fixture
def program(agent: int, tmp_path: Path) -> Program:
    return Program(agent, tmp_path)


def test_it_sees_the_node_and_how_the_cluster_resolves_names(program: Program) -> None:
    told = program.run("sh", "-c", "hostname; cat /etc/hostname; grep -v nameserver /etc/resolv.conf; cat /etc/hosts")
    assert told.stderr == ""
    assert told.stdout.splitlines() == [
        "node-1",
        "node-1",
        "search default.svc.cluster.local svc.cluster.local cluster.local",
        "options ndots:5",
        "10.65.40.20 k8s.service.com",
    ]


def test_its_network_is_the_agents(program: Program, agent: int) -> None:
    told = program.run("sh", "-c", "readlink /proc/self/ns/net; cat /proc/1/comm; ls /sys/class/net 2>&-")
    assert told.stdout.splitlines()[:2] == [str(Path(f"/proc/{agent}/ns/net").readlink()), "cat"]


def test_what_it_writes_to_etc_hosts_is_for_all_programs_there_and_not_for_the_machine(program: Program) -> None:
    machines = Path("/etc/hosts").read_text()
    assert program.run("sh", "-c", "echo 10.1.1.1 mine >> /etc/hosts").returncode == 0
    assert program.run("tail", "-1", "/etc/hosts").stdout == "10.1.1.1 mine\n"
    assert Path("/etc/hosts").read_text() == machines


def test_its_files_and_its_folder_are_this_machines(program: Program, tmp_path: Path) -> None:
    program.run("sh", "-c", f"pwd > {tmp_path}/said")
    assert (tmp_path / "said").read_text() == f"{Path.cwd()}\n"


def test_a_shell_is_root_of_the_network_and_another_program_the_user(program: Program) -> None:
    assert program.run("id", "-u").stdout == "0\n"
    program.keeps_user = True
    assert program.run("id", "-u").stdout == f"{os.getuid()}\n"


@pytest.mark.parametrize("status", [0, 3])
def test_its_exit_status_is_returned(program: Program, status: int) -> None:
    assert program.run("sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_program_that_a_signal_ends_ends_the_command_in_the_same_way(program: Program, number: int) -> None:
    assert program.run("sh", "-c", f"kill -{number} $$").returncode == -number


def test_a_program_that_is_not_there_is_127_as_in_a_shell(program: Program) -> None:
    told = program.run("no-such-program")
    assert (told.returncode, told.stderr) == (127, "kubesvc: no-such-program: command not found\n")
    told = program.run("/etc/hosts")
    assert (told.returncode, told.stderr) == (126, "kubesvc: /etc/hosts: Permission denied\n")


def test_a_reader_that_has_gone_ends_it_as_on_a_command_line(program: Program) -> None:
    with subprocess.Popen(program.argv("yes"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(2)
        process.stdout.close()
        assert process.wait(PATIENCE) == -signal.SIGPIPE


def test_a_node_that_cannot_be_entered_is_not_taken_for_a_missing_program(program: Program) -> None:
    refusing = (
        "import kubesvc.shell.entering as entering\n"
        "def refuse(_): raise PermissionError(1, 'Operation not permitted')\n"
        "entering.unshare = refuse\n"
    )
    argv = [*program.argv("id")]
    argv[2] = refusing + argv[2]
    told = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (told.returncode, told.stderr) == (
        126,
        "kubesvc: the node node-1 cannot be entered: Operation not permitted\n",
    )


def test_sigterm_is_passed_on_and_sigkill_ends_the_program_too(program: Program) -> None:
    waiting = ["sh", "-c", "trap 'exit 5' TERM; echo $PPID; while :; do sleep 0.1; done"]
    with subprocess.Popen(program.argv(*waiting), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(PATIENCE) == 5
    with subprocess.Popen(program.argv("sh", "-c", "echo $$; exec cat"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        assert eventually(lambda: not Path(f"/proc/{child}").exists())


def test_it_ends_with_the_cluster_and_says_so(program: Program, agent: int) -> None:
    with subprocess.Popen(
        program.argv("sh", "-c", "echo ready; sleep 1000"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(agent, signal.SIGKILL)
        _, said = process.communicate(timeout=PATIENCE)
        assert (process.returncode, said) == (137, "kubesvc: the cluster has ended\n")


def test_the_terminal_is_as_it_was_when_the_cluster_ends_a_shell(program: Program, agent: int, tmp_path: Path) -> None:
    inside = program.argv("sh", "-c", "stty -echo; echo ready; exec cat")
    argv = ["sh", "-c", f"{shlex.join(inside)}; echo status $?; stty -a"]
    with Terminal(argv, os.environ, tmp_path, is_tty=True) as terminal:
        terminal.expect("ready")
        os.kill(agent, signal.SIGKILL)
        terminal.expect("status 137")
        terminal.expect(r"[^-]echo\b")
        assert terminal.wait() == 0


def test_ctrl_z_and_ctrl_c_reach_the_program_as_a_shells_job(program: Program, tmp_path: Path) -> None:
    # What is typed is not what is printed, so that the one is not taken for the other.
    says = "trap 'exit 9' INT; trap 'printf ba%s ck' CONT; printf 're%s' ady; while :; do sleep 0.1; done"
    inside = shlex.join(program.argv("sh", "-c", says))
    with Terminal(["bash", "--norc", "-i"], os.environ, tmp_path, is_tty=True) as terminal:
        terminal.type(f"PS1='<''<>> '\n{inside}\n")
        terminal.expect("ready")
        terminal.type("\x1a")
        terminal.expect("Stopped")
        terminal.type("fg\n")
        terminal.expect("back")
        terminal.type("\x03")
        terminal.expect("<<>> ")
        terminal.type("echo status $?\n")
        terminal.expect("status 9")
        terminal.type("exit 0\n")
        assert terminal.wait() == 0


def test_an_agent_that_is_gone_is_an_error(program: Program, agent: int) -> None:
    os.kill(agent, signal.SIGKILL)
    wanted = "EnteringError: the network of the cluster cannot be entered: "
    assert eventually(lambda: wanted in program.run("id").stderr)

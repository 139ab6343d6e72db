"""Processes that die, are stopped, or are short of what the system gives: what is said, and what goes on."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.helpers.cluster.cli import KUBESVC, ClusterCommands, curl, curl_result, eventually, running
from tests.helpers.cluster.ground import Ground, is_alive, processes_of
from tests.helpers.cluster.manifests import deployment, pod, script, service, write
from tests.helpers.patience import PATIENCE

GROUND = Ground(23)


@pytest.fixture
def commands(tmp_path: Path) -> ClusterCommands:
    """Return the commands of a cluster that does not run."""
    return ClusterCommands(tmp_path / "state", "faults")


def name_of(pid: int) -> str:
    """Return the name that a process has given itself."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def children_of(pid: int, word: str) -> list[int]:
    """Return the direct children of a process that have a word in their command line."""
    children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [each for each in children if word in Path(f"/proc/{each}/cmdline").read_text()]


def test_a_worker_that_was_stopped_when_the_main_process_died_is_ended_by_down(
    commands: ClusterCommands, tmp_path: Path
) -> None:
    file = write(tmp_path / "web.yaml", GROUND.configuration(), service("web"), deployment("web"))
    assert commands.up("--proxy-workers", "2", file).returncode == 0
    main = commands.status()["pid"]
    stopped, _ = children_of(main, "kubeproxy.userspace.workers")
    os.kill(stopped, signal.SIGSTOP)
    os.kill(main, signal.SIGKILL)
    assert eventually(lambda: processes_of(commands.state) == {stopped})
    assert commands.down().stdout == 'cluster "faults" is not running; ended 1 process that it had left\n'
    assert eventually(lambda: not is_alive(stopped))
    with running(commands, "--proxy-workers", "2", file):
        assert commands.ready_pods("web-")


OUTSIDE = """\
externalHosts:
  - {name: shop.example.com, address: 10.66.40.20, port: 8080, page: open}
"""


def test_a_server_outside_that_dies_is_started_again_also_without_its_starter_and_status_says_so(
    commands: ClusterCommands, tmp_path: Path
) -> None:
    def answers() -> bool:
        return curl_result("http://127.66.40.20:8080/").stdout == "open\n"

    with running(commands, write(tmp_path / "outside.yaml", GROUND.configuration(OUTSIDE))):
        assert answers()
        assert commands.status()["problems"] == []
        [zygote] = children_of(commands.status()["pid"], "kubelet.process.zygote")
        [server] = [each for each in children_of(zygote, "") if name_of(each).startswith("outside")]
        for deaths, victim in (("once", server), ("2 times", zygote)):
            os.kill(victim, signal.SIGKILL)
            assert eventually(lambda: not is_alive(victim) and answers())  # noqa: B023  asked at once
            said = (
                f"the server of externalHosts shop.example.com at 10.66.40.20:8080 has died {deaths}, "
                "last by signal 9, and has been started again"
            )
            assert eventually(lambda: commands.status()["problems"] == [said])  # noqa: B023  asked at once
            assert said in commands.named("status").stdout


FEW_FILES = """
import ctypes, os, resource, sys
ctypes.CDLL(None).prctl(24, 24, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_SYS_RESOURCE: root could raise the limit again
resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
os.execv(sys.executable, [sys.executable, "-m", "kubesvc", *sys.argv[1:]])
"""
"""Runs kubesvc with 400 open files."""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_clients_that_take_every_open_file_leave_the_api_the_status_and_the_log_as_they_were(
    commands: ClusterCommands, tmp_path: Path, workers: str
) -> None:
    file = write(tmp_path / "web.yaml", GROUND.configuration(), service("web"), deployment("web"))
    arguments = ["up", "--name", commands.name, "--detach", "--proxy-workers", workers, file]
    started = subprocess.run(
        [sys.executable, "-c", FEW_FILES, *arguments], env=commands.env, capture_output=True, text=True, check=False
    )
    assert started.returncode == 0, started.stderr
    said = "clients have taken all of the 400 open files but those that are kept for the cluster itself"
    address, _, port = commands.at("web").rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(600):
            stack.enter_context(socket.create_connection((address, int(port)), timeout=PATIENCE))
        assert eventually(lambda: any(said in each for each in commands.status()["problems"]))
        assert said in commands.named("status").stdout
        assert curl(f"http://{GROUND.node(0)}:10256/livez")
        assert "kubesvc_proxy_active_connections" in curl(f"http://{GROUND.node(0)}:10249/metrics")
        [api, _] = commands.status()["api"]["addresses"]
        assert curl(f"{api}/livez", "--insecure") == "ok"
        assert said in commands.log()
        assert curl_result(f"http://{address}:{port}/hostname", "--max-time", "1").returncode == 28
        stack.pop_all().close()
        with socket.create_connection((address, int(port)), timeout=PATIENCE) as late:
            late.sendall(b"GET /hostname HTTP/1.1\r\nHost: web\r\n\r\n")
            assert b"200 OK" in late.recv(4096)
    assert commands.down().stdout == 'cluster "faults" stopped\n'
    assert "Traceback" not in commands.log()


BAD_REQUESTS = (
    b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
    b"GET /\x1b[2J HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
)


def test_bad_requests_without_a_token_leave_a_few_short_lines_in_the_log(
    commands: ClusterCommands, tmp_path: Path
) -> None:
    with running(commands, write(tmp_path / "empty.yaml", GROUND.configuration())):
        api = urlsplit(commands.status()["api"]["addresses"][0])
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for place, is_tls in (((api.hostname, api.port), True), ((GROUND.node(0), 10249), False)):
            for request in BAD_REQUESTS * 10:
                plain = socket.create_connection(place, timeout=PATIENCE)
                with context.wrap_socket(plain) if is_tls else plain as client, contextlib.suppress(ConnectionError):
                    client.sendall(request)
                    while client.recv(65536):
                        pass
        lines = commands.log().splitlines()
        assert (0 < len(lines) <= 20, max(map(len, lines)) < 400) == (True, True), lines
        assert all("WARNING aiohttp.server: a client's request is refused" in line for line in lines), lines


SERVER = "import http.server, sys; http.server.test(http.server.SimpleHTTPRequestHandler, bind=sys.argv[1], port=8081)"
DIES = {"name": "script", "image": "busybox", "command": ["sh", "-c", "echo no database; exit 3"]}
"""A shell, as Python may need longer for its start than the second after which a program counts as ready."""


def test_programs_that_die_at_start_are_not_ready_and_their_last_lines_are_told(
    commands: ClusterCommands, tmp_path: Path
) -> None:
    file = write(tmp_path / "dies.yaml", GROUND.configuration(), pod("dies", DIES), pod("web"))
    result = commands.up("--timeout", "3s", file)
    try:
        assert (result.returncode, "kubesvc: ready" in result.stdout) == (4, False)
        words = "  container script of pod default/dies wrote last:\n      no database\n"
        assert eventually(lambda: words in commands.up("--timeout", "100ms", file).stderr)
        assert commands.started.returncode == 4
    finally:
        commands.down()


def test_without_sandboxes_programs_that_listen_on_all_addresses_are_told_of_by_all_commands(
    commands: ClusterCommands, tmp_path: Path
) -> None:
    manifests = [service(name, ports=[{"port": 80, "targetPort": 8081}]) for name in ("one", "two")]
    server = {**script(SERVER, "0.0.0.0"), "readinessProbe": {"tcpSocket": {"port": 8081}, "periodSeconds": 1}}
    file = write(tmp_path / "all.yaml", GROUND.configuration(), *manifests, pod("one", server))
    said = "listens on port 8081/TCP of all addresses of this machine"
    with running(commands, "--sandbox", "none", file):
        assert f"Pod default/one: ListensOnAllAddresses: container script of pod default/one {said}" in (
            commands.started.stderr
        )
        assert f"  ? Container script of pod default/one {said}" in commands.named("explain", "svc/one").stdout
        second = write(tmp_path / "second.yaml", pod("two", script(SERVER, "0.0.0.0")))
        assert commands.up("--timeout", "3s", second).returncode == 4
        taken = "container script has ended as its address is taken"
        assert eventually(lambda: f"  ! Pod two: {taken}" in commands.named("explain", "svc/two").stdout)
        for told in (commands.named("status").stdout, commands.named("doctor", file).stdout):
            assert f"container script of pod default/one {said}" in told
            assert f"Pod default/two: {taken}" in told


def test_programs_that_bind_their_pods_address_are_nothing_to_tell(commands: ClusterCommands, tmp_path: Path) -> None:
    pods = [pod(name, script(SERVER, "$(POD_IP)")) for name in ("one", "two")]
    with running(commands, write(tmp_path / "own.yaml", GROUND.configuration(), *pods)):
        assert commands.started.stderr == ""
        assert commands.status()["problems"] == []


def test_a_disk_without_room_is_a_problem_and_down_says_what_was_not_saved(
    commands: ClusterCommands, tmp_path: Path
) -> None:
    file = write(tmp_path / "web.yaml", GROUND.configuration(), service("web"), deployment("web"))
    assert commands.up(file).returncode == 0
    pid = commands.status()["pid"]
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    scaled = commands.named("scale", "deployment/web", "--replicas=2")
    assert (scaled.returncode, "the write is not on disk yet" in scaled.stderr) == (1, True)
    said = f"the last changes cannot be written to {commands.state}/cluster.db ("
    status = commands.status()
    assert (status["ready"], any(said in each for each in status["problems"])) == (False, True)
    assert curl(f"http://{commands.at('web')}/hostname").startswith("web-")
    down = commands.down()
    assert (down.returncode, down.stdout) == (1, "")
    assert down.stderr.startswith(
        'kubesvc: cluster "faults" stopped; not saved, as the disk could not be written to: the last changes of '
        "deployments.apps default/web"
    )
    assert not processes_of(commands.state)
    with running(commands):
        assert len(commands.ready_pods("web-")) == 1


def test_a_disk_that_has_room_again_has_everything(commands: ClusterCommands, tmp_path: Path) -> None:
    file = write(tmp_path / "web.yaml", GROUND.configuration(), service("web"), deployment("web"))
    with running(commands, file):
        pid = commands.status()["pid"]
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        assert commands.named("scale", "deployment/web", "--replicas=2").returncode == 1
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
        assert eventually(lambda: commands.status()["problems"] == [] and commands.status()["ready"])
    with running(commands):
        assert len(commands.ready_pods("web-")) == 2


def test_a_start_on_a_full_disk_says_so(commands: ClusterCommands, tmp_path: Path) -> None:
    file = write(tmp_path / "web.yaml", GROUND.configuration(), service("web"), deployment("web"))
    result = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *KUBESVC, "up", "--name", commands.name, file],
        env=commands.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"kubesvc: cannot keep the cluster's state in {commands.state}")
    assert result.stderr.endswith(": File too large\n")
    assert not processes_of(commands.state)

"""`kubesvc dns` on the API of another cluster, as a user types it: names, health, metrics, reload, drain, faults."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.helpers.cluster.api import WEB, APICluster, api_cluster
from tests.helpers.cluster.cli import KUBESVC, dig, eventually
from tests.helpers.configs import CONFIGS
from tests.helpers.pages import DNS
from tests.helpers.patience import PATIENCE

ADDRESS, PORT = "127.98.5.3", 5353
SITES = "127.98.5.4"
ZONE = "svc.cluster.local"
STARTED = "answers at"


class NameServer:
    """`kubesvc dns` in the foreground; ``said`` is what it has printed."""

    def __init__(self, folder: Path, *arguments: str, kubeconfig: Path | str = "/nowhere") -> None:
        self._printed = folder / "printed"
        with self._printed.open("w") as out:
            self.process = subprocess.Popen(
                [*KUBESVC, "dns", "--kubeconfig", str(kubeconfig), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, "UPSTREAM": "127.98.5.9", "CORP_UPSTREAM": "127.98.5.9"},
            )

    @property
    def said(self) -> str:
        """What it has printed."""
        return self._printed.read_text()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        assert eventually(lambda: is_so() or self.process.poll() is not None)
        assert is_so(), self.said


def get(path: str, port: int = 8080) -> tuple[int, str]:
    """The status and the text of a page."""
    try:
        with urllib.request.urlopen(f"http://{SITES}:{port}{path}", timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def ask(*question: str) -> list[str]:
    return dig(*question, server=ADDRESS, port=PORT)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[APICluster]:
    """The cluster whose names are served."""
    with api_cluster(tmp_path_factory.mktemp("cluster"), "shop") as found:
        yield found


@pytest.fixture(scope="module")
def corefile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped Corefile, with HTTP servers at addresses of the tests' own."""
    text = (CONFIGS / "dns" / "Corefile").read_text()
    path = tmp_path_factory.mktemp("corefile") / "Corefile"
    path.write_text(re.sub(r"127\.0\.0\.1:(8080|8181|9153)", rf"{SITES}:\1", text))
    return path


@pytest.fixture(scope="module")
def server(cluster: APICluster, corefile: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    """The name server, ready."""
    folder = tmp_path_factory.mktemp("dns")
    found = NameServer(
        folder, "--config", str(corefile), "--listen", f"{ADDRESS}:{PORT}", kubeconfig=cluster.kubeconfig
    )
    try:
        found.wait_until(lambda: "ready after" in found.said)
        yield found
    finally:
        found.process.kill()
        found.process.wait()
        assert "Traceback" not in found.said


def test_it_says_whose_names_it_answers_for_and_where(server: NameServer) -> None:
    assert re.search(
        rf"^kubesvc: DNS of cluster\.local for https://\S+ answers at {ADDRESS}:{PORT}\n"
        r"kubesvc: ready after \d\.\d\d s$",
        server.said,
        re.MULTILINE,
    )


def test_it_does_what_the_page_shows(server: NameServer) -> None:
    """The page's addresses are those of this machine, here they are the tests' own; times are masked."""
    _, (_, started), *others = DNS
    assert [_masked(each) for each in started] == [_masked(each) for each in server.said.splitlines()[:2]]
    for command, wanted in others:
        here = command.replace("@127.0.0.1", f"@{ADDRESS}").replace("127.0.0.1:", f"{SITES}:")
        said = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=PATIENCE, check=True)
        assert said.stdout.splitlines() == wanted


def _masked(line: str) -> str:
    return re.sub(r"\d+\.\d\d s|127(\.\d+){3}:\d+", "<>", line)


@pytest.mark.usefixtures("server")
def test_the_names_of_the_cluster_are_those_of_its_own_name_server(cluster: APICluster) -> None:
    (address,) = cluster.commands.dig(f"{WEB}.default.{ZONE}")
    assert ask(f"{WEB}.default.{ZONE}") == ask("+tcp", f"{WEB}.default.{ZONE}") == [address]
    assert ask("-x", address) == [f"{WEB}.default.{ZONE}."]
    assert ask("billing.example.com") == ["192.0.2.80"]
    assert ask("shop.svc.cluster.local") == []


@pytest.mark.usefixtures("server")
def test_what_changes_in_the_cluster_changes_at_once(cluster: APICluster) -> None:
    service = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "new", "namespace": "shop"}}
    subprocess.run(
        ["kubectl", "create", "-f", "-"],
        input=json.dumps({**service, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}),
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        text=True,
        check=True,
        capture_output=True,
    )
    assert eventually(lambda: ask(f"new.shop.{ZONE}"))


@pytest.mark.usefixtures("server")
def test_health_and_metrics_are_those_of_coredns_and_the_age_of_the_knowledge() -> None:
    assert (get("/health"), get("/ready", 8181)) == ((200, "OK"), (200, "OK"))
    assert get("/healthz") == (200, "ok\nnamespaces: in touch\nservices: in touch\nendpointslices: in touch\n")
    metrics = get("/metrics", 9153)[1]
    for line in (
        r'^coredns_dns_requests_total{type="A"} [1-9]',
        r'^coredns_dns_responses_total{rcode="NOERROR"} [1-9]',
        r"^coredns_reload_failed_total 0",
        r'^kubesvc_dns_knowledge_age_seconds{resource="services"} 0',
    ):
        assert re.search(line, metrics, re.MULTILINE), metrics


def test_a_changed_corefile_is_in_force_and_a_bad_one_is_refused(server: NameServer, corefile: Path) -> None:
    good = corefile.read_text()
    corefile.write_text(good.replace("192.0.2.80", "192.0.2.81"))
    server.process.send_signal(signal.SIGUSR1)
    server.wait_until(lambda: "the new configuration is in force" in server.said)
    assert ask("billing.example.com") == ["192.0.2.81"]
    corefile.write_text(good.replace("pods insecure", "pods unsafe"))
    server.process.send_signal(signal.SIGUSR1)
    server.wait_until(lambda: "stays in force" in server.said)
    line = good[: good.index("pods insecure")].count("\n") + 1
    assert f"{corefile}:{line}: kubernetes: pods: must be disabled, insecure or verified, not 'unsafe'" in server.said
    assert ask("billing.example.com") == ["192.0.2.81"]
    assert "coredns_reload_failed_total 1" in get("/metrics", 9153)[1]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(
            ("--listen", "203.0.113.7:53"),
            1,
            "cannot listen on 203.0.113.7 port 53/UDP: Cannot assign requested address; it is no address of this",
            id="address",
        ),
        pytest.param(("--config", "/nowhere"), 2, "--config /nowhere cannot be read: No such file", id="no Corefile"),
        pytest.param(("--listen", "here"), 2, "'here' is no address with a port; write it like", id="listen"),
        pytest.param(("--zone", "a..b"), 2, "'a..b' is no name of a zone; write it like", id="zone"),
        pytest.param(("--upstream", "dns.example"), 2, "'dns.example' is no IP address; write it", id="upstream"),
        pytest.param(("--zone", "a", "--config", "b"), 2, "--zone and --upstream are for a start without", id="both"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    cluster: APICluster, tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    failed = NameServer(tmp_path, *arguments, kubeconfig=cluster.kubeconfig)
    assert (failed.process.wait(PATIENCE), said in failed.said) == (status, True), failed.said


def test_at_the_end_it_goes_on_answering_while_it_is_no_longer_ready(server: NameServer) -> None:
    server.process.send_signal(signal.SIGTERM)
    server.wait_until(lambda: "(lameduck)" in server.said)
    assert get("/ready", 8181) == (503, "Shutting down")
    assert ask("billing.example.com") == ["192.0.2.81"]
    assert server.process.wait(PATIENCE) == 0

"""Clusters that are run from Python, without the command line."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.patience import PATIENCE

from kubelet.process.runner import ProcessRunner
from kubelet.spec.process import SandboxError
from kubescheduler.io.scheduler import Scheduler
from kubesvc import run_cluster
from kubesvc.run.cluster import Cluster
from kubesvc.run.health import NotReadyError
from kubesvc.run.input.documents import FaultsError
from kubesvc.run.starterror import StartError
from kubesvc.state.directory import AlreadyRunningError, StateDirectory
from kubesvc.state.journal import Journal
from kubesvc.state.saved import read_saved

LABELS = {"app": "web"}
WEB: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "web", "image": "httpd", "ports": [{"containerPort": 80}]}]},
        },
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": LABELS, "ports": [{"name": "http", "port": 80}, {"name": "more", "port": 8080}]},
}
EXACT: dict[str, Any] = {"networking": {"plan": "exact"}}


async def get(address: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_cluster_serves_what_it_is_given_and_takes_more(tmp_path: Path) -> None:
    file = tmp_path / "web.json"
    file.write_text(str(WEB).replace("'", '"'))
    async with run_cluster(file, SERVICE) as cluster:
        await cluster.wait_until_ready(PATIENCE)
        assert (await get(cluster.address("web"))).startswith(b"HTTP/1.1 200")
        assert cluster.address("web", "http") == cluster.address("web", 80) == cluster.address("web")
        assert cluster.status()["ready"]
        assert cluster.kubeconfig.read_text()
        assert cluster.dns_address[0] == cluster.configuration.networking.dns_address
        other = {**SERVICE, "metadata": {"name": "other"}}
        assert await cluster.apply(other, SERVICE) == ["service/other created", "service/web unchanged"]
        await cluster.wait_until_ready(PATIENCE)
        assert (await get(cluster.address("other"))).startswith(b"HTTP/1.1 200")
        assert cluster.problems() == []
        kubeconfig = cluster.kubeconfig
    assert not kubeconfig.parent.parent.exists()


async def test_a_cluster_is_ready_when_what_it_was_given_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, may_commit = Journal._commit, threading.Event()

    def commit_late(self: Journal, *arguments: Any) -> None:
        may_commit.wait(PATIENCE)
        commit(self, *arguments)

    monkeypatch.setattr(Journal, "_commit", commit_late)
    async with run_cluster(SERVICE, state=tmp_path / "late") as cluster:
        ready = asyncio.create_task(cluster.wait_until_ready(PATIENCE))
        while not ready.done() and not cluster.waiting_for():
            await asyncio.sleep(0.01)
        assert cluster.waiting_for() == ["the last changes are not on disk yet"]
        may_commit.set()
        await ready
        saved = read_saved(cluster.state.database, "")
        assert saved is not None
        assert "web" in [each["metadata"]["name"] for _, each in saved.objects]


async def test_clusters_run_side_by_side_at_addresses_of_their_own() -> None:
    async with run_cluster(WEB, SERVICE) as one, run_cluster(WEB, SERVICE) as two:
        await asyncio.gather(one.wait_until_ready(PATIENCE), two.wait_until_ready(PATIENCE))
        octets = [{each["podIP"].split(".")[1] for each in cluster.status()["pods"]} for cluster in (one, two)]
        assert octets[0].isdisjoint(octets[1])
        assert one.address("web") != two.address("web")
        for cluster in (one, two):
            assert (await get(cluster.address("web"))).startswith(b"HTTP/1.1 200")


async def test_a_state_directory_keeps_objects_and_addresses(tmp_path: Path) -> None:
    async with run_cluster(SERVICE, state=tmp_path / "shop") as cluster:
        before = cluster.status()["services"]
        assert cluster.status()["name"] == "shop"
        with pytest.raises(AlreadyRunningError, match=r'^cluster "shop" is already running'):
            async with run_cluster(state=tmp_path / "shop"):
                pass
        assert StateDirectory("shop", tmp_path).owner() == os.getpid()
    async with run_cluster(state=tmp_path / "shop") as cluster:
        after = cluster.status()["services"]
    assert [each["clusterIPs"] for each in after] == [each["clusterIPs"] for each in before]


async def test_a_kept_cluster_has_the_addresses_that_it_had_before(tmp_path: Path) -> None:
    networking = {"networking": {"serviceSubnet": "127.77.0.0/16"}, "dns": {"bindAddresses": []}}
    async with run_cluster(state=tmp_path / "shop", configuration=networking, subnets="default") as cluster:
        assert cluster.dns_address[0] == "127.77.0.10"
    async with run_cluster(state=tmp_path / "shop") as cluster:
        assert cluster.dns_address[0] == "127.77.0.10"


async def test_the_configuration_is_a_mapping() -> None:
    configuration = {"nodes": [{"name": "only", "address": "10.9.8.7"}]}
    async with run_cluster(configuration=configuration) as cluster:
        [node] = cluster.status()["nodes"]
        assert node["name"] == "only"
        assert node["addresses"][0].endswith(".8.7")


async def test_what_is_refused_half_way_is_done_without_unless_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: ProcessRunner) -> None:
        await self.open()
        if self.has_sandboxes:
            raise SandboxError("veth1000: Operation not supported")

    monkeypatch.setattr(ProcessRunner, "open_network", refuse)
    async with run_cluster(WEB, SERVICE, configuration={"sandbox": "auto"}) as cluster:
        await cluster.wait_until_ready(PATIENCE)
        sandbox = cluster.status()["sandbox"]
        assert sandbox["mode"] == "none"
        assert sandbox["why"] == "this machine refuses them: veth1000: Operation not supported"
        assert (await get(cluster.address("web"))).startswith(b"HTTP/1.1 200")
    for required in ({"sandbox": "namespaces"}, EXACT):
        with pytest.raises(StartError, match=r"^pods cannot have sandboxes: veth1000: Operation not supported; "):
            async with run_cluster(configuration=required):
                pass


async def test_an_exact_cluster_is_reached_where_this_machine_has_it() -> None:
    async with run_cluster(WEB, SERVICE, configuration=EXACT) as cluster:
        await cluster.wait_until_ready(PATIENCE)
        status = cluster.status()
        assert (status["plan"], status["nodes"][0]["addresses"]) == ("exact", ["192.168.0.101"])
        host, port = cluster.address("web")
        assert host.startswith("127.")
        assert b"200" in await get((host, port))
        assert cluster.dns_address[0].startswith("127.")


async def test_nothing_of_the_process_is_changed(tmp_path: Path) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    streams = [Path(f"/proc/self/fd/{number}").readlink() for number in range(3)]
    loop = asyncio.get_running_loop()
    before = [*map(signal.getsignal, numbers), gc.isenabled(), gc.get_freeze_count(), loop.get_exception_handler()]
    async with run_cluster(state=tmp_path / "shop"):
        pass
    after = [*map(signal.getsignal, numbers), gc.isenabled(), gc.get_freeze_count(), loop.get_exception_handler()]
    assert after == before
    assert [Path(f"/proc/self/fd/{number}").readlink() for number in range(3)] == streams


@pytest.mark.parametrize("configuration", [{"sandbox": "none"}, EXACT], ids=["without sandboxes", "exact"])
async def test_a_cluster_that_has_ended_leaves_no_descriptor_and_no_task(configuration: dict[str, Any]) -> None:
    left = []
    for _ in range(2):
        async with run_cluster(SERVICE, configuration=configuration) as cluster:
            await cluster.wait_until_ready(PATIENCE)
        left.append((len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())))
    assert left[0] == left[1]


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        pytest.param({"kind": "Service"}, "<objects>:1:1: apiVersion: Required value", id="no object"),
        pytest.param("nowhere.yaml", 'nowhere.yaml: the path "nowhere.yaml" does not exist', id="no file"),
        pytest.param(
            {**SERVICE, "spec": {"ports": [{"port": 0}], "type": "ExternalName"}},
            "<objects>:1:",
            id="an object that is refused",
        ),
    ],
)
async def test_faults_are_told_and_nothing_starts(document: Any, fault: str, tmp_path: Path) -> None:
    with pytest.raises(FaultsError) as refusal:
        async with run_cluster(document, state=tmp_path / "shop"):
            pass
    assert str(refusal.value).startswith(fault)
    assert not (tmp_path / "shop" / "cluster.db").exists()


async def test_a_refused_apply_changes_nothing() -> None:
    async with run_cluster(SERVICE) as cluster:
        changed = {**SERVICE, "spec": {**SERVICE["spec"], "clusterIP": "10.96.7.7"}}
        with pytest.raises(FaultsError, match=r"spec\.clusterIPs\[0\]: .*may not change once set"):
            await cluster.apply(changed, {**SERVICE, "metadata": {"name": "other"}})
        assert [each["name"] for each in cluster.status()["services"]] == ["kubernetes", "web", "kube-dns"]


async def test_a_cluster_that_is_not_ready_in_time_says_why() -> None:
    waiting = {**WEB, "spec": {**WEB["spec"], "template": {**WEB["spec"]["template"]}}}
    waiting["spec"]["template"]["spec"] = {"containers": [{"name": "web", "image": "no-such-image"}]}
    async with run_cluster(waiting, SERVICE) as cluster:
        with pytest.raises(NotReadyError) as missing:
            await cluster.wait_until_ready(0.5)
        assert missing.value.waiting_for[0] == "Deployment default/web: 0 of 1 replicas available"
        assert str(missing.value).startswith("not ready within 0.5s:\n  Deployment default/web")
        with pytest.raises(LookupError, match=r"^Service default/web does not answer: "):
            cluster.address("web")
        with pytest.raises(LookupError, match=r"has no port 81; it has 80/TCP http, 8080/TCP more$"):
            cluster.address("web", 81)


async def test_an_address_that_is_taken_keeps_a_cluster_from_starting() -> None:
    networking = {"serviceSubnet": "127.77.0.0/16"}
    async with run_cluster(configuration={"networking": networking}, subnets="default"):
        with pytest.raises(StartError, match=r"^DNS cannot be served at 127\.77\.0\.10:\d+: taken by "):
            async with run_cluster(configuration={"networking": networking}, subnets="default"):
                pass


async def test_an_exception_of_the_block_passes_as_it_is_after_the_cluster_has_stopped() -> None:
    with pytest.raises(KeyError):
        async with run_cluster(WEB, SERVICE) as cluster:
            await cluster.wait_until_ready(PATIENCE)
            address = cluster.address("web")
            raise KeyError
    with pytest.raises(ConnectionRefusedError):
        await get(address)


async def test_a_component_that_fails_ends_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    fail = asyncio.Event()

    async def run(_self: Scheduler) -> None:
        await fail.wait()
        raise ArithmeticError("broken")

    monkeypatch.setattr(Scheduler, "run", run)
    with pytest.raises(ExceptionGroup) as failure:
        async with run_cluster():
            fail.set()
            await asyncio.Event().wait()
    assert failure.group_contains(ArithmeticError, match="broken", depth=1)


async def test_a_start_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def wait(_self: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("kubesvc.run.api.server.ClusterAPI.serve", lambda self, *_: wait(self))

    async def start() -> None:
        async with run_cluster():
            raise AssertionError

    task = asyncio.create_task(start())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.fixture
async def shop() -> AsyncIterator[Cluster]:
    async with run_cluster(SERVICE) as cluster:
        yield cluster


async def test_a_cluster_may_be_a_fixture(shop: Cluster) -> None:
    """A fixture begins in one task and ends in another."""
    assert shop.status()["services"]


async def test_the_cluster_can_be_asked_for_its_end_over_its_socket(tmp_path: Path) -> None:
    from kubesvc.control.client import ControlClient

    async with run_cluster(state=tmp_path / "shop"):
        client = ControlClient(StateDirectory("shop", tmp_path))
        assert (await asyncio.to_thread(client.status))["name"] == "shop"


async def test_what_a_webhook_does_not_allow_is_a_problem_and_the_rest_runs(tmp_path: Path) -> None:
    hook = {
        "name": "hook.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
    }
    kind = "ValidatingWebhookConfiguration"
    configuration = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "hook"}}
    asked = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "asked", "namespace": "kube-public"}}
    async with run_cluster(
        configuration | {"webhooks": [hook]}, asked, SERVICE | {"spec": {"ports": [{"port": 80}]}}
    ) as cluster:
        await cluster.wait_until_ready(PATIENCE)
        [problem] = [each for each in cluster.problems() if "hook.example.com" in each]
        assert "connect: connection refused" in problem
        assert cluster.status()["problems"] == cluster.problems()
        assert [each["name"] for each in cluster.status()["services"] if each["namespace"] == "default"] == [
            "kubernetes",
            "web",
        ]

"""`kubesvc proxy` on the API of another cluster, as a user types it: what it serves, says, sets up and takes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.helpers.kubeapiserver.client import APIClient as Handlers
from tests.helpers.kubeapiserver.server import TOKEN, Door, served
from tests.helpers.kubeclient.following import write_kubeconfig
from tests.helpers.kubeproxy.cluster import ask, is_refused, naming_endpoints, service, serving, slice_of, until
from tests.helpers.kubeproxy.podnetwork import is_root
from tests.helpers.objects import build_node
from tests.helpers.pages import PROXY, ROOT
from tests.helpers.patience import PATIENCE

from kubeapi.meta import JSON
from kubeapi.scheme import ENDPOINTSLICES, EVENTS, NODES, SERVICES
from kubeapiserver.messages import Answer, Request, Response
from kubehost.io.machine import not_local
from kubehost.io.netlink import NetlinkSocket
from kubehost.io.places import HOST
from kubehost.io.rtnetlink import LOOPBACK_INDEX, Route, deleted_address, new_address
from kubeproxy.nft.io import netfilter
from kubeproxy.nft.netlink import messages as to
from kubeproxy.nft.netlink.forms import V4

LOCAL_BY_ROUTE = "127.97.7.10"
"""An address of 127.0.0.0/8 that no interface has."""
POD, OTHER_POD = "127.245.7.1", "127.245.7.2"
WEB, REAL, REAL_POD = "127.97.7.1", "10.96.0.20", "10.244.1.7"
SITES = "127.97.7.9"
CONFIG = f"""
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
hostnameOverride: node-1
healthzBindAddress: {SITES}:10256
metricsBindAddress: {SITES}:10249
clusterCIDR: 10.244.0.0/16
conntrack: {{udpTimeout: 10s, maxPerCore: 32768}}
"""


class Remote:
    """A cluster's API, a kubeconfig for it, and the `kubesvc proxy` that follows it."""

    def __init__(self, handlers: Handlers, door: Door, folder: Path) -> None:
        self.store = handlers.registry.store
        self.door = door
        self.folder = folder
        url = str(door.client._base_url).rstrip("/")
        self.kubeconfig = write_kubeconfig(folder / "kubeconfig", {"server": url}, {"token": TOKEN})
        self.config = folder / "kube-proxy.yaml"
        self.config.write_text(CONFIG)

    def put(self, name: str, address: str, *pods: str, port: int = 20080, **spec: Any) -> None:
        """Have a Service with these endpoints."""
        self.store.create(SERVICES, service(name, address, **spec))
        self.store.create(ENDPOINTSLICES, slice_of(name, pods, port))

    def events(self) -> list[str]:
        """What was said of Services in the API."""
        return [f"{each['reason']}: {each['message']}" for each in self.store.list(EVENTS)]


class Process:
    """One run of the command; ``said`` is what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process, printed: Path) -> None:
        self.process = process
        self._printed = printed

    @property
    def said(self) -> str:
        return self._printed.read_text()

    async def until_said(self, text: str) -> None:
        await until(lambda: text in self.said or self.process.returncode is not None)
        assert text in self.said, self.said

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def remote(folder: Path, *nodes: JSON, cidrs: tuple[str, ...] = ()) -> AsyncIterator[Remote]:
    """A cluster of which only the API runs; with ``cidrs`` it has ServiceCIDRs, as real ones have."""
    handlers = Handlers()
    for each in nodes or (build_node("node-1", "127.0.0.1", podCIDR="10.244.1.0/24"),):
        handlers.registry.store.create(NODES, each)

    def handle(request: Request) -> Answer:
        if not cidrs or not request.path.endswith("/servicecidrs"):
            return handlers.api.handle(request)
        found = {"items": [{"metadata": {"name": "kubernetes"}, "spec": {"cidrs": cidrs}}]}
        return Response(200, json.dumps(found).encode())

    async with served(handle, store=handlers.registry.store) as door:
        yield Remote(handlers, door, folder)


@contextlib.asynccontextmanager
async def running(cluster: Remote, *arguments: str) -> AsyncIterator[Process]:
    """Run the command; nothing of it is left afterwards."""
    printed = cluster.folder / "printed"
    with printed.open("w") as out:
        command = (sys.executable, "-m", "kubesvc", "proxy", "--kubeconfig", str(cluster.kubeconfig))
        options = ("--config", str(cluster.config), *arguments)
        process = await asyncio.create_subprocess_exec(*command, *options, stdout=out, stderr=out, env=os.environ)
    found = Process(process, printed)
    try:
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        assert "Traceback" not in found.said, found.said


async def get(path: str, port: int = 10256) -> tuple[int, str]:
    """The status and the text of a page."""

    def ask_page() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{SITES}:{port}{path}", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    return await asyncio.to_thread(ask_page)


async def test_services_of_another_cluster_answer_on_this_node(tmp_path: Path) -> None:
    node = build_node("node-1", LOCAL_BY_ROUTE, podCIDR="10.244.1.0/24")
    async with naming_endpoints(POD, OTHER_POD), remote(tmp_path, node) as cluster:
        ports = [{"port": 20080, "nodePort": 30080}]
        cluster.put("web", WEB, POD, type="NodePort", ports=ports, externalIPs=["198.51.100.7"])
        cluster.put("hidden", "127.97.7.2", POD, labels={"service.kubernetes.io/service-proxy-name": "other"})
        async with running(cluster) as proxy:
            await proxy.until_said("ready after")
            assert f"kube-proxy of node node-1 for http://127.114.0.1:{cluster.door.port}, mode userspace" in proxy.said
            assert "not honoured here: conntrack.maxPerCore\n" in proxy.said
            assert "is no address of this machine" not in proxy.said
            assert "198.51.100.7 (externalIP of default/web) is not local to this machine: " in proxy.said
            assert "`sudo ip route add local 198.51.100.7 dev lo`, or --setup as root" in proxy.said
            assert await ask(WEB) == await ask("127.0.0.1", 30080) == await ask(LOCAL_BY_ROUTE, 30080) == POD
            assert await is_refused("127.97.7.2")
            await until(lambda: any(each.startswith("PortBindFailed: 198.51.100.7:") for each in cluster.events()))

            cluster.put("late", "127.97.7.3", OTHER_POD)
            await until_answered("127.97.7.3", OTHER_POD)
            assert json.loads((await get("/healthz"))[1]).keys() == {
                "lastUpdated",
                "currentTime",
                "nodeEligible",
                "healthy",
                "status",
            }
            assert await get("/proxyMode", 10249) == (200, "userspace")
            assert "kubeproxy_sync_proxy_rules_endpoint_changes_total" in (await get("/metrics", 10249))[1]

            await cluster.door.listener.close()
            await until_away()
            await proxy.until_said("is served, and it is tried again")
            assert await ask(WEB) == POD
            assert await proxy.end() == 0


async def until_answered(address: str, pod: str) -> None:
    """Return when a Service leads to a pod."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(OSError):
                if await ask(address) == pod:
                    return
            await asyncio.sleep(0.005)


async def until_away() -> None:
    """Return when /healthz says how old the proxy's knowledge is, and that it is healthy all the same."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status, text = await get("/healthz")
            assert status == 200
            if "knowledgeAgeSeconds" in (found := json.loads(text)):
                assert found["knowledgeAgeSeconds"] >= 0
                assert found["knowledgeProblem"]
                return
            await asyncio.sleep(0.02)


async def test_a_node_that_is_not_there_is_waited_for_and_ctrl_c_ends_that(tmp_path: Path) -> None:
    async with remote(tmp_path, build_node("node-2", "127.0.0.2")) as cluster, running(cluster) as proxy:
        await proxy.until_said(
            "there is no node node-1; the cluster has node-2; waiting 30 s for it (--node-name names another node)"
        )
        assert await proxy.end(signal.SIGINT) == 0


async def test_a_mistake_in_the_configuration_is_told_before_anything_is_done(tmp_path: Path) -> None:
    async with remote(tmp_path) as cluster:
        cluster.config.write_text(CONFIG.replace("clusterCIDR", "clusterCidr"))
        async with running(cluster) as proxy:
            assert await proxy.ended() == 2
            assert f'{cluster.config}:7:1: clusterCidr: unknown field "clusterCidr"' in proxy.said
            assert 'did you mean "clusterCIDR"?' in proxy.said


async def test_setup_has_addresses_be_local_and_undoes_that_also_after_a_kill(tmp_path: Path) -> None:
    async with naming_endpoints(POD), remote(tmp_path) as cluster:
        cluster.put("web", REAL, POD)
        async with running(cluster, "--setup") as proxy:
            if not is_root():
                assert await proxy.ended() == 1
                assert "--setup needs root" in proxy.said
                return
            await proxy.until_said("ready after")
            assert await ask(REAL) == POD
            await proxy.end(signal.SIGKILL)
        assert not_local([REAL]) == []
        async with running(cluster, "--setup") as proxy:
            await proxy.until_said("ready after")
            assert f"found what a run that was killed has left local: {REAL}/32" in proxy.said
            assert await ask(REAL) == POD
            assert await proxy.end() == 0
        assert not_local([REAL]) == [REAL]


@contextlib.asynccontextmanager
async def on_this_machine(*addresses: str, route: str = "") -> AsyncIterator[None]:
    """Have addresses here, and a way to all of a range, for the length of the block."""
    routes = [Route(route, LOOPBACK_INDEX)] if route else []
    with NetlinkSocket() as sock:
        sock.request([*(new_address(LOOPBACK_INDEX, each) for each in addresses), *(each.added() for each in routes)])
        try:
            yield
        finally:
            sock.request(each.deleted() for each in routes)
            sock.request(deleted_address(LOOPBACK_INDEX, each, 32) for each in addresses)


async def test_the_kernel_carries_traffic_by_tables_of_their_own(tmp_path: Path) -> None:
    if not is_root():
        return  # without sandboxes the kernel is root's alone
    # Without a route there is no way to a cluster IP at all, and 127.0.0.0/8 is none to anywhere else.
    async with (
        on_this_machine(REAL_POD, route="10.0.0.0/8"),
        naming_endpoints(REAL_POD),
        remote(tmp_path, cidrs=("10.96.0.0/12", "fd00:10:96::/108")) as cluster,
    ):
        cluster.put("web", REAL, REAL_POD)
        cluster.put("empty", "10.96.0.21")
        async with running(cluster, "--mode", "nftables") as proxy:
            await proxy.until_said("ready after")
            assert await ask(REAL) == REAL_POD
            assert await is_refused(REAL, 81)
            assert await is_refused("10.96.0.21")
            assert has_table("kubesvc-proxy")
            assert not has_table("kube-proxy")
            assert await proxy.end() == 0
            assert "the kernel goes on serving by its tables, as with kube-proxy; --cleanup removes them" in proxy.said
        assert await ask(REAL) == REAL_POD
        async with running(cluster, "--cleanup") as proxy:
            assert await proxy.ended() == 0
            assert "removed table ip kubesvc-proxy and table ip6 kubesvc-proxy" in proxy.said
        assert not has_table("kubesvc-proxy")


async def test_it_does_what_the_page_shows(tmp_path: Path) -> None:
    """By root alone, as the page's user; the API server's address is another one, and so are the times."""
    if not is_root():
        return
    (first, started), *others = PROXY
    options = first.removeprefix("sudo kubesvc proxy --kubeconfig kubeconfig ").removesuffix(" &").split()
    node = build_node("node-1", "192.168.0.101")
    async with (
        on_this_machine("192.168.0.101", REAL_POD),
        serving(REAL_POD, 8080, greet),
        remote(tmp_path, node, cidrs=("10.96.0.0/12",)) as cluster,
    ):
        ports = [{"port": 80, "nodePort": 30080}]
        cluster.put("web", REAL, REAL_POD, port=8080, type="NodePort", ports=ports)
        cluster.config = ROOT / options[options.index("--config") + 1]
        async with running(cluster, "--setup") as proxy:
            await proxy.until_said("ready after")
            assert [_masked(each) for each in started] == [_masked(each) for each in proxy.said.splitlines()]
            for command, wanted in others:
                asked = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
                said, _ = await asked.communicate()
                assert said.decode().splitlines() == wanted
            assert await proxy.end() == 0


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request of HTTP as the page's pod does."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\na pod of node-1\n")
    await writer.drain()


def _masked(line: str) -> str:
    return re.sub(r"\d+\.\d\d s|https?://[\d.:]+", "<>", line)


async def test_a_second_kube_proxy_is_refused_unless_it_is_wanted(tmp_path: Path) -> None:
    if not is_root():
        return  # nobody else sees the kernel's tables
    change_tables(to.new_table(V4))
    try:
        async with remote(tmp_path) as cluster:
            async with running(cluster) as proxy:
                assert await proxy.ended() == 1
                assert "kube-proxy's own rules are in this network (table ip kube-proxy)" in proxy.said
                assert "start with --beside-kube-proxy" in proxy.said
            async with running(cluster, "--beside-kube-proxy") as proxy:
                await proxy.until_said("ready after")
    finally:
        change_tables(to.delete_table(V4))


def has_table(name: str) -> bool:
    """Tell whether nf_tables has a table for IPv4."""
    with contextlib.closing(netfilter_socket()) as sock:
        try:
            return bool(list(sock.request(to.get_table(V4._replace(table=name)))))
        except FileNotFoundError:
            return False


def change_tables(message: Any) -> None:
    """Have nf_tables do something."""
    with contextlib.closing(netfilter_socket()) as sock:
        assert sock.transact([message]) == []


def netfilter_socket() -> netfilter.NetfilterSocket:
    """A socket to netfilter in the tests' own network."""
    return netfilter.NetfilterSocket(HOST.socket(netfilter.FAMILY, netfilter.KIND, netfilter.PROTOCOL))

"""What is asked before the proxy serves, and that no Service cuts the node off from what it needs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kubeclient.following import from_file, write_kubeconfig
from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.objects import build, build_node

from kubeapi.meta import JSON, ObjectKey
from kubeapi.status import StatusError
from kubeproxy.config import ProxyConfig
from kubeproxy.proxier import Proxier
from kubeproxy.types import ListenerKind
from kubesvc.remote.proxy.needed import Needed, addresses_of_others
from kubesvc.remote.proxy.node import addresses_of_server, find_other_nodes, find_service_cidrs
from kubesvc.remote.proxy.serving import OwnNode, _localizer
from kubesvc.remote.proxy.slimming import slim_node


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ({"server": "https://192.0.2.6:6443"}, ("192.0.2.6",)),
        ({"server": "https://[2001:db8::6]"}, ("2001:db8::6",)),
        ({"server": "https://api.invalid", "proxy-url": "http://192.0.2.8:3128"}, ("192.0.2.8",)),
    ],
)
async def test_the_server_is_reached_at_its_own_address_or_its_proxys(
    tmp_path: Path, cluster: dict[str, Any], expected: tuple[str, ...]
) -> None:
    async with from_file(write_kubeconfig(tmp_path / "config", cluster)) as client:
        assert await addresses_of_server(client) == expected


MACHINE = Needed(
    ("192.0.2.6",),
    {"192.0.2.1": "a gateway of this machine", "10.96.0.10": "a name server of this machine"},
    ("192.168.0.0/24", "fd00:1::/64"),
)
EXTERNAL, CLUSTER = ListenerKind.EXTERNAL_IP, ListenerKind.CLUSTER_IP


@pytest.mark.parametrize(
    ("address", "kind", "why"),
    [
        ("192.0.2.6", EXTERNAL, "the API server is reached there"),
        ("192.0.2.6", CLUSTER, "the API server is reached there"),
        ("192.0.2.1", EXTERNAL, "it is a gateway of this machine"),
        (
            "192.168.0.50",
            EXTERNAL,
            "it is in 192.168.0.0/24, this machine's own network, where another host may have it",
        ),
        ("fd00:1::9", EXTERNAL, "it is in fd00:1::/64, this machine's own network, where another host may have it"),
        ("10.96.0.10", CLUSTER, ""),
        ("198.51.100.7", EXTERNAL, ""),
    ],
)
def test_a_machine_needs_what_it_reaches_there_but_for_cluster_ips(address: str, kind: ListenerKind, why: str) -> None:
    assert MACHINE.why(address, kind) == why


def test_what_the_machine_needs_is_never_made_local_and_no_command_for_that_is_said() -> None:
    said: list[str] = []
    config = ProxyConfig(node_name="node-1")
    node = OwnNode("node-1", ("127.0.0.1",), (), ("10.96.0.0/12",), MACHINE, sees_others=True)
    proxier = Proxier(config)
    proxier.nodes.update(ObjectKey("", "node-1"), build_node("node-1", "192.168.0.101"))
    localizer = _localizer(config, node, None, said.append)
    for ports in ([{"port": 80}], [{"port": 81}]):
        spec: dict[str, Any] = {"externalIPs": ["192.0.2.1", "198.51.100.7"], "ports": ports}
        proxier.services.update(ObjectKey("default", "web"), service("web", "10.96.0.20", **spec))
        proxier.endpoints.update(ObjectKey("default", "web-1"), slice_of("web", ["10.244.1.2"]))
        localizer.prepare(proxier.sync())
    left, mended = said
    assert left == (
        "192.0.2.1 (externalIP of default/web) stays as it is, and the Service does not answer there: "
        "it is a gateway of this machine"
    )
    assert mended.startswith("198.51.100.7 (externalIP of default/web) is not local to this machine: `sudo ip route")


class Routes:
    """Stands for the machine's routes: keeps what is local."""

    left_over = ()

    def __init__(self) -> None:
        self.local: set[str] = set()

    def add(self, cidrs: Collection[str]) -> None:
        self.local.update(cidrs)

    def forget(self, cidrs: Collection[str]) -> None:
        self.local.difference_update(cidrs)


def test_the_address_of_a_node_that_joins_is_local_no_longer() -> None:
    said: list[str] = []
    config = ProxyConfig(node_name="node-1")
    routes: Any = Routes()
    needed = Needed()
    proxier = Proxier(config)
    proxier.nodes.update(ObjectKey("", "node-1"), build_node("node-1", "192.168.0.101"))
    node = OwnNode("node-1", ("127.0.0.1",), (), (), needed, sees_others=True)
    localizer = _localizer(config, node, routes, said.append)
    spec: dict[str, Any] = {"externalIPs": ["198.51.100.7", "198.51.100.8"], "ports": [{"port": 80}]}
    proxier.services.update(ObjectKey("default", "web"), service("web", "10.96.0.20", **spec))
    proxier.endpoints.update(ObjectKey("default", "web-1"), slice_of("web", ["10.244.1.2"]))
    localizer.prepare(proxier.sync())
    assert {"198.51.100.7", "198.51.100.8"} <= routes.local
    for _ in range(2):
        localizer.note_node("node-9", {"198.51.100.7": "the address of node node-9"})
    assert "198.51.100.7" not in routes.local
    assert "198.51.100.8" in routes.local
    assert said[-1] == (
        "198.51.100.7 (externalIP of default/web) stays as it is, and the Service does not answer there: "
        "it is the address of node node-9"
    )
    localizer.note_node("node-9", {})
    assert needed.why("198.51.100.7", EXTERNAL) == ""


def test_a_node_is_kept_with_its_names_and_addresses_alone() -> None:
    node = build_node("node-2", "192.168.0.102")
    kept = slim_node({**node, "spec": {"podCIDR": "10.0.0.0/24"}})
    assert set(kept) == {"metadata", "status"}
    assert addresses_of_others([kept], "node-1") == {"192.168.0.102": "the address of node node-2"}


def test_other_nodes_are_known_by_all_their_addresses() -> None:
    nodes = [build_node("node-1", "192.168.0.101"), build_node("node-2", "192.168.0.102")]
    assert addresses_of_others(nodes, "node-1") == {"192.168.0.102": "the address of node node-2"}


class Answers:
    """Stands for an API server's client: gives one answer after the other."""

    def __init__(self, *answers: JSON | Exception) -> None:
        self.answers = list(answers)

    async def get(self, _path: str, _params: object) -> JSON:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_ranges_are_waited_for_as_the_node_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubesvc.remote.proxy.node.POLL_SECONDS", 0)
    said: list[str] = []
    ranges = {"items": [build("ServiceCIDR", "kubernetes", spec={"cidrs": ["10.96.0.0/12"]})]}
    cut, busy = ConnectionError("cut"), StatusError(503, "ServiceUnavailable", "busy")
    client: Any = Answers(cut, cut, busy, ranges)
    assert await find_service_cidrs(client, said.append) == ("10.96.0.0/12",)
    assert said == ["cut; trying again", "busy; trying again"]


@pytest.mark.parametrize("code", [403, 404])
async def test_a_server_without_ranges_is_not_waited_for(code: int) -> None:
    client: Any = Answers(StatusError(code, "No", "no"))
    assert await find_service_cidrs(client, print) == ()


async def test_who_may_not_list_nodes_is_told_what_that_means() -> None:
    said: list[str] = []
    client: Any = Answers(StatusError(403, "Forbidden", "nodes is forbidden"))
    assert await find_other_nodes(client, "node-1", said.append) is None
    assert said == ["nodes is forbidden; so a Service that has the address of another node is not told from others"]

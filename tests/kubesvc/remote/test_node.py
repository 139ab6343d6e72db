"""A Service that has the API server's address does not cut the node off from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kubeclient.following import from_file, write_kubeconfig
from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.objects import build_node

from kubeapi.meta import ObjectKey
from kubeproxy.config import ProxyConfig
from kubeproxy.proxier import Proxier
from kubesvc.remote.node import addresses_of_server
from kubesvc.remote.proxy import OwnNode, _localizer


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


def test_its_address_is_never_made_local_and_no_command_for_that_is_said() -> None:
    said: list[str] = []
    config = ProxyConfig(node_name="node-1")
    node = OwnNode("node-1", ("127.0.0.1",), (), ("10.96.0.0/12",), ("192.0.2.6",))
    proxier = Proxier(config)
    proxier.nodes.update(ObjectKey("", "node-1"), build_node("node-1", "192.168.0.101"))
    external = ["192.0.2.6", "192.0.2.7"]
    proxier.services.update(ObjectKey("default", "web"), service("web", "10.96.0.20", externalIPs=external))
    proxier.endpoints.update(ObjectKey("default", "web-1"), slice_of("web", ["10.244.1.2"]))
    _localizer(config, node, None, said.append).prepare(proxier.sync())
    assert [line.split()[0] for line in said] == ["192.0.2.7"]

"""Which pods cannot be on one node as they ask for the same port of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build_pod

from kubeapi.meta import JSON
from kubelet.pod.hostports import asks_for_taken_ports


def pod(**port: Any) -> JSON:
    return build_pod("web", {"name": "c", "ports": [{"containerPort": 80, "protocol": "TCP", **port}]})


@pytest.mark.parametrize(
    ("one", "other", "is_taken"),
    [
        pytest.param({"hostPort": 80}, {"hostPort": 80}, True, id="the same"),
        pytest.param({"hostPort": 80}, {"hostPort": 81}, False, id="another port"),
        pytest.param({"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}, False, id="another protocol"),
        pytest.param({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80}, True, id="one address of all"),
        pytest.param(
            {"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80, "hostIP": "10.0.0.2"}, False, id="two addresses"
        ),
        pytest.param({}, {}, False, id="none"),
    ],
)
def test_a_port_of_the_node_is_one_pods(one: JSON, other: JSON, is_taken: bool) -> None:
    assert asks_for_taken_ports(pod(**one), [pod(**other)]) is is_taken

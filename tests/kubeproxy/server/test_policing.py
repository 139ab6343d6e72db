"""NetworkPolicies of a proxy: told about where they do not hold, and nothing is done while there are none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from socket import SocketType
from typing import Any

import pytest
from tests.helpers.kubeproxy.policyworld import PolicyWorld

from kubeapi.failures import Failures
from kubeapi.meta import ObjectKey
from kubeapi.scheme import NAMESPACES, NETWORKPOLICIES
from kubehost.io.places import HOST
from kubeproxy.config import ProxyConfig
from kubeproxy.server.policing import NOT_ENFORCED, Policing
from kubeproxy.trackers import PolicyTracker
from kubeproxy.types import subject_of

KERNEL = "kubeproxy.nft.io.policing"


class _Network:
    """The host, and a network of pods whose kernel has no netfilter."""

    def __init__(self, *, has_pods: bool = True) -> None:
        self.places = (HOST, self) if has_pods else (HOST,)

    def socket(self, _family: int, _kind: int, _protocol: int = 0) -> SocketType:
        raise OSError(93, "Protocol not supported")


class Lab:
    """A proxy's policies, and what was recorded of which object."""

    def __init__(self, *, has_pods: bool = True, follows_policies: bool = True) -> None:
        self.world = PolicyWorld()
        self.events: list[tuple[Any, ...]] = []
        dependencies: Any = type("Dependencies", (), {"network": _Network(has_pods=has_pods), "failures": Failures()})
        self.policing = Policing(ProxyConfig(follows_policies=follows_policies), dependencies, self._record)

    def _record(self, key: ObjectKey, *event: str) -> None:
        self.events.append((subject_of(key), *event))

    def sync(self) -> None:
        """Give the changes to the policies' keeper, as the proxy does."""
        self.policing.apply(self.world.proxier.sync())


@pytest.fixture(autouse=True)
def _is_not_loaded() -> Iterator[None]:
    sys.modules.pop(KERNEL, None)
    yield


def test_without_policies_no_code_for_them_is_loaded() -> None:
    lab = Lab()
    lab.world.add_pod("shop/web", "127.244.1.10", {})
    lab.sync()
    lab.policing.renew()
    assert KERNEL not in sys.modules
    assert lab.policing.problems() == []


def test_a_kernel_that_refuses_is_told_on_each_policy_once() -> None:
    lab = Lab()
    for name in ("shop/a", "shop/b"):
        lab.world.set_policy(name, {})
    lab.sync()
    lab.world.add_pod("shop/web", "127.244.1.10", {})
    lab.sync()
    (problem,) = lab.policing.problems()
    assert problem == "NetworkPolicies do not hold: the kernel refuses their rules (Protocol not supported)"
    found = [(resource, key.name, reason, text) for (resource, key), _, reason, text in lab.events]
    assert found == [(NETWORKPOLICIES, name, NOT_ENFORCED, problem) for name in ("a", "b")]


def test_their_end_ends_the_problem() -> None:
    lab = Lab()
    lab.world.set_policy("shop/a", {})
    lab.sync()
    lab.world.set_policy("shop/a", None)
    lab.sync()
    assert lab.policing.problems() == []


def test_what_is_followed_depends_on_where_pods_are() -> None:
    tracker = PolicyTracker()

    def followed(**settings: bool) -> list[Any]:
        return [resource for resource, _ in Lab(**settings).policing.followed(tracker)]

    assert followed() == [NETWORKPOLICIES, NAMESPACES]
    assert followed(has_pods=False) == [NETWORKPOLICIES]
    assert followed(follows_policies=False) == []

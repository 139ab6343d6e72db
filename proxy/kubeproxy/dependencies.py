"""What the process gives to a proxy: addresses, time, chance and a place for failures. Tests give it their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubeapi.failures import Failures
from kubehost.network import Network
from kubeproxy.balancers import Rng
from kubeproxy.proxier import Sync
from kubeproxy.tunnels import OpenTunnel


class Staleness(NamedTuple):
    """What the proxy knows is ``seconds`` old (infinite before the first answer), and why it is no newer."""

    seconds: float
    problem: str


def _nothing(sync: Sync) -> None:
    del sync


def _never() -> Staleness | None:
    return None


class ProxyDependencies(NamedTuple):
    """``clock`` gives monotonic seconds.

    ``prepare`` is called with each change of the rules before it is obeyed. ``stale`` says how old the source's objects
    are, None while they are new. ``open_tunnel`` opens the tunnels to endpoints, None where there are none.
    """

    network: Network
    clock: Callable[[], float]
    rng: Rng
    failures: Failures
    prepare: Callable[[Sync], None] = _nothing
    stale: Callable[[], Staleness | None] = _never
    open_tunnel: OpenTunnel | None = None

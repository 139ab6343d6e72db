"""What the process gives to a proxy: addresses, time, chance and a place for failures. Tests give it their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubeapi.failures import Failures
from kubehost.network import Network
from kubeproxy.balancers import Rng


class ProxyDependencies(NamedTuple):
    """``clock`` gives monotonic seconds."""

    network: Network
    clock: Callable[[], float]
    rng: Rng
    failures: Failures

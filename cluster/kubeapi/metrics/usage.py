"""What containers use of the machine: the language of metrics.k8s.io, between the kubelet and its clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from kubeapi.meta import ObjectKey

GROUP = "metrics.k8s.io"


class ContainerUsage(NamedTuple):
    """What one container uses: billionths of a CPU, as its share of the window, and bytes of memory.

    ``untold`` are those of the two, ``cpu`` and ``memory``, of which a server says nothing.
    """

    name: str
    nanocores: int
    memory: int
    untold: frozenset[str] = frozenset()


class PodUsage(NamedTuple):
    """What the running containers of a pod used in the ``window`` seconds before ``time`` (seconds since the epoch)."""

    time: float
    window: float
    containers: tuple[ContainerUsage, ...]


Usage = Callable[[], Mapping[ObjectKey, PodUsage]]
"""Returns what every running pod uses now."""


def no_usage() -> Mapping[ObjectKey, PodUsage]:
    """Return nothing: no kubelet of this cluster runs pods."""
    return {}

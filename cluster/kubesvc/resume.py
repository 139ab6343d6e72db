"""What a saved cluster is when it starts again: the same objects, and pods that nobody runs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from kubeapi.meta import JSON
from kubeapi.scheme import NODES, PODS, Resource
from kubeapi.store import Store
from kubelet.reboot import after_reboot
from kubesvc.persistence import Saved

VERSION_GAP = 100_000
"""What a client may have seen before a crash was not all on disk: the counter goes on beyond all of it."""


def resumed_store(saved: Saved, nodes: Collection[str], now: float, clock: Callable[[], float] = lambda: 0.0) -> Store:
    """Return a Store that goes on where the saved one ended; what was on a node that is no more is gone with it.

    ``now`` is in seconds since the epoch; ``clock`` is the Store's own.
    """
    return Store.restored(saved.resource_version + VERSION_GAP, _resumed(saved, nodes, now), clock=clock)


def _resumed(saved: Saved, nodes: Collection[str], now: float) -> Iterator[tuple[Resource, JSON]]:
    for resource, obj in saved.objects:
        if resource is PODS:
            if obj["spec"].get("nodeName", "") in ("", *nodes):
                yield resource, after_reboot(obj, now)
        elif resource is not NODES or obj["metadata"]["name"] in nodes:
            yield resource, obj

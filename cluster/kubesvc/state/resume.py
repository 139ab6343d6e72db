"""A saved cluster when it starts again: the same objects, and pods that do not run yet. Pure.

Objects that the new input does not name start again, too, as after a reboot of a real cluster; a sentence says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, ObjectKey, annotations_of, controller_of, key_of, labels_of
from kubeapi.objects.endpointslice import MANAGED_BY_LABEL
from kubeapi.objects.parts import spec_of
from kubeapi.objects.persistentvolume import PROVISIONED_BY
from kubeapi.registry.bootstrap import is_own
from kubeapi.scheme import NODES, PODS, SERVICES, Resource
from kubeapi.store import Store
from kubeapi.validation.addresses import parse_address
from kubecontroller.service import endpoints
from kubelet.pod.machine.reboot import after_reboot
from kubemanifest.documents import Document
from kubesvc.state.saved import Lost, Saved
from kubesvc.wording import counted, listed

VERSION_GAP = 100_000
"""Added to the saved resourceVersion: clients may have seen versions that a crash kept from the disk."""


def resumed_store(saved: Saved, nodes: Collection[str], now: float, clock: Callable[[], float] = lambda: 0.0) -> Store:
    """Return a Store that goes on where the saved one ended, without the pods of nodes that are gone.

    ``now`` is in seconds since the epoch; ``clock`` is the Store's own.
    """
    return Store.restored(saved.resource_version + VERSION_GAP, _resumed(saved, nodes, now), clock=clock)


def _resumed(saved: Saved, nodes: Collection[str], now: float) -> Iterator[tuple[Resource, JSON]]:
    for resource, obj in saved.objects:
        change = _CHANGED.get(resource)
        resumed = change(obj, nodes, now) if change is not None else obj
        if resumed is not None:
            yield resource, resumed


def _resumed_node(node: JSON, nodes: Collection[str], now: float) -> JSON | None:
    """Return a Node without its pod CIDRs: the configuration may have changed, and a Node's may not."""
    if node["metadata"]["name"] not in nodes:
        return None
    return {**node, "spec": {name: each for name, each in spec_of(node).items() if name not in ("podCIDR", "podCIDRs")}}


def _resumed_pod(pod: JSON, nodes: Collection[str], now: float) -> JSON | None:
    """Return the pod as it is before its node runs it; one with an unreadable status begins anew."""
    if pod["spec"].get("nodeName", "") not in ("", *nodes):
        return None
    try:
        return after_reboot(pod, now)
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
        return {**pod, "status": {"phase": "Pending"}}


_CHANGED: dict[Resource, Callable[[JSON, Collection[str], float], JSON | None]] = {
    NODES: _resumed_node,
    PODS: _resumed_pod,
}
"""How an object changes when its cluster starts again with other ``nodes``; None for one that is gone."""

_MOST_NAMED = 6
_MOST_LOST = 20


def goes_on(name: str, saved: Saved, documents: Iterable[Document]) -> str:
    """Return a sentence about the objects that start again without being in the input, "" if there are none."""
    named = {(each.resource, each.key) for each in documents}
    left = sorted(
        ((resource, key_of(obj)) for resource, obj in saved.objects if _is_the_users(resource, obj)),
        key=lambda each: (-kind_of(each[0]).apply_rank, each[1]),
    )
    if not (left := [each for each in left if each not in named]):
        return ""
    option = "" if name == "default" else f" --name {name}"
    origin = f", from {listed(saved.origins)}" if saved.origins else ""
    return (
        f'cluster "{name}" starts with {counted(len(left), "object")} of earlier runs{origin}: '
        f"{listed((_shown(*each) for each in left), _MOST_NAMED)}; "
        f"to start without them: `kubesvc down --purge{option}` before `kubesvc up`"
    )


def outside_subnets(saved: Saved, service_cidrs: str) -> str:
    """Return a sentence about Services with cluster IPs outside the subnets, which have changed; "" without any."""
    subnets = [ip_network(each) for each in service_cidrs.split(",")]
    outside = sorted(
        f"{key_of(obj)} ({address})"
        for obj in saved.of(SERVICES)
        for address in obj["spec"].get("clusterIPs") or ()
        if (parsed := parse_address(address)) is not None and not any(parsed in each for each in subnets)
    )
    if not outside:
        return ""
    return (
        f"{counted(len(outside), 'Service keeps a cluster IP', 'Services keep cluster IPs')} outside the serviceSubnet "
        f"{service_cidrs}: {listed(outside, _MOST_NAMED)}; delete and apply again what should be inside"
    )


def without(lost: Sequence[Lost], path: Path) -> list[str]:
    """Return a sentence for each saved object that cannot be read; ``path`` is the file that keeps them."""
    said = [f"the saved {each} cannot be read: the cluster starts without it; it is kept in {path}" for each in lost]
    more = len(said) - _MOST_LOST
    return [*said[:_MOST_LOST], *([f"... and {more:,} more saved objects"] if more > 0 else [])]


def _shown(resource: Resource, key: ObjectKey) -> str:
    group = f".{resource.group}" if resource.group else ""
    namespace = f" in {key.namespace}" if key.namespace not in ("", "default") else ""
    return f"{resource.kind.lower()}{group}/{key.name}{namespace}"


def _is_the_users(resource: Resource, obj: JSON) -> bool:
    """Tell whether a user made the object, rather than a controller or the cluster itself."""
    if not kind_of(resource).is_authored or controller_of(obj) is not None or is_own(obj):
        return False
    if PROVISIONED_BY in annotations_of(obj):
        return False
    return not labels_of(obj).keys() & {MANAGED_BY_LABEL, endpoints.MANAGED_BY_LABEL}

"""ServiceCIDRs: their finalizer and their condition Ready; and the IPAddress of every cluster IP.

Pure. A ServiceCIDR stays as long as an address is in no other one. Follows k8s.io/kubernetes
``pkg/controller/servicecidrs``, ``pkg/controlplane/controller/defaultservicecidr`` and ``repairip.go`` of the
ipallocator. The real controller waits for ten seconds before it lets go; here no allocator is behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import chain

from kubeapi.meta import JSON, ObjectKey, format_time, is_terminating, key_of
from kubeapi.objects.conditions import find_condition, with_condition
from kubeapi.objects.parts import list_at, status_of
from kubeapi.objects.service import HEADLESS
from kubeapi.objects.servicecidr import (
    DEFAULT_NAME,
    FINALIZER,
    READY_MESSAGE,
    is_allocated,
    new_ip_address,
    read_cidrs,
    service_of_address,
)
from kubeapi.scheme import IPADDRESSES, SERVICECIDRS, SERVICES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import WARNING, Change, Create, RecordEvent, Update, UpdateStatus
from kubecontroller.listers import Listers

_BLOCKED = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"

Network = IPv4Network | IPv6Network


def reconcile(obj: JSON, others: Sequence[JSON], addresses: Iterable[str], now: float) -> list[Change]:
    """Return the writes that a ServiceCIDR needs; ``others`` are all the other ones, ``addresses`` all allocated."""
    finalizers = list(list_at(obj, "metadata", "finalizers"))
    if not is_terminating(obj):
        kept = [] if FINALIZER in finalizers else [_with_finalizers(obj, [*finalizers, FINALIZER])]
        return [*kept, *_condition(obj, "True", "", READY_MESSAGE, now)]
    if FINALIZER not in finalizers:
        return []
    if _can_go(obj, others, addresses):
        return [_with_finalizers(obj, [each for each in finalizers if each != FINALIZER])]
    return _condition(obj, "False", "Terminating", _BLOCKED, now)


def _with_finalizers(obj: JSON, finalizers: list[str]) -> Change:
    return Update(SERVICECIDRS, {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}})


def _condition(obj: JSON, status: str, reason: str, message: str, now: float) -> list[Change]:
    found = find_condition(obj, "Ready")
    if found and (found["status"], found.get("reason", ""), found.get("message")) == (status, reason, message):
        return []
    condition = {"type": "Ready", "status": status, "reason": reason, "message": message}
    stamped = {**condition, "lastTransitionTime": format_time(now)}
    return [UpdateStatus(SERVICECIDRS, {**obj, "status": with_condition(status_of(obj), stamped)})]


def _can_go(obj: JSON, others: Sequence[JSON], addresses: Iterable[str]) -> bool:
    """Tell whether every allocated address of a ServiceCIDR is in another one too."""
    own, rest = _networks([obj]), _networks(others)
    if all(any(_has_network(each, network) for each in rest) for network in own):
        return True
    return not any(_has(own, each) and not _has(rest, each) for each in addresses)


def _networks(objects: Iterable[JSON]) -> list[Network]:
    return [ip_network(cidr) for cidr in chain.from_iterable(map(read_cidrs, objects))]


def _has_network(larger: Network, network: Network) -> bool:
    return larger.version == network.version and larger.overlaps(network) and larger.prefixlen <= network.prefixlen


def _has(networks: Iterable[Network], address: str) -> bool:
    """Tell whether an address can be allocated from one of the networks: their first one, and the last, cannot."""
    parsed = ip_address(address)
    return any(
        parsed in each and parsed != each.network_address and (each.version == 6 or parsed != each.broadcast_address)
        for each in networks
    )


class ServiceCIDRController:
    """Reconciles the ServiceCIDRs that a change concerns, and brings the configuration's one back."""

    name = "service-cidr-controller"
    resource = SERVICECIDRS
    watches = (SERVICECIDRS, IPADDRESSES)

    def __init__(self, listers: Listers, configured: Sequence[str]) -> None:
        self._listers = listers
        self._configured = list(configured)

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the changed one, and those that wait for what has changed."""
        waiting = [key_of(each) for each in self._listers.store.list(SERVICECIDRS) if is_terminating(each)]
        return waiting if resource is IPADDRESSES else dict.fromkeys((delta.key, *waiting))

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        store = self._listers.store
        found, every = store.find(SERVICECIDRS, key), store.list(SERVICECIDRS)
        if found is not None:
            addresses = [each["metadata"]["name"] for each in store.list(IPADDRESSES) if is_allocated(each)]
            return reconcile(found, [each for each in every if key_of(each) != key], addresses, now)
        if key.name != DEFAULT_NAME or not self._configured:
            return []
        fields = {"apiVersion": SERVICECIDRS.api_version, "kind": SERVICECIDRS.kind, "metadata": {"name": key.name}}
        return [Create(SERVICECIDRS, {**fields, "spec": {"cidrs": self._configured}})]


class IPAddressRepairController:
    """Creates the IPAddress of a Service again if somebody has deleted it."""

    name = "ipallocator-repair-controller"
    resource = SERVICES
    watches = (IPADDRESSES,)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Service whose IPAddress has gone."""
        if delta.new is not None or delta.old is None or not is_allocated(delta.old):
            return []
        service = service_of_address(delta.old)
        return [service] if service else []

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        store = self._listers.store
        service = store.find(SERVICES, key)
        changes: list[Change] = []
        for each in list_at(service, "spec", "clusterIPs") if service else ():
            if service and each != HEADLESS and store.find(IPADDRESSES, ObjectKey("", each)) is None:
                text = f"Cluster IP [IPv{ip_address(each).version}]: {each} is not allocated; repairing"
                changes.append(RecordEvent(service, WARNING, "ClusterIPNotAllocated", text))
                changes.append(Create(IPADDRESSES, new_ip_address(each, key)))
        return changes

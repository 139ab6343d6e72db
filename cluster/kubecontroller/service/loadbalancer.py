"""LoadBalancer Services: each gets an address of the pool, in place of a cloud's load balancer.

Pure: the Services' statuses say which addresses are taken, so nothing is lost when the cluster starts again. A Service
with a loadBalancerClass belongs to another controller; an ingress that a user has written into a status (another
ipMode, a hostname) stays. Follows k8s.io/cloud-provider ``controllers/service``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network

from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.objects.ingress import ingress_addresses
from kubeapi.objects.parts import list_at, status_of
from kubeapi.objects.service import HEADLESS, load_balancer_addresses, load_balancer_ingresses
from kubeapi.scheme import INGRESSES, IPADDRESSES, SERVICES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent, Update, UpdateStatus
from kubecontroller.listers import Listers

LOAD_BALANCER = "LoadBalancer"
CLEANUP_FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
"""Keeps a Service until its load balancer is gone, as a cloud's controller has it."""


def reconcile(
    service: JSON, pool: str, is_taken: Callable[[str], bool], is_claimed: Callable[[str], bool]
) -> list[Change]:
    """Return the writes that give the Service its address, or remove it.

    ``is_taken`` tells whether another Service has an address, ``is_claimed`` whether its manifest says so.
    """
    spec = service["spec"]
    if is_terminating(service) or spec.get("type") != LOAD_BALANCER or spec.get("loadBalancerClass"):
        return _cleanup(service)
    present, requested = load_balancer_ingresses(service), spec.get("loadBalancerIP")
    kept = _with_finalizer(service)
    if present and requested in {None, "", present[0].get("ip")} and not _must_move(service, pool, is_claimed):
        return kept
    ensuring = RecordEvent(service, NORMAL, "EnsuringLoadBalancer", "Ensuring load balancer")
    address = requested or next((str(each) for each in ip_network(pool).hosts() if not is_taken(str(each))), "")
    if fault := _why_not(service, address, pool, is_taken):
        return [ensuring, *kept, _failure(service, fault)]
    ensured = RecordEvent(service, NORMAL, "EnsuredLoadBalancer", "Ensured load balancer")
    return [ensuring, *kept, _with_ingress(service, [{"ip": address, "ipMode": "VIP"}]), ensured]


def _why_not(service: JSON, address: str, pool: str, is_taken: Callable[[str], bool]) -> str:
    """Return why the Service cannot have the address ("": none is left), "" if it can."""
    if "IPv4" not in service["spec"].get("ipFamilies", ("IPv4",)):
        return f"the pool {pool} has no IPv6 addresses"
    if not address:
        return f"no address is left in the pool {pool}"
    return f"the address {address} is in use by another Service, or by Ingresses" if is_taken(address) else ""


def _must_move(service: JSON, pool: str, is_claimed: Callable[[str], bool]) -> bool:
    """Tell whether another Service now claims the pool's address, so that this one gets another.

    In a cluster the two networks differ; here the external address 203.0.113.7 is 127.0.113.7, which may be the pool's.
    """
    addresses = load_balancer_addresses(service)[:1] if not service["spec"].get("loadBalancerIP") else []
    return any(is_claimed(each) and ip_address(each) in ip_network(pool) for each in addresses)


def _cleanup(service: JSON) -> list[Change]:
    """Return the writes that take the load balancer from a Service that has one and wants none (needsCleanup).

    The status comes first, since a Service may go with its finalizer.
    """
    is_due = bool(load_balancer_ingresses(service)) and service["spec"].get("type") != LOAD_BALANCER
    emptied = [_with_ingress(service, [])] if is_due and not is_terminating(service) else []
    finalizers = list_at(service, "metadata", "finalizers")
    if CLEANUP_FINALIZER not in finalizers:
        return emptied
    deleting = RecordEvent(service, NORMAL, "DeletingLoadBalancer", "Deleting load balancer")
    deleted = RecordEvent(service, NORMAL, "DeletedLoadBalancer", "Deleted load balancer")
    kept = [each for each in finalizers if each != CLEANUP_FINALIZER]
    return [deleting, *emptied, _with_finalizers(service, kept), deleted]


def _with_finalizer(service: JSON) -> list[Change]:
    finalizers = list_at(service, "metadata", "finalizers")
    return [] if CLEANUP_FINALIZER in finalizers else [_with_finalizers(service, [*finalizers, CLEANUP_FINALIZER])]


def _with_finalizers(service: JSON, finalizers: list[str]) -> Change:
    return Update(SERVICES, {**service, "metadata": {**service["metadata"], "finalizers": finalizers}})


def is_pending(service: JSON) -> bool:
    """Tell whether the Service still waits for an address of the pool."""
    spec = service["spec"]
    is_ours = spec.get("type") == LOAD_BALANCER and not spec.get("loadBalancerClass")
    return bool(is_ours and not load_balancer_ingresses(service))


def _with_ingress(service: JSON, ingress: list[JSON]) -> Change:
    load_balancer = {"ingress": ingress} if ingress else {}
    return UpdateStatus(SERVICES, {**service, "status": {**status_of(service), "loadBalancer": load_balancer}})


def _failure(service: JSON, reason: str) -> Change:
    text = f"Error syncing load balancer: failed to ensure load balancer: {reason}"
    return RecordEvent(service, WARNING, "SyncLoadBalancerFailed", text)


class LoadBalancerController:
    """Reconciles the Services that a change concerns; a freed address concerns all that wait for one."""

    name = "service-controller"
    resource = SERVICES
    watches = (SERVICES, INGRESSES)

    def __init__(self, listers: Listers, pool: str) -> None:
        self._listers = listers
        self._pool = pool
        self._network = ip_network(pool)

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Services to reconcile after a change."""
        if resource == INGRESSES:
            return self._pending() if delta.old is not None and ingress_addresses(delta.old) else []
        is_concerned = delta.new is not None and _concern(delta.new) != (_concern(delta.old) if delta.old else None)
        keys = [delta.key] if is_concerned else []
        before, after = (self._held(each) if each else set() for each in (delta.old, delta.new))
        for claimed in after - before:
            keys += [each for each in self._listers.load_balancers.having(claimed) if each != delta.key]
        if before - after:
            keys += self._pending()
        return keys

    def _pending(self) -> list[ObjectKey]:
        return [key_of(each) for each in self._listers.store.list(SERVICES) if is_pending(each)]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        service = self._listers.store.find(SERVICES, key)
        if service is None:
            return []

        def is_claimed(address: str) -> bool:
            if self._listers.store.find(IPADDRESSES, ObjectKey("", address)) is not None:
                return True  # a ServiceCIDR may overlap the pool
            return any(holder != key for holder in self._listers.external_ips.having(address))

        def is_taken(address: str) -> bool:
            holders = self._listers.load_balancers.having(address)
            is_of_ingresses = bool(self._listers.ingresses.having(address))
            return is_of_ingresses or is_claimed(address) or any(holder != key for holder in holders)

        return reconcile(service, self._pool, is_taken, is_claimed)

    def _held(self, service: JSON) -> set[str]:
        """Return the addresses that a Service has or claims; of its cluster IPs those of the pool."""
        spec = service["spec"]
        cluster_ips = {each for each in list_at(spec, "clusterIPs") if each != HEADLESS}
        in_pool = {each for each in cluster_ips if ip_address(each) in self._network}
        return {*load_balancer_addresses(service), *list_at(spec, "externalIPs"), *in_pool}


def _concern(service: JSON) -> tuple[object, ...]:
    """Return the fields of a Service on which its address depends."""
    spec = service["spec"]
    wishes = (spec.get("type"), spec.get("loadBalancerClass"), spec.get("loadBalancerIP"), spec.get("ipFamilies"))
    is_kept = CLEANUP_FINALIZER in list_at(service, "metadata", "finalizers")
    deletion = is_kept, is_terminating(service)
    present = len(load_balancer_ingresses(service)), tuple(load_balancer_addresses(service))
    return (*wishes, *deletion, *present, service["metadata"].get("uid"))

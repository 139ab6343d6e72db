"""LoadBalancer Services: each gets an address of the pool, in place of a cloud's load balancer.

Pure: the Services' statuses say which addresses are taken, so nothing is lost when the cluster starts again. A Service
with a loadBalancerClass belongs to another controller; an ingress that a user has written into a status (another
ipMode, a hostname) stays. Follows k8s.io/cloud-provider ``controllers/service``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network

from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.objects.parts import list_at, status_of
from kubeapi.objects.service import load_balancer_ingresses
from kubeapi.scheme import SERVICES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent, Update, UpdateStatus
from kubecontroller.listers import Listers

LOAD_BALANCER = "LoadBalancer"
CLEANUP_FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
"""Keeps a Service until its load balancer is gone. A cloud's controller adds it; this one only removes it."""


def reconcile(
    service: JSON, pool: str, is_taken: Callable[[str], bool], is_claimed: Callable[[str], bool]
) -> list[Change]:
    """Return the writes that give the Service its address, or remove it.

    ``is_taken`` tells whether another Service has an address, ``is_claimed`` whether it has it in its externalIPs.
    """
    spec = service["spec"]
    present = load_balancer_ingresses(service)
    if is_terminating(service) or spec.get("type") != LOAD_BALANCER:
        is_due = bool(present) and not is_terminating(service)
        return [_with_ingress(service, [])] if is_due else _without_finalizer(service)
    if spec.get("loadBalancerClass"):
        return []
    requested = spec.get("loadBalancerIP")
    if present and requested in {None, "", present[0].get("ip")} and not _must_move(service, pool, is_claimed):
        return []
    ensuring = RecordEvent(service, NORMAL, "EnsuringLoadBalancer", "Ensuring load balancer")
    address = requested or next((str(each) for each in ip_network(pool).hosts() if not is_taken(str(each))), "")
    if fault := _why_not(service, address, pool, is_taken):
        return [ensuring, _failure(service, fault)]
    ensured = RecordEvent(service, NORMAL, "EnsuredLoadBalancer", "Ensured load balancer")
    return [ensuring, _with_ingress(service, [{"ip": address, "ipMode": "VIP"}]), ensured]


def _why_not(service: JSON, address: str, pool: str, is_taken: Callable[[str], bool]) -> str:
    """Return why the Service cannot have the address ("": none is left), "" if it can."""
    if "IPv4" not in service["spec"].get("ipFamilies", ("IPv4",)):
        return f"the pool {pool} has no IPv6 addresses"
    if not address:
        return f"no address is left in the pool {pool}"
    return f"the address {address} is in use by another Service" if is_taken(address) else ""


def _must_move(service: JSON, pool: str, is_claimed: Callable[[str], bool]) -> bool:
    """Tell whether another Service now has the pool's address in its externalIPs, so that this one gets another.

    In a cluster the two networks differ; here the external address 203.0.113.7 is 127.0.113.7, which may be the pool's.
    """
    addresses = addresses_of(service)[:1] if not service["spec"].get("loadBalancerIP") else []
    return any(is_claimed(each) and ip_address(each) in ip_network(pool) for each in addresses)


def _without_finalizer(service: JSON) -> list[Change]:
    """Return the write that removes the finalizer of a Service that has no load balancer any more (removeFinalizer)."""
    finalizers = list_at(service, "metadata", "finalizers")
    if CLEANUP_FINALIZER not in finalizers:
        return []
    kept = [each for each in finalizers if each != CLEANUP_FINALIZER]
    return [Update(SERVICES, {**service, "metadata": {**service["metadata"], "finalizers": kept}})]


def addresses_of(service: JSON) -> list[str]:
    """Return the load balancer's addresses in the status."""
    return [each["ip"] for each in load_balancer_ingresses(service) if each.get("ip")]


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
    watches = (SERVICES,)

    def __init__(self, listers: Listers, pool: str) -> None:
        self._listers = listers
        self._pool = pool

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Services to reconcile after a change."""
        is_concerned = delta.new is not None and _concern(delta.new) != (_concern(delta.old) if delta.old else None)
        keys = [delta.key] if is_concerned else []
        before, after = (_held(each) if each else set() for each in (delta.old, delta.new))
        for claimed in after - before:
            keys += [each for each in self._listers.load_balancers.having(claimed) if each != delta.key]
        if before - after:
            keys += [key_of(each) for each in self._listers.store.list(SERVICES) if is_pending(each)]
        return keys

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        service = self._listers.store.find(SERVICES, key)
        if service is None:
            return []

        def is_claimed(address: str) -> bool:
            return any(holder != key for holder in self._listers.external_ips.having(address))

        def is_taken(address: str) -> bool:
            holders = self._listers.load_balancers.having(address)
            is_of_ingresses = bool(self._listers.ingresses.having(address))
            return is_of_ingresses or is_claimed(address) or any(holder != key for holder in holders)

        return reconcile(service, self._pool, is_taken, is_claimed)


def _held(service: JSON) -> set[str]:
    return {*addresses_of(service), *list_at(service, "spec", "externalIPs")}


def _concern(service: JSON) -> tuple[object, ...]:
    """Return the fields of a Service on which its address depends."""
    spec = service["spec"]
    wishes = (spec.get("type"), spec.get("loadBalancerClass"), spec.get("loadBalancerIP"), spec.get("ipFamilies"))
    is_kept = CLEANUP_FINALIZER in list_at(service, "metadata", "finalizers")
    deletion = is_kept, is_terminating(service)
    present = len(load_balancer_ingresses(service)), tuple(addresses_of(service))
    return (*wishes, *deletion, *present, service["metadata"].get("uid"))

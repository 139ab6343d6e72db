"""LoadBalancer Services: an address of the pool each, as a cloud's load balancer would be given.

Pure: which addresses are taken is read off the Services' statuses, so nothing is lost when the cluster starts again.
A Service with a loadBalancerClass is somebody else's, and an ingress that somebody has written into a status (another
ipMode, a hostname) stays. Follows k8s.io/cloud-provider ``controllers/service``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address, ip_network

from kubeapi.informer import Delta
from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.scheme import SERVICES, Resource
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent, Update, UpdateStatus
from kubecontroller.listers import Listers

LOAD_BALANCER = "LoadBalancer"
CLEANUP_FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
"""Keeps a Service until its load balancer is gone. A cloud's controller adds it; we only take it away."""


def reconcile(
    service: JSON, pool: str, is_taken: Callable[[str], bool], is_claimed: Callable[[str], bool]
) -> list[Change]:
    """Return the writes that give the Service its address, or take it back.

    ``is_taken`` tells whether another Service has an address, ``is_claimed`` whether it has it in its externalIPs.
    """
    spec = service["spec"]
    present = _ingresses(service)
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
    fault = ""
    if "IPv4" not in spec.get("ipFamilies", ("IPv4",)):
        fault = f"the pool {pool} has no IPv6 addresses"
    elif not address:
        fault = f"no address is left in the pool {pool}"
    elif is_taken(address):
        fault = f"the address {address} is in use by another Service"
    if fault:
        return [ensuring, _failure(service, fault)]
    ensured = RecordEvent(service, NORMAL, "EnsuredLoadBalancer", "Ensured load balancer")
    return [ensuring, _with_ingress(service, [{"ip": address, "ipMode": "VIP"}]), ensured]


def _must_move(service: JSON, pool: str, is_claimed: Callable[[str], bool]) -> bool:
    """Tell whether the address that the pool gave is by now one that a user wants for another Service.

    In a cluster the two are never of one network; here 203.0.113.7 is 127.0.113.7, which may be the pool's.
    """
    addresses = addresses_of(service)[:1] if not service["spec"].get("loadBalancerIP") else []
    return any(is_claimed(each) and ip_address(each) in ip_network(pool) for each in addresses)


def _without_finalizer(service: JSON) -> list[Change]:
    """Return the write that lets a Service go of which there is no load balancer any more (removeFinalizer)."""
    finalizers = service["metadata"].get("finalizers") or []
    if CLEANUP_FINALIZER not in finalizers:
        return []
    kept = [each for each in finalizers if each != CLEANUP_FINALIZER]
    return [Update(SERVICES, {**service, "metadata": {**service["metadata"], "finalizers": kept}})]


def addresses_of(service: JSON) -> list[str]:
    """Return the addresses that the status already has."""
    return [each["ip"] for each in _ingresses(service) if each.get("ip")]


def _ingresses(service: JSON) -> Sequence[JSON]:
    found: Sequence[JSON] = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return found


def is_pending(service: JSON) -> bool:
    """Tell whether the Service still waits for an address of ours."""
    spec = service["spec"]
    return bool(spec.get("type") == LOAD_BALANCER and not spec.get("loadBalancerClass") and not _ingresses(service))


def _with_ingress(service: JSON, ingress: list[JSON]) -> Change:
    load_balancer = {"ingress": ingress} if ingress else {}
    return UpdateStatus(
        SERVICES, {**service, "status": {**(service.get("status") or {}), "loadBalancer": load_balancer}}
    )


def _failure(service: JSON, reason: str) -> Change:
    text = f"Error syncing load balancer: failed to ensure load balancer: {reason}"
    return RecordEvent(service, WARNING, "SyncLoadBalancerFailed", text)


class LoadBalancerController:
    """Runs ``reconcile`` for the Services that a change concerns; an address that is freed concerns all that wait."""

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
            return is_claimed(address) or any(holder != key for holder in self._listers.load_balancers.having(address))

        return reconcile(service, self._pool, is_taken, is_claimed)


def _held(service: JSON) -> set[str]:
    return {*addresses_of(service), *(service["spec"].get("externalIPs") or ())}


def _concern(service: JSON) -> tuple[object, ...]:
    """Return of a Service what decides over its address."""
    spec = service["spec"]
    wishes = (spec.get("type"), spec.get("loadBalancerClass"), spec.get("loadBalancerIP"), spec.get("ipFamilies"))
    is_kept = CLEANUP_FINALIZER in (service["metadata"].get("finalizers") or ())
    goes = (is_kept, is_terminating(service))
    return (*wishes, *goes, len(_ingresses(service)), tuple(addresses_of(service)), service["metadata"].get("uid"))

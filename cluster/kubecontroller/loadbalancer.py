"""LoadBalancer Services: an address of the pool each, as a cloud's load balancer would be given.

Pure: which addresses are taken is read off the Services' statuses, so nothing is lost when the cluster starts again.
A Service with a loadBalancerClass is somebody else's, and an ingress that somebody has written into a status (another
ipMode, a hostname) stays. Follows k8s.io/cloud-provider ``controllers/service``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network

from kubeapi.informer import Delta
from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.scheme import SERVICES, Resource
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent, UpdateStatus
from kubecontroller.listers import Listers

LOAD_BALANCER = "LoadBalancer"


def reconcile(service: JSON, pool: str, is_taken: Callable[[str], bool]) -> list[Change]:
    """Return the writes that give the Service its address, or take it back.

    ``is_taken`` tells whether another Service has an address.
    """
    spec = service["spec"]
    present = _ingresses(service)
    if spec.get("type") != LOAD_BALANCER:
        return [_with_ingress(service, [])] if present else []
    if spec.get("loadBalancerClass") or is_terminating(service):
        return []
    requested = spec.get("loadBalancerIP")
    if present and requested in {None, "", present[0].get("ip")}:
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
        freed = set(addresses_of(delta.old) if delta.old else ()) - set(addresses_of(delta.new) if delta.new else ())
        if freed:
            keys += [key_of(each) for each in self._listers.store.list(SERVICES) if is_pending(each)]
        return keys

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        service = self._listers.store.find(SERVICES, key)
        return [] if service is None else reconcile(service, self._pool, lambda address: self._is_taken(address, key))

    def _is_taken(self, address: str, key: ObjectKey) -> bool:
        return any(holder != key for holder in self._listers.load_balancers.having(address))


def _concern(service: JSON) -> tuple[object, ...]:
    """Return of a Service what decides over its address."""
    spec = service["spec"]
    wishes = (spec.get("type"), spec.get("loadBalancerClass"), spec.get("loadBalancerIP"), spec.get("ipFamilies"))
    return (*wishes, len(_ingresses(service)), tuple(addresses_of(service)), service["metadata"].get("uid"))

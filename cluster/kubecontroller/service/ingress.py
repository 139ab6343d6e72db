"""Ingresses: those that kubesvc serves get an address of the load balancers' pool, all of them the same one.

Pure: the Ingresses' statuses say which address that is. It is the last one of the pool that no Service has, so that it
hardly ever changes; what is served there is the proxy's business, and so are the events that tell what is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.objects.ingress import (
    HTTP_PORT,
    HTTPS_PORT,
    INGRESS_CONTROLLER,
    class_name_of,
    controller_of_class,
    ingress_addresses,
    is_served_by_kubesvc,
)
from kubeapi.objects.parts import list_at, status_of
from kubeapi.scheme import INGRESSCLASSES, INGRESSES, IPADDRESSES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent, UpdateStatus
from kubecontroller.listers import Listers


def reconcile(ingress: JSON, controller: str | None, address: str, pool: str) -> list[Change]:
    """Return the writes that give an Ingress its address, or take it away.

    ``controller`` is that of its class, None if there is no such class; ``address`` is "" if none is left.
    """
    class_name, present = class_name_of(ingress), list_at(ingress, "status", "loadBalancer", "ingress")
    if not is_served_by_kubesvc(class_name, controller):
        is_ours = any(ip_address(each) in ip_network(pool) for each in ingress_addresses(ingress))
        changes: list[Change] = [_with_addresses(ingress, [])] if is_ours else []
        if controller is None:
            remedy = f"kubesvc does, once that class is there, with the controller {INGRESS_CONTROLLER}"
            text = f"IngressClass {class_name} does not exist: nothing serves this Ingress; {remedy}"
            changes.append(RecordEvent(ingress, WARNING, "IngressClassNotFound", text))
        return changes
    if not address:
        return [RecordEvent(ingress, WARNING, "NoAddress", f"no address is left in the pool {pool}")]
    if present == [{"ip": address}]:
        return []
    text = f"Served at {address}, ports {HTTP_PORT} and {HTTPS_PORT}"
    return [_with_addresses(ingress, [{"ip": address}]), RecordEvent(ingress, NORMAL, "Sync", text)]


def _with_addresses(ingress: JSON, addresses: list[JSON]) -> Change:
    load_balancer = {"ingress": addresses} if addresses else {}
    return UpdateStatus(INGRESSES, {**ingress, "status": {**status_of(ingress), "loadBalancer": load_balancer}})


class IngressController:
    """Reconciles an Ingress when its class or its status changes, and when its class comes or goes."""

    name = "ingress-controller"
    resource = INGRESSES
    watches = (INGRESSES, INGRESSCLASSES)

    def __init__(self, listers: Listers, pool: str) -> None:
        self._listers = listers
        self._pool = pool
        self._hosts = ip_network(pool)

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Ingresses to reconcile after a change."""
        if resource == INGRESSCLASSES:
            ingresses = self._listers.store.list(INGRESSES)
            return [key_of(each) for each in ingresses if class_name_of(each) == delta.key.name]
        if delta.new is None or (delta.old is not None and _concern(delta.old) == _concern(delta.new)):
            return []
        return [delta.key]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        find = self._listers.store.find
        ingress = find(INGRESSES, key)
        if ingress is None or is_terminating(ingress):
            return []
        found = find(INGRESSCLASSES, ObjectKey("", class_name_of(ingress)))
        controller = controller_of_class(found) if found is not None else None
        return reconcile(ingress, controller, self._address(), self._pool)

    def _address(self) -> str:
        """Return the address that Ingresses have already, else the last free one, "" if there is none."""
        kept = (at for each in self._listers.store.list(INGRESSES) for at in ingress_addresses(each))
        found = next((each for each in kept if ip_address(each) in self._hosts and self._is_free(each)), "")
        return found or next(filter(self._is_free, self._last_first()), "")

    def _last_first(self) -> Iterator[str]:
        size = self._hosts.num_addresses
        numbers = range(size - 2, 0, -1) if size > 2 else range(size - 1, -1, -1)
        return (str(self._hosts[each]) for each in numbers)

    def _is_free(self, address: str) -> bool:
        listers = self._listers
        if listers.store.find(IPADDRESSES, ObjectKey("", address)) is not None:
            return False  # a ServiceCIDR may overlap the pool
        return not listers.load_balancers.having(address) and not listers.external_ips.having(address)


def _concern(ingress: JSON) -> tuple[object, ...]:
    return class_name_of(ingress), list_at(ingress, "status", "loadBalancer", "ingress"), ingress["metadata"]["uid"]

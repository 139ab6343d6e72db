"""What a Service keeps, gets and gives back when it is written: cluster IPs and node ports.

Follows pkg/registry/core/service ``storage/storage.go`` and ``strategy.go`` (what is kept, what is wiped) and
``storage/alloc.go`` (what is allocated). All that one request takes is one ``Transaction``, which the Registry commits
or rolls back.
"""

from __future__ import annotations

import random

from kubeapi.allocators import AddressPool, Full, Transaction, port_pool
from kubeapi.defaults import is_externally_accessible
from kubeapi.meta import JSON
from kubeapi.objects.service import HEADLESS
from kubeapi.registry.config import RegistryConfig
from kubeapi.registry.ipfamilies import set_ip_families
from kubeapi.status import FieldError, InternalError, StatusError
from kubeapi.validation.faults import invalid
from kubeapi.validation.service import needs_health_check_node_port


def fill_from_old(spec: JSON, old: JSON) -> None:
    """Keep what the request leaves out, so that sending the same manifest again succeeds (patchAllocatedValues)."""
    if "ExternalName" not in (spec["type"], old["type"]):
        if not spec.get("clusterIP") and old.get("clusterIP"):
            spec["clusterIP"] = old["clusterIP"]
        if not spec.get("clusterIPs") and old.get("clusterIPs"):
            spec["clusterIPs"] = list(old["clusterIPs"])
    if _wants_node_ports(spec) and _wants_node_ports(old):
        used = _node_ports(spec) & _node_ports(old)
        by_name = {port.get("name", ""): port.get("nodePort", 0) for port in old.get("ports", ())}
        for port in spec.get("ports", ()):
            number = by_name.get(port.get("name", ""), 0)
            if not port.get("nodePort") and number and number not in used:
                port["nodePort"] = number
    kept = old.get("healthCheckNodePort", 0)
    if kept and needs_health_check_node_port(spec) and needs_health_check_node_port(old):
        spec["healthCheckNodePort"] = spec.get("healthCheckNodePort") or kept


def normalize_cluster_ips(spec: JSON, old: JSON | None) -> None:
    """Let clusterIPs follow clusterIP, for clients that know only the latter."""
    address, addresses = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    if old is None:
        if address and not addresses:
            spec["clusterIPs"] = [address]
        return
    before = old.get("clusterIPs") or []
    if before and not addresses and address == old.get("clusterIP"):
        spec["clusterIPs"] = list(before)
    elif address != (old.get("clusterIP") or "") and addresses == before:
        spec["clusterIPs"] = [address]
        if not address:
            del spec["clusterIPs"]


def wipe_useless(new: JSON, old: JSON) -> None:
    """Wipe what the new type cannot have, unless the user changed it too (dropTypeDependentFields)."""
    spec, before = new["spec"], old["spec"]
    if spec["type"] == "ExternalName" != before["type"]:
        if all(spec.get(field) == before.get(field) for field in ("clusterIP", "clusterIPs")):
            _drop_unchanged(spec, before, "clusterIP", "clusterIPs")
        _drop_unchanged(spec, before, "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
    is_same = _node_ports(spec) <= _node_ports(before)
    if _may_have_node_ports(before) and not _may_have_node_ports(spec) and is_same:
        for port in spec.get("ports", ()):
            port.pop("nodePort", None)
    if needs_health_check_node_port(before) and not needs_health_check_node_port(spec):
        _drop_unchanged(spec, before, "healthCheckNodePort")
    if before["type"] == "LoadBalancer" != spec["type"]:
        _drop_unchanged(spec, before, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if is_externally_accessible(before) and not is_externally_accessible(spec):
        _drop_unchanged(spec, before, "externalTrafficPolicy")
    if spec["type"] != "LoadBalancer" and new.get("status", {}).get("loadBalancer"):
        new["status"] = {**new["status"], "loadBalancer": {}}


def _drop_unchanged(spec: JSON, old: JSON, *fields: str) -> None:
    for field in fields:
        if spec.get(field) == old.get(field):
            spec.pop(field, None)


def _may_have_node_ports(spec: JSON) -> bool:
    return spec["type"] in ("NodePort", "LoadBalancer")


def _wants_node_ports(spec: JSON) -> bool:
    """Tell whether ports that name no node port get one, or keep theirs."""
    return spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
    )


def _node_ports(spec: JSON) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}


def _held_ports(spec: JSON) -> set[int]:
    """Return the node ports that are the Service's own; one that an ExternalName states is nobody's."""
    return {*(_node_ports(spec) if _may_have_node_ports(spec) else ()), spec.get("healthCheckNodePort", 0)} - {0}


def _addresses(spec: JSON) -> list[str]:
    """Return the cluster IPs that a Service holds."""
    return [each for each in spec.get("clusterIPs", ()) if each != HEADLESS]


class ServiceAllocator:
    """The cluster's addresses and node ports. ``allocate`` only ever takes through the request's transaction."""

    def __init__(self, config: RegistryConfig, rng: random.Random) -> None:
        self._config = config
        self._families = {pool.family: pool for pool in (AddressPool(cidr, rng) for cidr in config.service_cidrs)}
        self._ports = port_pool(*config.node_port_range, rng)

    def adopt(self, service: JSON) -> None:
        """Note what a stored Service holds."""
        spec = service["spec"]
        for address in _addresses(spec):
            for pool in self._families.values():
                number = pool.number_of(address)
                if number in pool.pool:
                    pool.pool.take(number)
        for port in _held_ports(spec):
            if port in self._ports:
                self._ports.take(port)

    def allocate(self, new: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        """Give a Service what it lacks, in place, and return the first fault: of its families, addresses or ports.

        That comes before validation, so the object may be anything that the schema allows. Raises InternalError when
        a range is full or the health-check port cannot be had. What the old object held and the new one does not is
        freed by the transaction's commit.
        """
        spec, before = new["spec"], old["spec"] if old is not None else None
        if before is not None:
            fill_from_old(spec, before)
        normalize_cluster_ips(spec, before)
        faults = (
            set_ip_families(spec, before, self._config.ip_families)
            or self._allocate_addresses(spec, before, transaction)
            or self._allocate_node_ports(spec, before, transaction)
        )
        if not faults:
            self._allocate_health_check_port(spec, before, transaction)
        return faults

    def free_unused(self, spec: JSON, old: JSON, transaction: Transaction) -> None:
        """Free what the old object held and the new one does not, once the transaction is committed."""
        kept = _addresses(spec)
        for address in _addresses(old):
            if address not in kept:
                for pool in self._families.values():
                    transaction.give_back(pool.pool, pool.number_of(address))
        for number in _held_ports(old) - _held_ports(spec):
            transaction.give_back(self._ports, number)

    def release(self, service: JSON) -> None:
        """Free all that a deleted Service held."""
        transaction = Transaction()
        self.free_unused({"type": "ExternalName"}, service["spec"], transaction)
        transaction.commit()

    def _allocate_addresses(self, spec: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        """Allocate all cluster IPs of a Service that had none, or the secondary one if it becomes dual-stack."""
        if spec["type"] == "ExternalName" or spec.get("clusterIPs", [])[:1] == [HEADLESS]:
            return []
        first = 0
        if old is not None and old["type"] != "ExternalName":
            first = 1
            if old.get("clusterIP") == HEADLESS or (len(old["ipFamilies"]), len(spec["ipFamilies"])) != (1, 2):
                return []
        addresses = spec.setdefault("clusterIPs", [])
        for address in addresses[first:]:
            fault = self._take_address(address, transaction)
            if fault:
                return [invalid("spec.clusterIPs", addresses, f"failed to allocate IP {address}: {fault}")]
        for family in spec["ipFamilies"][len(addresses) :]:
            pool = self._families[family]
            try:
                addresses.append(pool.text_of(transaction.take_next(pool.pool)))
            except Full:
                raise InternalError("failed to allocate a serviceIP: range is full") from None
        if not first:
            spec["clusterIP"] = addresses[0]
        return []

    def _take_address(self, address: str, transaction: Transaction) -> str:
        """Take a requested address; return why it cannot be had, "" if it can."""
        for pool in self._families.values():
            number = pool.number_of(address)
            if number in pool.pool:
                return "" if transaction.take(pool.pool, number) else "provided IP is already allocated"
        return "the provided network does not match the current range"

    def _allocate_node_ports(self, spec: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        if not _may_have_node_ports(spec):
            return []
        if old is None:
            return self._allocate_first_node_ports(spec, transaction)
        held: set[int] = _node_ports(old) if _may_have_node_ports(old) else set()
        seen: set[tuple[str, int]] = set()
        for index, port in enumerate(spec.get("ports", ())):
            number = port.get("nodePort", 0)
            if not number and not _wants_node_ports(spec):
                continue
            if not number:
                number = port["nodePort"] = self._next_port(transaction)
            elif number not in held and (fault := self._take_port(number, transaction)):
                return [invalid(f"spec.ports[{index}].nodePort", number, fault)]
            held.add(number)
            key = (port["protocol"], number)
            if key in seen:
                raise StatusError(500, "", f"duplicate nodePort: {{{key[0]} {number}}}")
            seen.add(key)
        return []

    def _allocate_first_node_ports(self, spec: JSON, transaction: Transaction) -> list[FieldError]:
        """Allocate for a new Service: ports of the same number share one node port (53/UDP and 53/TCP)."""
        ports = spec.get("ports", ())
        requested = {port.get("port", 0): port["nodePort"] for port in reversed(ports) if port.get("nodePort")}
        shared: dict[int, int] = {}
        for index, port in enumerate(ports):
            number, own = port.get("port", 0), port.get("nodePort", 0)
            wanted = 0
            if not own and not _wants_node_ports(spec):
                continue
            if number not in shared:
                wanted = requested.get(number, 0)
                shared[number] = port["nodePort"] = wanted or self._next_port(transaction)
            elif not own:
                port["nodePort"] = shared[number]
            elif own != shared[number]:
                wanted = own
            if wanted and (fault := self._take_port(wanted, transaction)):
                return [invalid(f"spec.ports[{index}].nodePort", wanted, fault)]
        return []

    def _allocate_health_check_port(self, spec: JSON, old: JSON | None, transaction: Transaction) -> None:
        if not needs_health_check_node_port(spec) or (old is not None and needs_health_check_node_port(old)):
            return
        wanted = spec.get("healthCheckNodePort", 0)
        if not wanted:
            spec["healthCheckNodePort"] = self._next_port(transaction)
        elif fault := self._take_port(wanted, transaction):
            raise InternalError(f"failed to allocate requested HealthCheck NodePort {wanted}: {fault}")

    def _take_port(self, number: int, transaction: Transaction) -> str:
        """Take a requested node port; return why it cannot be had, "" if it can."""
        if number not in self._ports:
            first, last = self._config.node_port_range
            return f"provided port is not in the valid range. The range of valid ports is {first}-{last}"
        return "" if transaction.take(self._ports, number) else "provided port is already allocated"

    def _next_port(self, transaction: Transaction) -> int:
        try:
            return transaction.take_next(self._ports)
        except Full:
            raise InternalError("failed to allocate a nodePort: range is full") from None

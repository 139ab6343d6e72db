"""What a Service keeps, gets and gives back when it is written: cluster IPs and node ports.

Follows pkg/registry/core/service ``strategy.go`` (what is kept, what is wiped) and ``storage/alloc.go`` (what is
allocated). All that one request takes is one ``Transaction``, which the Registry commits or rolls back.
"""

from __future__ import annotations

import random

from kubeapi.allocators import AddressPool, Full, Transaction, port_pool
from kubeapi.core import HEADLESS
from kubeapi.defaults import is_externally_accessible
from kubeapi.meta import JSON
from kubeapi.registry.config import RegistryConfig
from kubeapi.registry.ipfamilies import set_ip_families
from kubeapi.status import FieldError, InternalError
from kubeapi.validation.faults import invalid
from kubeapi.validation.service import needs_health_check_node_port

_TAKEN_PORT = "provided port is already allocated"


def prepare_service(new: JSON, old: JSON | None, config: RegistryConfig) -> list[FieldError]:
    """Fill in what the old object has, wipe what the new type has no use for, and make the addresses agree.

    Returns what is wrong with the IP families.
    """
    spec = new["spec"]
    if old is not None:
        _fill_from_old(spec, old["spec"])
        _follow_cluster_ip(spec, old["spec"])
        _wipe_useless(spec, old["spec"])
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    if (
        old is not None
        and old["spec"]["type"] != spec["type"]
        and "LoadBalancer" in (spec["type"], old["spec"]["type"])
    ):
        new["status"] = {**new.get("status", {}), "loadBalancer": {}}
    return set_ip_families(spec, old["spec"] if old is not None else None, config.ip_families)


def _fill_from_old(spec: JSON, old: JSON) -> None:
    """Keep what the request leaves out (patchAllocatedValues), so that sending the same manifest again succeeds."""
    if "ExternalName" not in (spec["type"], old["type"]):
        if not spec.get("clusterIP") and old.get("clusterIP"):
            spec["clusterIP"] = old["clusterIP"]
        if not spec.get("clusterIPs") and old.get("clusterIPs"):
            spec["clusterIPs"] = list(old["clusterIPs"])
    if _needs_node_ports(spec) and _needs_node_ports(old):
        used = _node_ports(spec) & _node_ports(old)
        by_name = {port.get("name", ""): port.get("nodePort", 0) for port in old.get("ports", ())}
        for port in spec.get("ports", ()):
            kept = by_name.get(port.get("name", ""), 0)
            if not port.get("nodePort") and kept and kept not in used:
                port["nodePort"] = kept
    if needs_health_check_node_port(spec) and needs_health_check_node_port(old) and "healthCheckNodePort" in old:
        spec.setdefault("healthCheckNodePort", old["healthCheckNodePort"])


def _follow_cluster_ip(spec: JSON, old: JSON) -> None:
    """Let clusterIPs follow a changed clusterIP, for clients that know only the latter (normalizeClusterIPs)."""
    address, addresses = spec.get("clusterIP"), spec.get("clusterIPs")
    if address and addresses and address != old.get("clusterIP") and addresses == old.get("clusterIPs"):
        spec["clusterIPs"] = [address]


def _wipe_useless(spec: JSON, old: JSON) -> None:
    """Wipe what the new type cannot have, unless the user changed it too (dropTypeDependentFields)."""
    if spec["type"] == "ExternalName" != old["type"]:
        _drop_unchanged(spec, old, "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
    is_same = _node_ports(spec) <= _node_ports(old)
    if _needs_node_ports(old) and not _needs_node_ports(spec) and is_same:
        for port in spec.get("ports", ()):
            port.pop("nodePort", None)
    if needs_health_check_node_port(old) and not needs_health_check_node_port(spec):
        _drop_unchanged(spec, old, "healthCheckNodePort")
    if old["type"] == "LoadBalancer" != spec["type"]:
        _drop_unchanged(spec, old, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if is_externally_accessible(old) and not is_externally_accessible(spec):
        _drop_unchanged(spec, old, "externalTrafficPolicy")


def _drop_unchanged(spec: JSON, old: JSON, *fields: str) -> None:
    for field in fields:
        if spec.get(field) == old.get(field):
            spec.pop(field, None)


def _needs_node_ports(spec: JSON) -> bool:
    return spec["type"] in ("NodePort", "LoadBalancer")


def _wants_node_ports(spec: JSON) -> bool:
    """Tell whether ports that name no node port get one."""
    return spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
    )


def _node_ports(spec: JSON) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}


def _held_ports(spec: JSON) -> set[int]:
    """Return the node ports that are the Service's own; one that an ExternalName states is nobody's."""
    return {*(_node_ports(spec) if _needs_node_ports(spec) else ()), spec.get("healthCheckNodePort", 0)} - {0}


def _addresses(spec: JSON) -> list[str]:
    """Return the cluster IPs that a Service holds."""
    return [each for each in spec.get("clusterIPs", ()) if each != HEADLESS]


class ServiceAllocator:
    """The cluster's addresses and node ports. ``allocate`` only ever takes through the request's transaction."""

    def __init__(self, config: RegistryConfig, rng: random.Random) -> None:
        self._families = {pool.family: pool for pool in (AddressPool(cidr, rng) for cidr in config.service_cidrs)}
        self._range = config.node_port_range
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
        """Give a Service what it lacks, in place, and return a fault for everything that it cannot have.

        Raises InternalError when a range is full. What the old object held and the new one does not is freed by
        the transaction's commit.
        """
        spec, before = new["spec"], old["spec"] if old is not None else {"type": "ExternalName"}
        faults = [
            *self._allocate_addresses(spec, before, transaction),
            *self._allocate_node_ports(spec, before if old is not None else None, transaction),
            *self._allocate_health_check_port(spec, before, transaction),
        ]
        self._free_unused(spec, before, transaction)
        return faults

    def release(self, service: JSON) -> None:
        """Free all that a deleted Service held."""
        transaction = Transaction()
        self._free_unused({"type": "ExternalName"}, service["spec"], transaction)
        transaction.commit()

    def _allocate_addresses(self, spec: JSON, old: JSON, transaction: Transaction) -> list[FieldError]:
        if spec["type"] == "ExternalName" or spec.get("clusterIPs") == [HEADLESS]:
            return []
        faults: list[FieldError] = []
        addresses = spec.setdefault("clusterIPs", [])
        held = _addresses(old)
        for address in addresses:
            if address not in held:
                fault = self._take_address(address, transaction)
                if fault:
                    faults.append(invalid("spec.clusterIPs", addresses, f"failed to allocate IP {address}: {fault}"))
        for family in spec["ipFamilies"][len(addresses) :]:
            pool = self._families[family]
            try:
                addresses.append(pool.text_of(transaction.take_next(pool.pool)))
            except Full:
                raise InternalError("failed to allocate a serviceIP: range is full") from None
        spec["clusterIP"] = addresses[0]
        return faults

    def _take_address(self, address: str, transaction: Transaction) -> str:
        """Take a requested address; return why it cannot be had, "" if it can."""
        for pool in self._families.values():
            number = pool.number_of(address)
            if number in pool.pool:
                return "" if transaction.take(pool.pool, number) else "provided IP is already allocated"
        return "the provided network does not match the current range"

    def _allocate_node_ports(self, spec: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        if not _needs_node_ports(spec):
            return []
        if old is None:
            return self._allocate_first_node_ports(spec, transaction)
        held, faults = _held_ports(old), []
        for index, port in enumerate(spec.get("ports", ())):
            number = port.get("nodePort", 0)
            if number and number not in held:
                faults.extend(self._take_port(f"spec.ports[{index}].nodePort", number, transaction))
                held.add(number)
            elif not number and _wants_node_ports(spec):
                port["nodePort"] = self._next_port(transaction)
        return faults

    def _allocate_first_node_ports(self, spec: JSON, transaction: Transaction) -> list[FieldError]:
        """Allocate for a new Service: ports of the same number share one node port (53/UDP and 53/TCP)."""
        faults: list[FieldError] = []
        requested = {port["port"]: port["nodePort"] for port in reversed(spec.get("ports", ())) if port.get("nodePort")}
        shared: dict[int, int] = {}
        for index, port in enumerate(spec.get("ports", ())):
            path, number, own = f"spec.ports[{index}].nodePort", port["port"], port.get("nodePort", 0)
            if not own and not _wants_node_ports(spec):
                continue
            if number not in shared:
                if number in requested:
                    faults.extend(self._take_port(path, requested[number], transaction))
                shared[number] = requested.get(number) or self._next_port(transaction)
                port["nodePort"] = shared[number]
            elif not own:
                port["nodePort"] = shared[number]
            elif own != shared[number]:
                faults.extend(self._take_port(path, own, transaction))
        return faults

    def _allocate_health_check_port(self, spec: JSON, old: JSON, transaction: Transaction) -> list[FieldError]:
        if not needs_health_check_node_port(spec):
            return []
        wanted = spec.get("healthCheckNodePort", 0)
        if not wanted:
            spec["healthCheckNodePort"] = self._next_port(transaction)
        elif wanted != old.get("healthCheckNodePort"):
            return self._take_port("spec.healthCheckNodePort", wanted, transaction)
        return []

    def _take_port(self, path: str, number: int, transaction: Transaction) -> list[FieldError]:
        if number not in self._ports:
            detail = f"The range of valid ports is {self._range[0]}-{self._range[1]}"
            return [invalid(path, number, f"provided port is not in the valid range. {detail}")]
        return [] if transaction.take(self._ports, number) else [invalid(path, number, _TAKEN_PORT)]

    def _next_port(self, transaction: Transaction) -> int:
        try:
            return transaction.take_next(self._ports)
        except Full:
            raise InternalError("failed to allocate a nodePort: range is full") from None

    def _free_unused(self, spec: JSON, old: JSON, transaction: Transaction) -> None:
        kept = _addresses(spec)
        for address in _addresses(old):
            if address not in kept:
                for pool in self._families.values():
                    transaction.give_back(pool.pool, pool.number_of(address))
        for number in _held_ports(old) - _held_ports(spec):
            transaction.give_back(self._ports, number)

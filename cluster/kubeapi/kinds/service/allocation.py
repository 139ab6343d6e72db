"""The cluster IPs and node ports of Services: what each gets when it is written, and gives back.

Follows pkg/registry/core/service ``storage/alloc.go``. All that one request takes is one ``Transaction``, which the
Registry commits or rolls back.
"""

from __future__ import annotations

import random

from kubeapi.allocation.allocator import Records
from kubeapi.allocation.pools import Full, Transaction, port_pool
from kubeapi.allocation.serviceaddresses import ServiceAddresses
from kubeapi.kinds.service.balancing import validate_balancing
from kubeapi.kinds.service.ipfamilies import set_ip_families
from kubeapi.kinds.service.spec import (
    held_addresses,
    held_ports,
    may_have_node_ports,
    needs_health_check_node_port,
    node_ports,
    wants_node_ports,
)
from kubeapi.kinds.service.update import drop_type_dependent_fields, normalize_cluster_ips, patch_allocated_values
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.service import HEADLESS
from kubeapi.objects.servicecidr import new_ip_address, service_of_address
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import IPADDRESSES
from kubeapi.status import FieldError, InternalError, StatusError
from kubeapi.store import Store
from kubeapi.validation.faults import Faults, invalid


class ServiceAllocator:
    """The cluster's addresses and node ports. ``allocate`` only ever takes through the request's transaction."""

    def __init__(self, config: RegistryConfig, rng: random.Random, store: Store) -> None:
        self._config = config
        self._store = store
        self._addresses = ServiceAddresses(config, rng, store)
        self._ports = port_pool(*config.node_port_range, rng)

    def adopt(self, service: JSON) -> None:
        """Take what a stored Service holds."""
        spec = service["spec"]
        for address in held_addresses(spec):
            self._addresses.adopt(address)
        for port in held_ports(spec):
            if port in self._ports:
                self._ports.take(port)

    def allocate(self, new: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        """Give a Service what it lacks, in place, and return the first fault: of its families, addresses or ports.

        Raises InternalError when a range is full or the health-check port cannot be had.
        """
        spec, before = new["spec"], old["spec"] if old is not None else None
        if before is not None:
            patch_allocated_values(spec, before)
        normalize_cluster_ips(spec, before)
        faults = (
            set_ip_families(spec, before, self._config.ip_families)
            or self._allocate_addresses(new, before, transaction)
            or self._allocate_node_ports(spec, before, transaction)
        )
        if faults:
            return faults
        self._allocate_health_check_port(spec, before, transaction)
        if old is not None:
            drop_type_dependent_fields(new, old)
            self._free_unused(held_ports(spec), old["spec"], transaction)
        return []

    def records(self, new: JSON | None, old: JSON | None) -> Records:
        """Return the IPAddresses of the cluster IPs that a Service has got, and of those that it has no more."""
        held, before = (held_addresses(each["spec"]) if each else [] for each in (new, old))
        if held == before:
            return Records()
        found = {each: self._store.find(IPADDRESSES, ObjectKey("", each)) for each in (*held, *before)}
        gained = [new_ip_address(each, key_of(new)) for each in held if new and found[each] is None]
        own = [each for each in before if each not in held and old and _is_of(found[each], key_of(old))]
        return Records(
            tuple((IPADDRESSES, each) for each in gained), tuple((IPADDRESSES, ObjectKey("", each)) for each in own)
        )

    def validate(self, obj: JSON) -> Faults:
        """Yield the faults of what a Service asks of the proxy, beyond Kubernetes."""
        return validate_balancing(obj, self._config)

    def _free_unused(self, kept: set[int], old: JSON, transaction: Transaction) -> None:
        """Free the ports that only the old object held, once the transaction is committed; addresses have records."""
        for number in held_ports(old) - kept:
            transaction.give_back(self._ports, number)

    def release(self, service: JSON) -> None:
        """Free all ports that a deleted Service held."""
        transaction = Transaction()
        self._free_unused(set(), service["spec"], transaction)
        transaction.commit()

    def _allocate_addresses(self, new: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        """Allocate all cluster IPs of a Service that had none, or the secondary one if it becomes dual-stack."""
        spec, name = new["spec"], new["metadata"].get("name", "")
        if spec["type"] == "ExternalName" or spec.get("clusterIPs", [])[:1] == [HEADLESS]:
            return []
        first = 0
        if old is not None and old["type"] != "ExternalName":
            # The primary address never changes: only a Service that becomes dual-stack gets the secondary one.
            first = 1
            if old.get("clusterIP") == HEADLESS or (len(old["ipFamilies"]), len(spec["ipFamilies"])) != (1, 2):
                return []
        addresses = spec.setdefault("clusterIPs", [])
        for address in addresses[first:]:
            if fault := self._addresses.take(address, transaction) or _why_not_recorded(name, address):
                return [invalid("spec.clusterIPs", addresses, f"failed to allocate IP {address}: {fault}")]
        for family in spec["ipFamilies"][len(addresses) :]:
            try:
                address = self._addresses.take_next(family, transaction)
            except Full:
                raise InternalError(f'failed to allocate a serviceIP for Service "{name}": range is full') from None
            if fault := _why_not_recorded(name, address):
                return [invalid("spec.clusterIPs", addresses or [""], f"failed to allocate IP: {fault}")]
            addresses.append(address)
        if not first:
            spec["clusterIP"] = addresses[0]
        return []

    def _allocate_node_ports(self, spec: JSON, old: JSON | None, transaction: Transaction) -> list[FieldError]:
        if not may_have_node_ports(spec):
            return []
        if old is None:
            return self._allocate_first_node_ports(spec, transaction)
        held: set[int] = node_ports(old) if may_have_node_ports(old) else set()
        seen: set[tuple[str, int]] = set()
        for index, port in enumerate(spec.get("ports", ())):
            number = port.get("nodePort", 0)
            if not number and not wants_node_ports(spec):
                continue
            if not number:
                number = port["nodePort"] = self._next_port(transaction)
            elif number not in held and (fault := self._take_port(number, transaction)):
                return [invalid(f"spec.ports[{index}].nodePort", number, fault)]
            held.add(number)  # ports of the Service with another protocol may share it
            key = (port["protocol"], number)
            if key in seen:
                raise StatusError(500, "", f"duplicate nodePort: {{{key[0]} {number}}}")
            seen.add(key)
        return []

    def _allocate_first_node_ports(self, spec: JSON, transaction: Transaction) -> list[FieldError]:
        """Allocate for a new Service: ports of the same number share one node port (53/UDP and 53/TCP)."""
        ports = spec.get("ports", ())
        # Reversed, so that the first of several requests for one port number counts.
        requested = {port.get("port", 0): port["nodePort"] for port in reversed(ports) if port.get("nodePort")}
        shared: dict[int, int] = {}
        for index, port in enumerate(ports):
            number, own = port.get("port", 0), port.get("nodePort", 0)
            wanted = 0
            if not own and not wants_node_ports(spec):
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
        """Take a requested node port; return why it cannot be allocated, "" if it was."""
        if number not in self._ports:
            first, last = self._config.node_port_range
            return f"provided port is not in the valid range. The range of valid ports is {first}-{last}"
        return "" if transaction.take(self._ports, number) else "provided port is already allocated"

    def _next_port(self, transaction: Transaction) -> int:
        try:
            return transaction.take_next(self._ports)
        except Full:
            raise InternalError("failed to allocate a nodePort: range is full") from None


def _is_of(address: JSON | None, service: ObjectKey) -> bool:
    return address is not None and service_of_address(address) == service


def _why_not_recorded(service: str, address: str) -> str:
    """Return why no IPAddress can tell whose an address is: a Service without a name; "" if one can."""
    return "" if service else f'IPAddress.networking.k8s.io "{address}" is invalid: spec.parentRef.name: Required value'

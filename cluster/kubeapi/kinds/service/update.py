"""What an update of a Service keeps and what it drops.

Follows pkg/registry/core/service ``storage/storage.go`` (patchAllocatedValues) and ``strategy.go``
(dropTypeDependentFields).
"""

from __future__ import annotations

from kubeapi.kinds.service.spec import (
    is_externally_accessible,
    may_have_node_ports,
    needs_health_check_node_port,
    node_ports,
    wants_node_ports,
)
from kubeapi.meta import JSON


def patch_allocated_values(spec: JSON, old: JSON) -> None:
    """Keep allocated values that the request leaves out, so that the same manifest can be sent again."""
    if "ExternalName" not in (spec["type"], old["type"]):
        if not spec.get("clusterIP") and old.get("clusterIP"):
            spec["clusterIP"] = old["clusterIP"]
        if not spec.get("clusterIPs") and old.get("clusterIPs"):
            spec["clusterIPs"] = list(old["clusterIPs"])
    if wants_node_ports(spec) and wants_node_ports(old):
        # A node port that the request has given to another port is not given twice.
        used = node_ports(spec) & node_ports(old)
        by_name = {port.get("name", ""): port.get("nodePort", 0) for port in old.get("ports", ())}
        for port in spec.get("ports", ()):
            number = by_name.get(port.get("name", ""), 0)
            if not port.get("nodePort") and number and number not in used:
                port["nodePort"] = number
    kept = old.get("healthCheckNodePort", 0)
    if kept and needs_health_check_node_port(spec) and needs_health_check_node_port(old):
        spec["healthCheckNodePort"] = spec.get("healthCheckNodePort") or kept


def normalize_cluster_ips(spec: JSON, old: JSON | None) -> None:
    """Make clusterIPs match clusterIP, for clients that set only the latter."""
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


def drop_type_dependent_fields(new: JSON, old: JSON) -> None:
    """Drop fields that the new type cannot have, unless the request changes them."""
    spec, before = new["spec"], old["spec"]
    if spec["type"] == "ExternalName" != before["type"]:
        if all(spec.get(field) == before.get(field) for field in ("clusterIP", "clusterIPs")):
            _drop_unchanged(spec, before, "clusterIP", "clusterIPs")
        _drop_unchanged(spec, before, "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
    is_same = node_ports(spec) <= node_ports(before)
    if may_have_node_ports(before) and not may_have_node_ports(spec) and is_same:
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

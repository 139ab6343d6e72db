"""Questions about a Service's spec that defaults, validation and allocation share (pkg/api/service/util.go)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.service import HEADLESS


def is_externally_accessible(spec: JSON) -> bool:
    """Tell whether traffic from outside the cluster may come to the Service (ExternallyAccessible)."""
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        return True
    return spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))


def needs_health_check_node_port(spec: JSON) -> bool:
    """Tell whether the Service has a port that load balancers ask for health (NeedsHealthCheck)."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def family_of(address: str) -> str:
    """Return the family of a valid address."""
    return "IPv6" if ":" in address else "IPv4"


def may_have_node_ports(spec: JSON) -> bool:
    """Tell whether the Service's type has node ports."""
    return spec["type"] in ("NodePort", "LoadBalancer")


def wants_node_ports(spec: JSON) -> bool:
    """Tell whether ports without a node port get one."""
    return spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
    )


def node_ports(spec: JSON) -> set[int]:
    """Return the node ports that the ports name."""
    return {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}


def held_ports(spec: JSON) -> set[int]:
    """Return the node ports that the Service holds; an ExternalName holds none, whatever it states."""
    return {*(node_ports(spec) if may_have_node_ports(spec) else ()), spec.get("healthCheckNodePort", 0)} - {0}


def held_addresses(spec: JSON) -> list[str]:
    """Return the cluster IPs that a Service holds."""
    return [each for each in spec.get("clusterIPs", ()) if each != HEADLESS]

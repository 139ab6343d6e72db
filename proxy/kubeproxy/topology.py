"""Which endpoints of a Service port may get traffic on this node.

Pure. Follows ``CategorizeEndpoints`` of k8s.io/kubernetes ``pkg/proxy/topology.go``: ready endpoints first, and only
when there is none at all those that terminate but still serve; hints restrict the cluster-wide list only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubeproxy.types import Endpoint, ServicePort


class Categorized(NamedTuple):
    """``cluster`` and ``local`` serve the traffic policies of those names; ``has_any`` tells DROP from REJECT."""

    cluster: tuple[Endpoint, ...]
    local: tuple[Endpoint, ...]
    has_any: bool


def categorize_endpoints(
    endpoints: Sequence[Endpoint], service_port: ServicePort, node_name: str = "", zone: str = ""
) -> Categorized:
    """Return the endpoints that each kind of traffic may use, in the order given."""
    ready = [each for each in endpoints if each.is_ready]
    serving = [each for each in endpoints if each.is_serving and each.is_terminating]
    cluster: Sequence[Endpoint] = ()
    local: Sequence[Endpoint] = ()
    if service_port.uses_cluster_endpoints:
        cluster = _near(ready, node_name, zone) if ready else serving
    if service_port.uses_local_endpoints:
        local = [each for each in ready if each.is_local] or [each for each in serving if each.is_local]
    return Categorized(tuple(cluster), tuple(local), bool(ready or serving))


def _near(ready: Sequence[Endpoint], node_name: str, zone: str) -> Sequence[Endpoint]:
    """Obey hints if every ready endpoint has one and at least one of them names this node, else this zone."""
    if node_name and all(each.node_hints for each in ready):
        on_node = [each for each in ready if node_name in each.node_hints]
        if on_node:
            return on_node
    if zone and all(each.zone_hints for each in ready):
        in_zone = [each for each in ready if zone in each.zone_hints]
        if in_zone:
            return in_zone
    return ready

"""Which endpoints of a Service port may get traffic that enters at one node.

Pure. Follows ``CategorizeEndpoints`` of k8s.io/kubernetes ``pkg/proxy/topology.go``: ready endpoints first, and only
when there is none at all those that terminate but still serve; hints restrict the cluster-wide list only. Endpoints
that all have the weight 0 are as none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from kubeproxy.rules.nodes import Node
from kubeproxy.types import Endpoint, ServicePort

Hint = Literal["", "node", "zone"]


class Categorized(NamedTuple):
    """``cluster`` and ``local`` serve the traffic policies of those names; ``has_any`` tells DROP from REJECT.

    ``by_hint`` is the kind of topology hints that excluded endpoints from ``cluster``, "" when none did.
    """

    cluster: tuple[Endpoint, ...]
    local: tuple[Endpoint, ...]
    has_any: bool
    by_hint: Hint = ""


def categorize_endpoints(endpoints: Sequence[Endpoint], service_port: ServicePort, node: Node | None) -> Categorized:
    """Return the endpoints that each kind of traffic may use on ``node``, in the order given.

    None stands for whichever node a load balancer would choose: its local endpoints are those of every node.
    """
    ready: Sequence[Endpoint] = endpoints
    serving: Sequence[Endpoint] = ()
    if not all(each.is_ready and not each.is_terminating for each in endpoints):
        ready = [each for each in endpoints if each.is_ready]
        serving = [each for each in endpoints if each.is_serving and each.is_terminating]
    cluster: Sequence[Endpoint] = ()
    local: Sequence[Endpoint] = ()
    by_hint: Hint = ""
    if service_port.uses_cluster_endpoints:
        cluster, by_hint = _near(ready, node) if ready else (serving, by_hint)
    if service_port.uses_local_endpoints:
        local = [each for each in ready if _is_local(each, node)] or [each for each in serving if _is_local(each, node)]
    return Categorized(_weighed(cluster), _weighed(local), bool(_weighed(ready or serving)), by_hint)


def _weighed(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Return the endpoints, () if nothing new may come to any of them; those of weight 0 stay for pinned clients."""
    return tuple(endpoints) if any(each.weight for each in endpoints) else ()


def differs_by_node(endpoints: Sequence[Endpoint], service_port: ServicePort) -> bool:
    """Tell whether the answer depends on the node at all; for most Services it does not."""
    return service_port.uses_local_endpoints or any(each.zone_hints or each.node_hints for each in endpoints)


def _is_local(endpoint: Endpoint, node: Node | None) -> bool:
    return bool(endpoint.node_name) if node is None else endpoint.node_name == node.name


def _near(ready: Sequence[Endpoint], node: Node | None) -> tuple[Sequence[Endpoint], Hint]:
    """Obey hints if every ready endpoint has one and one with a weight names this node, else this zone."""
    if node is None:
        return ready, ""
    if all(each.node_hints for each in ready):
        on_node = [each for each in ready if node.name in each.node_hints]
        if any(each.weight for each in on_node):
            return on_node, "node" if len(on_node) < len(ready) else ""
    if node.zone and all(each.zone_hints for each in ready):
        in_zone = [each for each in ready if node.zone in each.zone_hints]
        if any(each.weight for each in in_zone):
            return in_zone, "zone" if len(in_zone) < len(ready) else ""
    return ready, ""

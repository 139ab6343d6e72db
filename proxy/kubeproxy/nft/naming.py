"""The names of chains and sets: kube-proxy's for Service ports, with the node where it makes a difference. Pure.

A hash comes first, so that names differ at sight and a long one may be cut (``hashAndTruncate`` of pkg/proxy/nftables).
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from kubeapi.meta import ObjectKey
from kubeproxy.types import Endpoint, Route, ServicePortName

_LONGEST = 240
"""What knftables leaves for a name beside its prefix, of the kernel's 256."""


def service_chain(route: Route) -> str:
    """Return the chain that sends packets to an endpoint of a route."""
    return f"{'local' if route.is_local else 'service'}-{_base(route.port_name, route.node)}"


def entry_chain(port_name: ServicePortName, *, is_internal: bool, at: str) -> str:
    """Return the chain that finds the route of packets to cluster IPs, or to outer ones of the node ``at``."""
    return f"{'internal' if is_internal else 'external'}-{_base(port_name, at.replace(':', '.'))}"


def firewall_chain(port_name: ServicePortName) -> str:
    """Return the chain that obeys loadBalancerSourceRanges."""
    return f"firewall-{_base(port_name)}"


def endpoint_chain(route: Route, endpoint: Endpoint) -> str:
    """Return the chain that pins clients to an endpoint of a route, and sends them there."""
    return f"endpoint-{_endpoint(route, endpoint)}"


def affinity_set(route: Route, endpoint: Endpoint) -> str:
    """Return the set of the clients that are pinned to an endpoint of a route."""
    return f"affinity-{_endpoint(route, endpoint)}"


def isolation_chain(direction: str, policies: tuple[ObjectKey, ...]) -> str:
    """Return the chain for the pods that these policies isolate in a direction."""
    return f"{direction.lower()}-{_policies(policies)}"


def sender_set(policies: tuple[ObjectKey, ...]) -> str:
    """Return the set of the pods whose egress these policies isolate."""
    return f"senders-{_policies(policies)}"


def peer_set(namespace: str, selectors: str) -> str:
    """Return the set of the pods that selectors find, in one namespace or ("") in several."""
    return f"peers-{_hashed(f'{namespace}/{selectors}')[:8]}-{namespace or 'namespaces'}"


def port_set(name: str, protocol: str) -> str:
    """Return the set of the addresses and ports that pods declare by a name."""
    return f"ports-{name}-{protocol.lower()}"


def closing_chain(port_name: ServicePortName, endpoints: tuple[str, ...] = ()) -> str:
    """Return the chain that drops what policies let to no endpoint of a Service port, or to none of these ones."""
    name = "__".join((_text(port_name, ""), *endpoints))
    return f"closing-{_hashed(name.translate(_PLAIN))}"


_PLAIN = str.maketrans(":", ".", "[]")
"""What becomes of the letters of an address that names of nftables may not have."""


def _policies(policies: tuple[ObjectKey, ...]) -> str:
    return _hashed("__".join(map(str, policies)))


def _endpoint(route: Route, endpoint: Endpoint) -> str:
    policy = "local/" if route.is_local else ""
    at = f"__{policy}{endpoint.ip.replace(':', '.')}/{endpoint.port}"
    return _hashed(f"{_text(route.port_name, route.node)}{at}")


@lru_cache(maxsize=8192)
def _base(port_name: ServicePortName, node: str = "") -> str:
    return _hashed(_text(port_name, node))


def _text(port_name: ServicePortName, node: str) -> str:
    name = f"{port_name.namespace}/{port_name.name}/{port_name.protocol.lower()}/{port_name.port}"
    return f"{name}__{node}" if node else name


def _hashed(name: str) -> str:
    found = f"{base64.b32encode(hashlib.sha256(name.encode()).digest()[:5]).decode()}-{name}"
    return found if len(found) <= _LONGEST else f"{found[: _LONGEST - 3]}..."

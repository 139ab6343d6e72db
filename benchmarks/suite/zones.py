"""The clusters of the DNS works: the same names in each, at addresses apart, as all run at once. Pure.

The first is kubesvc's own; CoreDNS gets one for its API, and where names change one more stays as it is.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.suite.configurations import CLUSTER, endpoint_slice, service
from benchmarks.suite.settings import COREDNS, KUBESVC, UNCHANGED, hot_names

PORT = 80
ENDPOINTS = 2
"""Of each Service without an address of its own."""
STATES = 250


def _beside(number: int) -> dict[str, Any]:
    first = 64 + 16 * number
    return {
        **CLUSTER,
        "networking": {
            "serviceSubnet": f"127.88.{first}.0/20",
            "podSubnet": f"127.88.{108 + 4 * number}.0/22",
            "loadBalancerSubnet": f"127.88.{232 + number}.0/24",
            "serviceNodePortRange": f"{23500 + 100 * number}-{23599 + 100 * number}",
        },
        "nodes": [{"name": "node-1", "address": f"127.88.{236 + number}.1"}],
    }


_CLUSTERS = {KUBESVC: (CLUSTER, 129), COREDNS: (_beside(1), 81), UNCHANGED: (_beside(2), 97)}
"""The configuration, and where the Services' addresses begin."""


def manifests(peer: str, *, is_headless: bool) -> str:
    """Return a peer's cluster with all hot names: each a cluster IP's, or that of endpoints; JSON is YAML."""
    configuration, third = _CLUSTERS[peer]
    documents = [configuration]
    for number, name in enumerate(hot_names()):
        label = name.split(".")[0]
        if is_headless:
            documents += [
                service(label, "None", {"port": PORT}),
                endpoint_slice(label, PORT, "TCP", endpoints(number, 0)),
            ]
        else:
            documents.append(service(label, f"127.88.{third}.{number + 1}", {"port": PORT}))
    return "\n---\n".join(json.dumps(each) for each in documents)


def endpoints(number: int, state: int) -> tuple[str, ...]:
    """Return the addresses of a headless Service in one of its STATES, of which no two have one in common."""
    return tuple(f"10.{number}.{state}.{each + 1}" for each in range(ENDPOINTS))

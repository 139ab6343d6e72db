"""What becomes of packets to the Services that other proxies serve, such as the cluster's name server. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from kubeapi.meta import ObjectKey
from kubeapi.objects.endpointslice import NAME_SERVER_PROXY, PROXY_NAME_LABEL
from kubeapi.objects.service import ServicePort, read_service
from kubeapi.scheme import SERVICES
from kubeapi.store import Store
from kubeproxy.types import Destination, ListenerKind


class OtherProxy(NamedTuple):
    """The Service port that has a destination, and the name of the proxy that serves it."""

    service: ObjectKey
    port: ServicePort
    name: str


def find_other_proxy(store: Store, destination: Destination) -> OtherProxy | None:
    """Return what another proxy serves at a cluster IP, None if there is no such Service."""
    for each in map(read_service, store.list(SERVICES)):
        if PROXY_NAME_LABEL in each.labels and destination.address in each.cluster_ips:
            for port in each.ports:
                if (port.port, port.protocol) == (destination.port, destination.protocol):
                    return OtherProxy(each.key, port, each.labels[PROXY_NAME_LABEL])
    return None


def other_document(document: dict[str, Any], found: OtherProxy) -> dict[str, Any]:
    """Return the trace of a packet that this proxy has no rules for, because another one serves the Service."""
    about = f"{found.service}:{found.port.name}" if found.port.name else str(found.service)
    *before, _ = document["steps"]
    server = "the name server" if found.name == NAME_SERVER_PROXY else "another proxy"
    if found.name == NAME_SERVER_PROXY:
        step = f"It is the clusterIP of {about}, where the cluster's own name server listens: no rules are met."
        outcome = "The name server gets the packet itself (`kubesvc trace --dns NAME` says what it answers)."
    else:
        step = f'{about} has it, and is left to the proxy "{found.name}" by its label {PROXY_NAME_LABEL}.'
        outcome = f'It is for the proxy "{found.name}"; nothing of this cluster listens there.'
    return {
        **document,
        "service": str(found.service),
        "port": found.port.name,
        "kind": ListenerKind.CLUSTER_IP.value,
        "steps": [*before, step],
        "verdict": "DIRECT",
        "reason": f"clusterIP of {about}, which {server} serves",
        "outcome": outcome,
    }

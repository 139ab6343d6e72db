"""From objects to what the proxy knows: ports of Services, endpoints of each port, nodes, pods, Ingresses.

NetworkPolicies come with what they ask of pods and namespaces.

A change is read once, when it arrives, and touches nothing but its own Service; ``take_changes`` names the Services
to compile again. Pure.
"""

from __future__ import annotations

from kubeproxy.trackers.endpoints import EndpointsChangeTracker
from kubeproxy.trackers.ingresses import IngressTracker
from kubeproxy.trackers.nodes import NodeTracker
from kubeproxy.trackers.pods import PodTracker
from kubeproxy.trackers.policies import PolicyTracker
from kubeproxy.trackers.services import ServiceChangeTracker

__all__ = [
    "EndpointsChangeTracker",
    "IngressTracker",
    "NodeTracker",
    "PodTracker",
    "PolicyTracker",
    "ServiceChangeTracker",
]

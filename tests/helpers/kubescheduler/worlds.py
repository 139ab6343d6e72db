"""Nodes with pods on them, as the scheduler sees them."""

from __future__ import annotations

from typing import Any

from tests.helpers.objects import build_node, build_pod

from kubeapi.meta import JSON, key_of
from kubescheduler.nodes import Nodes, World

LARGE = {"cpu": "4", "memory": "8Gi", "pods": "110"}


def world_of(*nodes: JSON, pods: list[JSON] | None = None) -> World:
    """Return the world of these nodes; the pods say where they are."""
    found = Nodes()
    for each in nodes:
        found.put_node(each["metadata"]["name"], each)
    for each in pods or ():
        found.put_pod(key_of(each), each)
    return found.world()


def sized_node(name: str, allocatable: dict[str, str] | None = None, zone: str = "", **spec: Any) -> JSON:
    """Return a Node that has so much for pods."""
    labels = {"kubernetes.io/hostname": name} | ({"topology.kubernetes.io/zone": zone} if zone else {})
    found = build_node(name, labels=labels, **spec)
    found["status"]["allocatable"] = {"pods": "110", **(LARGE if allocatable is None else allocatable)}
    return found


def asking_pod(name: str, requests: dict[str, str] | None = None, node: str = "", **spec: Any) -> JSON:
    """Return a pod that requests so much; with a ``node`` it is there since the start of 2026."""
    container = {"name": "c", "resources": {"requests": requests or {}}}
    placed = {"nodeName": node} if node else {}
    labels = spec.pop("labels", {})
    status = spec.pop("status", {"startTime": "2026-01-01T00:00:00Z"} if node else {})
    metadata = {"uid": f"uid-{name}", "labels": labels}
    pod = build_pod(name, container, namespace="default", metadata=metadata, **placed, **spec)
    return {**pod, "status": status}

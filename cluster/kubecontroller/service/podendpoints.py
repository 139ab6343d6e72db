"""A pod as an endpoint of a Service: its address, ports and conditions. Pure (k8s.io/endpointslice ``utils.go``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeapi.meta import JSON
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import list_at
from kubeapi.objects.pod import Pod, read_pod
from kubeapi.objects.service import HEADLESS
from kubecontroller.service.topologyhints import is_automatic

NodeLookup = Callable[[str], JSON | None]
"""Returns the Node of a name, None if there is none."""


def endpoint_of(service: JSON, obj: JSON, node_named: NodeLookup, family: str) -> JSON | None:
    """Return the pod as an endpoint; None if it has no address, has ended, or is on a node that does not exist."""
    pod = read_pod(obj)
    address = pod.ip_of(family)
    if address is None or pod.is_finished:
        return None
    publishes_all, node_name = bool(service["spec"].get("publishNotReadyAddresses")), pod.node_name
    node = node_named(node_name)
    if node is None and not publishes_all:
        return None
    endpoint: JSON = {
        "addresses": [address],
        "conditions": _conditions(pod, publishes_all=publishes_all),
        "targetRef": target_ref(obj),
    }
    if node_name:
        endpoint["nodeName"] = node_name
    if node is not None and (zone := read_node(node).zone):
        endpoint["zone"] = zone
    if has_own_name(service, obj):
        endpoint["hostname"] = obj["spec"]["hostname"]
    hints = _hints(service, endpoint)
    return {**endpoint, "hints": hints} if hints else endpoint


def _conditions(pod: Pod, *, publishes_all: bool) -> JSON:
    is_serving, is_leaving = pod.is_ready, pod.is_terminating
    return {
        "ready": publishes_all or (is_serving and not is_leaving),
        "serving": is_serving,
        "terminating": is_leaving,
    }


def target_ref(pod: JSON) -> JSON:
    """Return the reference with which an endpoint names its pod."""
    metadata = pod["metadata"]
    return {"kind": "Pod", **{name: metadata[name] for name in ("namespace", "name", "uid")}}


def has_own_name(service: JSON, pod: JSON) -> bool:
    """Tell whether the pod has a DNS name of its own below this Service: hostname, and the Service as subdomain."""
    spec = pod["spec"]
    return bool(spec.get("hostname")) and spec.get("subdomain") == service["metadata"]["name"]


def endpoint_ports(service: JSON, pod: JSON) -> list[JSON]:
    """Return the Service's ports as they are at this pod; a named port that it does not have is left out."""
    ports: list[JSON] = []
    for port in list_at(service, "spec", "ports"):
        number = find_port(pod, port)
        if number is None:
            continue
        entry = {"name": port.get("name") or "", "protocol": port.get("protocol") or "TCP", "port": number}
        if port.get("appProtocol"):
            entry["appProtocol"] = port["appProtocol"]
        ports.append(entry)
    return ports


def find_port(pod: JSON, port: JSON) -> int | None:
    """Return the number that a Service port's targetPort is at this pod (podutil.FindPort)."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    protocol = port.get("protocol") or "TCP"
    reading = read_pod(pod)
    for each in _ports_of([*reading.containers, *reading.sidecars]):
        if each.get("name") == target and (each.get("protocol") or "TCP") == protocol:
            return int(each["containerPort"])
    return None


def _ports_of(containers: Iterable[JSON]) -> Iterable[JSON]:
    return (port for container in containers for port in container.get("ports") or ())


def _hints(service: JSON, endpoint: JSON) -> JSON | None:
    """Return the zones and nodes that a ready endpoint is for (trafficDistribution); the annotation has precedence."""
    preference = service["spec"].get("trafficDistribution")
    if not preference or is_automatic(service) or not endpoint["conditions"]["ready"]:
        return None
    hints: JSON = {}
    if "zone" in endpoint:
        hints["forZones"] = [{"name": endpoint["zone"]}]
    if preference == "PreferSameNode" and "nodeName" in endpoint:
        hints["forNodes"] = [{"name": endpoint["nodeName"]}]
    return hints or None


def is_headless(service: JSON) -> bool:
    """Tell whether the Service has no cluster IP: it asked for none, or it has not got it yet."""
    return service["spec"].get("clusterIP") in {None, "", HEADLESS}


def has_endpoints(service: JSON) -> bool:
    """Tell whether a Service's endpoints are made from pods: it has a selector and is not ExternalName."""
    return service["spec"].get("type") != "ExternalName" and bool(service["spec"].get("selector"))

"""Fill in what a manifest left out, as the API server does before it judges an object.

Changes the object it is given, which ``strict.decode`` has made: every field that is there has its schema's type.
Never looks at other objects, and allocates nothing. Follows k8s.io/kubernetes ``pkg/apis/*/v1/defaults.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kubeapi.meta import JSON
from kubeapi.scheme import (
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SERVICES,
    Resource,
)

AFFINITY_TIMEOUT_SECONDS = 10800
"""sessionAffinityConfig.clientIP.timeoutSeconds of a Service that asks for ClientIP and says no more."""

_FILE_MODE = 0o644
"""defaultMode of volumes that hold files."""

_TOKEN_SECONDS = 3600
"""expirationSeconds of a projected service account token."""

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def set_defaults(resource: Resource, obj: JSON) -> None:
    """Fill in the kind's defaults, in place."""
    fill_in = _DEFAULTS.get(resource)
    if fill_in is not None:
        fill_in(obj)


def set_status_defaults(resource: Resource, obj: JSON) -> None:
    """Fill in the defaults of what a controller writes, in place: an address of a load balancer is a VIP."""
    if resource is SERVICES:
        for ingress in obj.get("status", {}).get("loadBalancer", {}).get("ingress", ()):
            if ingress.get("ip"):
                ingress.setdefault("ipMode", "VIP")


def is_externally_accessible(spec: JSON) -> bool:
    """Tell whether traffic from outside the cluster may come to the Service (pkg/api/service ExternallyAccessible)."""
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        return True
    return spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))


def _set_node(obj: JSON) -> None:
    """Say a single podCIDR in the list too, and the list's first alone (Convert_v1_NodeSpec_To_core_NodeSpec)."""
    spec = obj.setdefault("spec", {})
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif spec.get("podCIDRs") and "podCIDR" not in spec:
        spec["podCIDR"] = spec["podCIDRs"][0]


def _set_service(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("sessionAffinity"):
        spec["sessionAffinity"] = "None"
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client_ip = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client_ip.setdefault("timeoutSeconds", AFFINITY_TIMEOUT_SECONDS)
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    for port in spec.get("ports", ()):
        _set_protocol(port)
        if not port.get("targetPort") and "port" in port:
            port["targetPort"] = port["port"]
    if is_externally_accessible(spec) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _set_protocol(port: JSON) -> None:
    if not port.get("protocol"):
        port["protocol"] = "TCP"


def _set_namespace(obj: JSON) -> None:
    name = obj["metadata"].get("name")
    if name:
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


def _set_endpoints(obj: JSON) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            _set_protocol(port)


def _set_endpoint_slice(obj: JSON) -> None:
    for port in obj.get("ports", ()):
        port.setdefault("name", "")
        _set_protocol(port)


def _set_deployment(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    _set_template(spec)


def _set_replica_set(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    _set_template(spec)


def _set_template(spec: JSON) -> None:
    _set_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))


def _set_pod(obj: JSON) -> None:
    """Fill in also what a template keeps as it was written (SetDefaults_Pod)."""
    spec = obj.setdefault("spec", {})
    _set_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        _set_requests(container["resources"])
        if spec.get("hostNetwork"):
            for port in container.get("ports", ()):
                if not port.get("hostPort") and "containerPort" in port:
                    port["hostPort"] = port["containerPort"]


def _set_pod_spec(spec: JSON) -> None:
    """Fill in what pods and templates have alike (SetDefaults_PodSpec)."""
    for name, value in (
        ("dnsPolicy", "ClusterFirst"),
        ("restartPolicy", "Always"),
        ("schedulerName", "default-scheduler"),
    ):
        if not spec.get(name):
            spec[name] = value
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account  # the old name and the new one are one field
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in _containers(spec):
        _set_container(container)
    for volume in spec.get("volumes", ()):
        _set_volume(volume)


def _containers(spec: JSON) -> Iterator[JSON]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field, ())


def _set_container(container: JSON) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = _pull_policy(container.get("image", ""))
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    for port in container.get("ports", ()):
        _set_protocol(port)
    for variable in container.get("env", ()):
        _set_field_reference(variable.get("valueFrom", {}))
    container.setdefault("resources", {})
    for name in _PROBES:
        if name in container:
            _set_probe(container[name])
    for handler in container.get("lifecycle", {}).values():
        if isinstance(handler, dict):
            _set_http_get(handler)


def _set_field_reference(source: JSON) -> None:
    reference = source.get("fieldRef")
    if reference is not None and not reference.get("apiVersion"):
        reference["apiVersion"] = "v1"


def _pull_policy(image: str) -> str:
    """Return Always for an image with the tag ``latest``, or with neither tag nor digest."""
    name, digest, _ = image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return "Always" if tag == "latest" or (name and not tag and not digest) else "IfNotPresent"


def _set_requests(resources: JSON) -> None:
    if resources.get("limits"):
        resources["requests"] = {**resources["limits"], **resources.get("requests", {})}


def _set_probe(probe: JSON) -> None:
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(name):
            probe[name] = value
    _set_http_get(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _set_http_get(handler: JSON) -> None:
    http_get = handler.get("httpGet")
    if http_get is not None:
        if not http_get.get("path"):
            http_get["path"] = "/"
        if not http_get.get("scheme"):
            http_get["scheme"] = "HTTP"


def _set_volume(volume: JSON) -> None:
    if volume.keys() <= {"name"}:
        volume["emptyDir"] = {}
    for source in ("configMap", "secret", "projected", "downwardAPI"):
        if source in volume:
            volume[source].setdefault("defaultMode", _FILE_MODE)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    projections = volume.get("projected", {}).get("sources", ())
    for source in (volume, *projections):
        for item in source.get("downwardAPI", {}).get("items", ()):
            _set_field_reference(item)
    for source in projections:
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", _TOKEN_SECONDS)
    claim = volume.get("ephemeral", {}).get("volumeClaimTemplate", {}).get("spec")
    if claim is not None:
        claim.setdefault("volumeMode", "Filesystem")


_DEFAULTS: dict[Resource, Callable[[JSON], None]] = {
    NAMESPACES: _set_namespace,
    NODES: _set_node,
    SERVICES: _set_service,
    ENDPOINTS: _set_endpoints,
    PODS: _set_pod,
    DEPLOYMENTS: _set_deployment,
    REPLICASETS: _set_replica_set,
    ENDPOINTSLICES: _set_endpoint_slice,
}

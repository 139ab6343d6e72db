"""What a Service says: the fields that the data plane and the DNS server need.

The JSON in the Store is the truth; a consumer reads it once and keeps what it read. The Registry has filled in the
defaults (``defaults``), but they may be absent here: the objects of a real cluster are read too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, annotations_of, key_of, labels_of
from kubeapi.objects.parts import list_at, map_at

HEADLESS = "None"
"""The clusterIP of a headless Service."""

BALANCER_ANNOTATION = "kubesvc.dev/balancer"
"""Names the balancing algorithm of a Service."""
BALANCER_OPTIONS_ANNOTATION = "kubesvc.dev/balancer-options"
"""The options of the algorithm, as a JSON object."""
AFFINITY_COOKIE_ANNOTATION = "kubesvc.dev/affinity-cookie"
"""Names the cookie by which the requests of one client get to one endpoint."""
COOKIE_MAX_AGE_ANNOTATION = "kubesvc.dev/affinity-cookie-max-age"
"""For how many seconds a client keeps the cookie; without it, until the browser ends."""
PROTOCOL_ANNOTATION = "kubesvc.dev/protocol"
"""The value http has the requests of all TCP ports balanced, whatever their appProtocol is."""
ENDPOINT_HEADER_ANNOTATION = "kubesvc.dev/endpoint-header"
"""The value true adds the endpoint to HTTP answers."""

_NOTHING: JSON = {}


class ServicePort(NamedTuple):
    """One entry of spec.ports. ``target_port`` is a number or a container port's name; ``node_port`` 0 is none."""

    name: str
    protocol: str
    port: int
    target_port: int | str
    node_port: int
    app_protocol: str


class Service(NamedTuple):
    """A Service. ``cluster_ips`` is () for ExternalName and ("None",) for a headless one."""

    key: ObjectKey
    uid: str
    type: str
    labels: dict[str, str]
    annotations: dict[str, str]
    selector: dict[str, str]
    cluster_ips: tuple[str, ...]
    ip_families: tuple[str, ...]
    ports: tuple[ServicePort, ...]
    external_ips: tuple[str, ...]
    external_name: str
    load_balancer_ips: tuple[str, ...]
    load_balancer_source_ranges: tuple[str, ...]
    session_affinity: str
    affinity_timeout_seconds: int
    internal_traffic_policy: str
    external_traffic_policy: str
    health_check_node_port: int
    publish_not_ready_addresses: bool

    @property
    def is_headless(self) -> bool:
        """Whether the Service has no cluster IP because it asked for none."""
        return self.cluster_ips[:1] == (HEADLESS,)

    @property
    def is_external_name(self) -> bool:
        """Whether the Service only stands for another DNS name."""
        return self.type == "ExternalName"

    def is_http(self, port: ServicePort) -> bool:
        """Tell whether requests, not connections, are balanced; the annotation applies to all TCP ports and wins."""
        asked = self.annotations.get(PROTOCOL_ANNOTATION) or port.app_protocol
        return port.protocol == "TCP" and asked.lower() == "http"


class ServiceTarget(NamedTuple):
    """What the name of a Service stands for: fields of ``Service``, read in a fraction of the time."""

    type: str
    cluster_ips: tuple[str, ...]
    ports: tuple[ServicePort, ...]
    external_name: str

    @property
    def is_headless(self) -> bool:
        """As ``Service.is_headless``."""
        return self.cluster_ips[:1] == (HEADLESS,)

    @property
    def is_external_name(self) -> bool:
        """As ``Service.is_external_name``."""
        return self.type == "ExternalName"


def read_target(obj: JSON) -> ServiceTarget:
    """Read what the name of a Service stands for."""
    get = (obj.get("spec") or _NOTHING).get
    cluster_ips = get("clusterIPs") or filter(None, (get("clusterIP"),))
    ports = get("ports")
    return ServiceTarget(
        get("type") or "ClusterIP",
        tuple(cluster_ips),
        tuple([_read_port(each) for each in ports]) if ports else (),
        get("externalName") or "",
    )


def read_service(obj: JSON) -> Service:
    """Read a Service object."""
    spec, target = obj.get("spec") or _NOTHING, read_target(obj)
    affinity = map_at(spec, "sessionAffinityConfig", "clientIP")
    return Service(
        key=key_of(obj),
        uid=obj["metadata"].get("uid", ""),
        type=target.type,
        labels=labels_of(obj),
        annotations=annotations_of(obj),
        selector=spec.get("selector") or {},
        cluster_ips=target.cluster_ips,
        ip_families=tuple(spec.get("ipFamilies") or ()),
        ports=target.ports,
        external_ips=tuple(spec.get("externalIPs") or ()),
        external_name=target.external_name,
        load_balancer_ips=_vip_ingresses(obj),
        load_balancer_source_ranges=tuple(each.strip() for each in spec.get("loadBalancerSourceRanges") or ()),
        session_affinity=spec.get("sessionAffinity") or "None",
        affinity_timeout_seconds=affinity.get("timeoutSeconds") or 10800,
        internal_traffic_policy=spec.get("internalTrafficPolicy") or "Cluster",
        external_traffic_policy=spec.get("externalTrafficPolicy") or "Cluster",
        health_check_node_port=spec.get("healthCheckNodePort") or 0,
        publish_not_ready_addresses=bool(spec.get("publishNotReadyAddresses")),
    )


def _read_port(port: JSON) -> ServicePort:
    # Called for every port of a cluster: positional arguments take two thirds of the time of named ones.
    get, number = port.get, port["port"]
    return ServicePort(
        get("name") or "",
        get("protocol") or "TCP",
        number,
        get("targetPort") or number,
        get("nodePort") or 0,
        get("appProtocol") or "",
    )


def _vip_ingresses(obj: JSON) -> tuple[str, ...]:
    """Return the load balancer's addresses that the node serves itself: ipMode VIP, the default (KEP-1860)."""
    ingresses = load_balancer_ingresses(obj)
    return tuple(each["ip"] for each in ingresses if each.get("ip") and each.get("ipMode", "VIP") == "VIP")


def load_balancer_ingresses(obj: JSON) -> Sequence[JSON]:
    """Return status.loadBalancer.ingress: each with ``ip`` or ``hostname``, and perhaps ``ipMode``."""
    return list_at(obj, "status", "loadBalancer", "ingress")


def load_balancer_addresses(obj: JSON) -> list[str]:
    """Return the IP addresses among these."""
    return [each["ip"] for each in load_balancer_ingresses(obj) if each.get("ip")]

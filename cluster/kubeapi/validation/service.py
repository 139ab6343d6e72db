"""What a Service must be (pkg/apis/core/validation ValidateService and ValidateServiceUpdate).

Faults come in the real server's order. Whether an address or a port is free is ``allocators``' question.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.defaults import is_externally_accessible
from kubeapi.meta import JSON
from kubeapi.objects.service import HEADLESS
from kubeapi.validation.faults import (
    Faults,
    GoText,
    duplicate,
    each_invalid,
    forbidden,
    go_value,
    invalid,
    one_of,
    required,
    unsupported,
)
from kubeapi.validation.metadata import validate_labels
from kubeapi.validation.names import (
    address,
    cidr,
    dns1123_label,
    dns1123_subdomain,
    port_number,
    port_number_or_name,
    qualified_name,
    special_address,
)

BALANCER_ANNOTATION = "kubesvc.dev/balancer"
"""Names the balancing algorithm of a Service; the one annotation of our own."""

_LOCALHOST = ("127.0.0.1", "::1")
_LOOPBACK_FAULT = ("may not be in the loopback range (127.0.0.0/8, ::1/128)",)
PROTOCOLS = frozenset(("TCP", "UDP", "SCTP"))
_TYPES = frozenset(("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"))
_POLICIES = frozenset(("Cluster", "Local"))
_FAMILIES = frozenset(("IPv4", "IPv6"))
_FAMILY_POLICIES = frozenset(("SingleStack", "PreferDualStack", "RequireDualStack"))
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
_TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_KUBELET_PORT = 10250
_LONGEST_AFFINITY_SECONDS = 86400
_ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"
_NOT_EXTERNAL_NAME = "may not be set for ExternalName services"


def needs_health_check_node_port(spec: JSON) -> bool:
    """Tell whether the Service has a port that load balancers ask for health (pkg/api/service NeedsHealthCheck)."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def validate_service(obj: JSON, balancers: Sequence[str]) -> Faults:
    """Yield every fault of a Service but those of its metadata; ``balancers`` are the known algorithms, if any are."""
    spec: JSON = obj["spec"]
    yield from _validate_annotations(obj["metadata"].get("annotations", {}), balancers)
    is_headless = spec.get("clusterIPs", [])[:1] == [HEADLESS]
    if not spec.get("ports") and not is_headless and spec["type"] != "ExternalName":
        yield required("spec.ports")
    yield from _validate_type_rules(spec, is_headless)
    yield from _validate_ports(spec.get("ports", ()))
    yield from validate_labels(spec.get("selector", {}), "spec.selector")
    yield from one_of("spec.sessionAffinity", spec["sessionAffinity"], frozenset(("ClientIP", "None")))
    yield from _validate_affinity(spec)
    if spec["type"] != "ExternalName":
        yield from validate_cluster_ips(spec)
    for index, each in enumerate(spec.get("externalIPs", ())):
        yield from each_invalid(f"spec.externalIPs[{index}]", each, address(each) or _external_faults(each))
    yield from one_of("spec.type", spec["type"], _TYPES)
    yield from _validate_uniqueness(spec)
    yield from _validate_source_ranges(spec, obj["metadata"].get("annotations", {}))
    yield from _validate_load_balancer(spec)
    yield from _validate_policies(spec)


def _external_faults(ip: str) -> tuple[str, ...]:
    """Judge an external address. All others of 127.0.0.0/8 are stand-ins; these two are everybody's own machine."""
    return _LOOPBACK_FAULT if ip in _LOCALHOST else special_address(ip)


def _validate_annotations(annotations: dict[str, str], balancers: Sequence[str]) -> Faults:
    balancer = annotations.get(BALANCER_ANNOTATION)
    if balancer is not None and balancers and balancer not in balancers:
        yield unsupported(f"metadata.annotations[{BALANCER_ANNOTATION}]", balancer, balancers)
    mode, hints = annotations.get(_TOPOLOGY_MODE), annotations.get(_TOPOLOGY_HINTS)
    if mode is not None and hints is not None and mode != hints:
        detail = f"must match annotations[{_TOPOLOGY_HINTS}] when both are specified"
        yield invalid(f"metadata.annotations[{_TOPOLOGY_MODE}]", mode, detail)


def _validate_type_rules(spec: JSON, is_headless: bool) -> Faults:
    kind = spec["type"]
    if kind == "LoadBalancer":
        for index, port in enumerate(spec.get("ports", ())):
            if port.get("port") == _KUBELET_PORT:
                detail = f"may not expose port {_KUBELET_PORT} externally since it is used by kubelet"
                yield invalid(f"spec.ports[{index}]", _KUBELET_PORT, detail)
    if is_headless and kind in ("LoadBalancer", "NodePort"):
        yield invalid("spec.clusterIPs[0]", HEADLESS, f"may not be set to 'None' for {kind} services")
    if kind != "ExternalName":
        return
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(field):
            yield forbidden(f"spec.{field}", _NOT_EXTERNAL_NAME)
    name = spec.get("externalName", "").removesuffix(".")
    if name:
        yield from each_invalid("spec.externalName", name, dns1123_subdomain(name))
    else:
        yield required("spec.externalName")


def _validate_ports(ports: Sequence[JSON]) -> Faults:
    names: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"spec.ports[{index}]", port.get("name", "")
        if name:
            yield from each_invalid(f"{path}.name", name, dns1123_label(name))
            if name in names:
                yield duplicate(f"{path}.name", name)
            names.add(name)
        elif len(ports) > 1:
            yield required(f"{path}.name")
        number = port.get("port", 0)
        yield from each_invalid(f"{path}.port", number, port_number(number))
        yield from one_of(f"{path}.protocol", port["protocol"], PROTOCOLS)
        target: int | str = port.get("targetPort") or number
        yield from each_invalid(f"{path}.targetPort", target, port_number_or_name(target))
        if "appProtocol" in port:
            yield from each_invalid(f"{path}.appProtocol", port["appProtocol"], qualified_name(port["appProtocol"]))


def _validate_affinity(spec: JSON) -> Faults:
    settings, path = spec.get("sessionAffinityConfig"), "spec.sessionAffinityConfig"
    if spec["sessionAffinity"] == "None" and settings is not None:
        yield forbidden(path, "must not be set when session affinity is None")
    if spec["sessionAffinity"] != "ClientIP":
        return
    seconds = (settings or {}).get("clientIP", {}).get("timeoutSeconds")
    if seconds is None:
        yield required(f"{path}.clientIP.timeoutSeconds", "when session affinity type is ClientIP")
    elif not 0 < seconds <= _LONGEST_AFFINITY_SECONDS:
        detail = f"must be greater than 0 and less than {_LONGEST_AFFINITY_SECONDS}"
        yield invalid(f"{path}.clientIP.timeoutSeconds", seconds, detail)


def validate_cluster_ips(spec: JSON) -> Faults:
    """Yield what is wrong between clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy, whatever the cluster has."""
    addresses: list[str] = spec.get("clusterIPs", [])
    cluster_ip, policy = spec.get("clusterIP", ""), spec.get("ipFamilyPolicy")
    if addresses and not cluster_ip:
        yield invalid("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified")
    elif addresses and addresses[0] != cluster_ip:
        yield invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`")
    families: list[str] = spec.get("ipFamilies", [])
    for index, family in enumerate(families):
        yield from one_of(f"spec.ipFamilies[{index}]", family, _FAMILIES)
        if family in families[:index]:
            yield duplicate(f"spec.ipFamilies[{index}]", family)
    if policy is not None:
        yield from one_of("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES)
    yield from _validate_addresses(addresses, families)


def _validate_addresses(addresses: list[str], families: list[str]) -> Faults:
    is_headless = addresses[:1] == [HEADLESS]
    faults = [
        fault
        for index, each in enumerate(addresses)
        if index or not is_headless
        for fault in each_invalid(f"spec.clusterIPs[{index}]", each, address(each))
    ]
    if is_headless and len(addresses) > 1:
        faults.insert(0, invalid("spec.clusterIPs", addresses, "'None' must be the first and only value"))
    yield from faults
    if len(addresses) > 2:
        yield invalid("spec.clusterIPs", addresses, "may only hold up to 2 values")
    if faults or is_headless:
        return
    if len(addresses) > 1 and not {"IPv4", "IPv6"} <= {family_of(each) for each in addresses}:
        yield invalid("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family")
    for index, (each, family) in enumerate(zip(addresses, families, strict=False)):
        if family in _FAMILIES and family != family_of(each):
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            yield invalid(f"spec.clusterIPs[{index}]", each, detail)


def family_of(each: str) -> str:
    """Return the family of a valid address."""
    return "IPv6" if ":" in each else "IPv4"


def _validate_uniqueness(spec: JSON) -> Faults:
    ports = spec.get("ports", ())
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        number = port.get("nodePort", 0)
        if number and spec["type"] == "ClusterIP":
            yield forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
        if number and (port["protocol"], number) in seen:
            yield duplicate(f"spec.ports[{index}].nodePort", number)
        seen.add((port["protocol"], number))
    seen.clear()
    for index, port in enumerate(ports):
        key = (port["protocol"], port.get("port", 0))
        if key in seen:
            yield duplicate(f"spec.ports[{index}]", _go_port(*key))
        seen.add(key)


def _go_port(protocol: str, port: int) -> GoText:
    return GoText(
        f'core.ServicePort{{Name:"", Protocol:{go_value(protocol)}, AppProtocol:(*string)(nil), Port:{port}, '
        'TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:""}, NodePort:0}'
    )


def _validate_source_ranges(spec: JSON, annotations: dict[str, str]) -> Faults:
    """Yield the faults of the ranges of clients, which once came in an annotation with commas between."""
    path, ranges = "spec.LoadBalancerSourceRanges", spec.get("loadBalancerSourceRanges", ())
    text = annotations.get(_SOURCE_RANGES)
    if not ranges and text is None:
        return
    if not ranges:
        path = f"metadata.annotations[{_SOURCE_RANGES}]"
    if spec["type"] != "LoadBalancer":
        yield forbidden(path, _ONLY_LOAD_BALANCER)
    for index, each in enumerate(ranges):
        yield from each_invalid(f"{path}[{index}]", each.strip(), cidr(each.strip()))
    for each in text.split(",") if not ranges and text and text.strip() else ():
        yield from each_invalid(path, each.strip(), cidr(each.strip()))


def _validate_load_balancer(spec: JSON) -> Faults:
    is_load_balancer = spec["type"] == "LoadBalancer"
    if "allocateLoadBalancerNodePorts" in spec and not is_load_balancer:
        yield forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_LOAD_BALANCER)
    if "loadBalancerClass" not in spec:
        return
    if is_load_balancer:
        name = spec["loadBalancerClass"]
        yield from each_invalid("spec.loadBalancerClass", name, qualified_name(name))
    else:
        yield forbidden("spec.loadBalancerClass", _ONLY_LOAD_BALANCER)


def _validate_policies(spec: JSON) -> Faults:
    external = spec.get("externalTrafficPolicy")
    if external:
        if not is_externally_accessible(spec):
            detail = "may only be set for externally-accessible services"
            yield invalid("spec.externalTrafficPolicy", external, detail)
        elif external not in _POLICIES:
            yield unsupported("spec.externalTrafficPolicy", external, _POLICIES)
    health_check_port = spec.get("healthCheckNodePort", 0)
    if health_check_port and not needs_health_check_node_port(spec):
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield invalid("spec.healthCheckNodePort", health_check_port, detail)
    internal = spec.get("internalTrafficPolicy")
    if internal is not None and internal not in _POLICIES:
        yield unsupported("spec.internalTrafficPolicy", internal, _POLICIES)
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        yield unsupported("spec.trafficDistribution", distribution, _DISTRIBUTIONS)


def validate_service_update(new: JSON, old: JSON) -> Faults:
    """Yield what may not change: cluster IPs, a health-check port still in use, the load balancer's class."""
    spec, before = new["spec"], old["spec"]
    if "ExternalName" not in (spec["type"], before["type"]):
        yield from _validate_kept_addresses(spec, before)
        yield from _validate_kept_families(spec, before)
    is_port_in_use = needs_health_check_node_port(before) and needs_health_check_node_port(spec)
    if is_port_in_use and spec.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        yield forbidden("spec.healthCheckNodePort", "field is immutable")
    load_balancer_class = spec.get("loadBalancerClass")
    if spec["type"] == before["type"] == "LoadBalancer" and load_balancer_class != before.get("loadBalancerClass"):
        yield invalid("spec.loadBalancerClass", load_balancer_class or "null", "may not change once set")


def _validate_kept_addresses(spec: JSON, before: JSON) -> Faults:
    """Yield what may not happen to cluster IPs: only the secondary one comes and goes, and goes with SingleStack."""
    addresses: list[str] = spec.get("clusterIPs") or []
    kept: list[str] = before.get("clusterIPs") or []
    for index, (each, old) in enumerate(zip(addresses, kept, strict=False)):
        if each != old:
            yield invalid(f"spec.clusterIPs[{index}]", addresses, "may not change once set")
    if kept and not addresses:
        yield invalid("spec.clusterIPs[0]", None, "primary clusterIP can not be unset")
    elif len(addresses) < len(kept) and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        yield invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail)


def _validate_kept_families(spec: JSON, before: JSON) -> Faults:
    """Yield what may not happen to the families of a Service with cluster IPs; a headless one may have any."""
    if HEADLESS in (spec.get("clusterIP"), before.get("clusterIP")):
        return
    families: list[str] = spec.get("ipFamilies") or []
    kept: list[str] = before.get("ipFamilies") or []
    for each, old in zip(families, kept, strict=False):
        if each != old:
            yield invalid("spec.ipFamilies[0]", _go_families(families), "may not change once set")
    if families and len(families) < len(kept) and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary ipFamily"
        yield invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail)


def _go_families(families: list[str]) -> GoText:
    return GoText(f"[]core.IPFamily{{{', '.join(go_value(each) for each in families)}}}")

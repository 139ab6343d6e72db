"""What a Service must be (pkg/apis/core/validation ValidateService and ValidateServiceUpdate).

Faults are in the real server's order. ``allocation`` checks whether addresses and ports are free.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.kinds.service.clusterips import validate_cluster_ips, validate_kept_addresses, validate_kept_families
from kubeapi.kinds.service.spec import is_externally_accessible, needs_health_check_node_port
from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.objects.service import HEADLESS
from kubeapi.validation.addresses import address, cidr, special_address
from kubeapi.validation.faults import (
    Faults,
    GoText,
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    one_of,
    required,
    struct_text,
    unsupported,
)
from kubeapi.validation.metadata import validate_labels
from kubeapi.validation.names import (
    PROTOCOLS,
    dns1123_label,
    dns1123_subdomain,
    port_number,
    port_number_or_name,
    qualified_name,
)

_LOCALHOST = ("127.0.0.1", "::1")
_LOOPBACK_FAULT = ("may not be in the loopback range (127.0.0.0/8, ::1/128)",)
_TYPES = frozenset(("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"))
_POLICIES = frozenset(("Cluster", "Local"))
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
_TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_LONGEST_AFFINITY_SECONDS = 86400
_ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"
_NOT_EXTERNAL_NAME = "may not be set for ExternalName services"


def validate_service(obj: JSON) -> Faults:
    """Yield every fault of a Service but those of its metadata."""
    spec: JSON = obj["spec"]
    yield from _validate_annotations(obj["metadata"].get("annotations", {}))
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
    """Return the faults of an external IP: those of 127.0.0.0/8 are allowed here, but for the machine's localhost."""
    return _LOOPBACK_FAULT if ip in _LOCALHOST else special_address(ip)


def _validate_annotations(annotations: dict[str, str]) -> Faults:
    mode, hints = annotations.get(_TOPOLOGY_MODE), annotations.get(_TOPOLOGY_HINTS)
    if mode is not None and hints is not None and mode != hints:
        detail = f"must match annotations[{_TOPOLOGY_HINTS}] when both are specified"
        yield invalid(f"metadata.annotations[{_TOPOLOGY_MODE}]", mode, detail)


def _validate_type_rules(spec: JSON, is_headless: bool) -> Faults:
    kind = spec["type"]
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
    seconds = map_at(spec, "sessionAffinityConfig", "clientIP").get("timeoutSeconds")
    if seconds is None:
        yield required(f"{path}.clientIP.timeoutSeconds", "when session affinity type is ClientIP")
    elif not 0 < seconds <= _LONGEST_AFFINITY_SECONDS:
        detail = f"must be greater than 0 and less than {_LONGEST_AFFINITY_SECONDS}"
        yield invalid(f"{path}.clientIP.timeoutSeconds", seconds, detail)


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
            yield duplicate(f"spec.ports[{index}]", _port_text(*key))
        seen.add(key)


def _port_text(protocol: str, port: int) -> GoText:
    """Return the key by which the real server finds repeated ports."""
    given: JSON = {"Name": "", "Protocol": protocol, "AppProtocol": None}
    return struct_text({**given, "Port": port, "TargetPort": 0, "NodePort": 0})


def _validate_source_ranges(spec: JSON, annotations: dict[str, str]) -> Faults:
    """Yield the faults of the source ranges, in the field or in the older annotation with commas."""
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
    """Yield the faults of changes: of cluster IPs, a health-check port in use, the load balancer's class."""
    spec, before = new["spec"], old["spec"]
    if "ExternalName" not in (spec["type"], before["type"]):
        yield from validate_kept_addresses(spec, before)
        yield from validate_kept_families(spec, before)
    is_port_in_use = needs_health_check_node_port(before) and needs_health_check_node_port(spec)
    if is_port_in_use and spec.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        yield forbidden("spec.healthCheckNodePort", "field is immutable")
    load_balancer_class = spec.get("loadBalancerClass")
    if spec["type"] == before["type"] == "LoadBalancer" and load_balancer_class != before.get("loadBalancerClass"):
        yield invalid("spec.loadBalancerClass", load_balancer_class, "may not change once set")

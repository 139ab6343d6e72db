"""What the status of a Service must be (pkg/apis/core/validation ValidateServiceStatusUpdate)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.service import load_balancer_ingresses
from kubeapi.validation.addresses import address, parse_address
from kubeapi.validation.faults import Faults, each_invalid, forbidden, invalid, required, unsupported
from kubeapi.validation.names import dns1123_subdomain

_MODES = frozenset(("Proxy", "VIP"))


def validate_service_status(obj: JSON) -> Faults:
    """Yield every fault of a Service's status: of the addresses of its load balancer."""
    ingresses, path = load_balancer_ingresses(obj), "status.loadBalancer"
    if ingresses and obj["spec"]["type"] != "LoadBalancer":
        yield forbidden(f"{path}.ingress", "may only be used when `spec.type` is 'LoadBalancer'")
        return
    for index, ingress in enumerate(ingresses):
        yield from _validate_ingress(ingress, f"{path}.ingress[{index}]")


def _validate_ingress(ingress: JSON, path: str) -> Faults:
    ip, mode, hostname = (ingress.get(each) or "" for each in ("ip", "ipMode", "hostname"))
    if ip:
        yield from each_invalid(f"{path}.ip", ip, address(ip))
    if ip and not mode:
        yield required(f"{path}.ipMode", "must be specified when `ip` is set")
    elif mode and not ip:
        yield forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set")
    elif mode and mode not in _MODES:
        yield unsupported(f"{path}.ipMode", mode, _MODES)
    if hostname:
        yield from each_invalid(f"{path}.hostname", hostname, dns1123_subdomain(hostname))
        if parse_address(hostname) is not None:
            yield invalid(f"{path}.hostname", hostname, "must be a DNS name, not an IP address")

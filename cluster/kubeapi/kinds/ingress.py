"""Ingress (ValidateIngress* of pkg/apis/networking/validation, pkg/registry/networking/ingress/strategy.go).

A new one that names no class gets the default IngressClass (plugin/pkg/admission/network/defaultingressclass).
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.kind import STATUS, Kind, Objects, content_of
from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.ingress import CLASS_ANNOTATION, is_default_class
from kubeapi.objects.parts import list_at, map_at
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import INGRESSCLASSES, INGRESSES
from kubeapi.status import FieldError
from kubeapi.validation.addresses import address, parse_address
from kubeapi.validation.faults import Faults, GoText, each_invalid, invalid, required, unsupported
from kubeapi.validation.names import (
    dns1123_label,
    dns1123_subdomain,
    port_name,
    port_number,
    wildcard_subdomain,
)
from kubeapi.validation.references import validate_typed_reference
from kubeapi.validation.warnings import verbatim

_PATH_TYPES = frozenset(("Exact", "Prefix", "ImplementationSpecific"))
_BAD_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")
_NO_ADDRESS = "must be a DNS name, not an IP address"


def _validate(obj: JSON) -> Faults:
    """Yield every fault of an Ingress but those of its metadata."""
    spec = obj.get("spec", {})
    rules, default = spec.get("rules") or (), spec.get("defaultBackend")
    if not rules and default is None:
        given = GoText("null" if spec.get("rules") is None else "[]")
        yield invalid("spec", given, "either `defaultBackend` or `rules` must be specified")
    if default is not None:
        yield from _validate_backend(default, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        yield from _validate_rule(rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        yield from _validate_tls(tls, f"spec.tls[{index}]")
    if "ingressClassName" in spec:
        name = spec["ingressClassName"]
        yield from each_invalid("spec.ingressClassName", name, dns1123_subdomain(name))


def _validate_rule(rule: JSON, path: str) -> Faults:
    host = rule.get("host", "")
    if host:
        if parse_address(host) is not None:
            yield invalid(f"{path}.host", host, _NO_ADDRESS)
        yield from each_invalid(f"{path}.host", host, _host_faults(host))
    http = rule.get("http")
    if http is None:
        return
    if not http.get("paths"):
        yield required(f"{path}.http.paths")
    for index, each in enumerate(http.get("paths") or ()):
        yield from _validate_path(each, f"{path}.http.paths[{index}]")


def _host_faults(host: str) -> tuple[str, ...]:
    return wildcard_subdomain(host) if "*" in host else dns1123_subdomain(host)


def _validate_path(each: JSON, path: str) -> Faults:
    kind, text = each.get("pathType"), each.get("path", "")
    if kind is None:
        yield required(f"{path}.pathType", "pathType must be specified")
        return
    if kind not in _PATH_TYPES:
        yield unsupported(f"{path}.pathType", kind, _PATH_TYPES)
    elif not text.startswith("/") and (text or kind != "ImplementationSpecific"):
        yield invalid(f"{path}.path", text, "must be an absolute path")
    if kind in ("Exact", "Prefix"):
        found = [f"must not contain '{each}'" for each in _BAD_SEQUENCES if each in text]
        found += [f"cannot end with '{each}'" for each in _BAD_ENDS if text.endswith(each)]
        yield from each_invalid(f"{path}.path", text, found)
    yield from _validate_backend(each.get("backend", {}), f"{path}.backend")


def _validate_backend(backend: JSON, path: str) -> Faults:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        yield from validate_typed_reference(resource, f"{path}.resource")
    elif service is not None:
        yield from _validate_service(service, path)
    else:
        yield invalid(path, "", "resource or service backend is required")


def _validate_service(service: JSON, path: str) -> Faults:
    name, port = service.get("name", ""), map_at(service, "port")
    if not name:
        yield required(f"{path}.service.name")
    else:
        yield from each_invalid(f"{path}.service.name", name, dns1123_label(name))
    if port.get("name") and port.get("number"):
        yield invalid(path, "", "cannot set both port name & port number")
    elif port.get("name"):
        yield from each_invalid(f"{path}.service.port.name", port["name"], port_name(port["name"]))
    elif port.get("number"):
        yield from each_invalid(f"{path}.service.port.number", port["number"], port_number(port["number"]))
    else:
        yield required(path, "port name or number is required")


def _validate_tls(tls: JSON, path: str) -> Faults:
    for index, host in enumerate(tls.get("hosts") or ()):
        yield from each_invalid(f"{path}.hosts[{index}]", host, _host_faults(host))
    if name := tls.get("secretName", ""):
        yield from each_invalid(f"{path}.secretName", name, dns1123_subdomain(name))


def _validate_create(obj: JSON) -> Faults:
    annotated, named = annotations_of(obj).get(CLASS_ANNOTATION), obj.get("spec", {}).get("ingressClassName")
    if annotated is not None and named is not None and annotated != named:
        detail = "must match `ingressClassName` when both are specified"
        yield invalid(f"annotations.{CLASS_ANNOTATION}", annotated, detail)


def _validate_status(obj: JSON) -> Faults:
    for index, each in enumerate(list_at(obj, "status", "loadBalancer", "ingress")):
        path = f"status.loadBalancer.ingress[{index}]"
        if ip := each.get("ip", ""):
            yield from each_invalid(f"{path}.ip", ip, address(ip))
        if hostname := each.get("hostname", ""):
            yield from each_invalid(f"{path}.hostname", hostname, dns1123_subdomain(hostname))
            if parse_address(hostname) is not None:
                yield invalid(f"{path}.hostname", hostname, _NO_ADDRESS)


def _admit(new: JSON, old: JSON | None, objects: Objects) -> None:
    """Give a new Ingress that names no class the newest default one, of equally old ones the first by name."""
    if old is not None or "ingressClassName" in new.get("spec", {}) or CLASS_ANNOTATION in annotations_of(new):
        return
    classes = [each["metadata"] for each in objects.list(INGRESSCLASSES) if is_default_class(each)]
    if classes:
        newest = max(each["creationTimestamp"] for each in classes)
        name = min(each["name"] for each in classes if each["creationTimestamp"] == newest)
        new.setdefault("spec", {})["ingressClassName"] = name


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {"loadBalancer": {}}


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    if before is None and CLASS_ANNOTATION in annotations_of(after) and "ingressClassName" not in after["spec"]:
        text = f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"
        yield verbatim("metadata.annotations", text)


KIND = Kind(
    resource=INGRESSES,
    subresources=(STATUS,),
    admit=_admit,
    prepare_for_create=_set_first_status,
    desired_state=content_of,
    validate=_validate,
    validate_create=_validate_create,
    validate_status=_validate_status,
    warnings=_warnings,
    apply_rank=90,
)

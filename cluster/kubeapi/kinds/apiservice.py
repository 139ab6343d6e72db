"""APIService (k8s.io/kube-aggregator ``apis/apiregistration/validation``, ``registry/apiservice/strategy.go``)."""

from __future__ import annotations

import base64

from kubeapi.kind import STATUS, Kind
from kubeapi.meta import JSON
from kubeapi.objects.apiservice import local_condition
from kubeapi.objects.conditions import conditions_of
from kubeapi.objects.parts import map_at, spec_of
from kubeapi.scheme import APISERVICES
from kubeapi.validation.faults import Faults, each_invalid, invalid, required, unsupported
from kubeapi.validation.names import dns1035_label, dns1123_subdomain, path_segment

_STATUSES = ("True", "False", "Unknown")


def _set_defaults(obj: JSON) -> None:
    service = spec_of(obj).get("service")
    if service is not None:
        service.setdefault("port", 443)


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {}
    if not spec_of(obj).get("service"):
        obj["status"] = {"conditions": [local_condition(obj["metadata"]["creationTimestamp"])]}


def _validate(obj: JSON) -> Faults:
    spec, name = spec_of(obj), obj["metadata"].get("name", "")
    group, version = spec.get("group", ""), spec.get("version", "")
    wanted = f"{version}.{group}"
    if name != wanted and not path_segment(name):
        yield invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{wanted}"')
    if not group and version != "v1":
        yield required("spec.group", "only v1 may have an empty group and it better be legacy kube")
    if group:
        yield from each_invalid("spec.group", group, dns1123_subdomain(group))
    yield from each_invalid("spec.version", version, dns1035_label(version))
    for field, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        priority = spec.get(field, 0)
        if not 0 < priority <= limit:
            yield invalid(f"spec.{field}", priority, f"must be positive and less than {limit}")
    yield from _validate_server(spec)


def _validate_server(spec: JSON) -> Faults:
    """Yield the faults of what says which server it is."""
    bundle, is_insecure = spec.get("caBundle") or "", spec.get("insecureSkipTLSVerify", False)
    if not spec.get("service"):
        if bundle:
            size = f"{len(base64.b64decode(bundle))} bytes"
            yield invalid("spec.caBundle", size, "local APIServices may not have a caBundle")
        if is_insecure:
            text = "local APIServices may not have insecureSkipTLSVerify"
            yield invalid("spec.insecureSkipTLSVerify", is_insecure, text)
        return
    service = map_at(spec, "service")
    for field in ("namespace", "name"):
        if not service.get(field):
            yield required(f"spec.service.{field}")
    port = service.get("port", 443)
    if not 1 <= port <= 65535:
        yield invalid("spec.service.port", port, "port is not valid: must be between 1 and 65535, inclusive")
    if is_insecure and bundle:
        yield invalid("spec.insecureSkipTLSVerify", is_insecure, "may not be true if caBundle is present")


def _validate_status(obj: JSON) -> Faults:
    for index, condition in enumerate(conditions_of(obj)):
        if condition.get("status") not in _STATUSES:
            yield unsupported(f"status.conditions[{index}].status", condition.get("status", ""), _STATUSES)


KIND = Kind(
    resource=APISERVICES,
    subresources=(STATUS,),
    categories=("api-extensions",),
    set_defaults=_set_defaults,
    prepare_for_create=_set_first_status,
    allows_unconditional_update=False,
    status_keeps=frozenset(("labels", "annotations", "finalizers", "ownerReferences")),
    validate_name=path_segment,
    validate=_validate,
    validate_status=_validate_status,
)

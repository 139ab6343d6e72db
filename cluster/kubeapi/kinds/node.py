"""Node (pkg/apis/core/v1/conversion.go, pkg/apis/core/validation ValidateNode, ValidateNodeUpdate)."""

from __future__ import annotations

from ipaddress import ip_network

from kubeapi.kind import STATUS, Kind, Subresource
from kubeapi.meta import JSON
from kubeapi.scheme import NODES
from kubeapi.serialization.quantity import amount_of
from kubeapi.status import FieldError
from kubeapi.validation.addresses import cidr
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    forbidden,
    go_value,
    invalid,
    required,
    struct_text,
)
from kubeapi.validation.names import label_value, qualified_name

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_WHOLE = frozenset(("pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "replicationcontrollers"))
"""Resources in whole numbers (helper.IsIntegerResourceName), as all with a domain in their name."""
_TAINTS = "metadata.taints"
"""The path of taints in Kubernetes' messages, though they are in the spec."""
_ONCE = 'node updates may not change {} except from "" to valid'


def _set_defaults(obj: JSON) -> None:
    """Make podCIDR the first of podCIDRs, whichever is given (Convert_v1_NodeSpec_To_core_NodeSpec)."""
    spec = obj.setdefault("spec", {})
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif spec.get("podCIDRs") and "podCIDR" not in spec:
        spec["podCIDR"] = spec["podCIDRs"][0]


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a new Node but those of its metadata."""
    yield from _validate_taints(obj.get("spec", {}).get("taints", ()))
    yield from _validate_resources(obj)
    yield from _validate_pod_cidrs(obj.get("spec", {}))


def _validate_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault for everything that changes but may not: pod CIDRs and the provider's name, once they are set."""
    spec, before = new.get("spec", {}), old.get("spec", {})
    if before.get("podCIDRs") and before["podCIDRs"] != spec.get("podCIDRs"):
        yield forbidden("spec.podCIDRs", _ONCE.format("podCIDR"))
    if before.get("providerID") and before["providerID"] != spec.get("providerID"):
        yield forbidden("spec.providerID", _ONCE.format("providerID"))


def _validate_resources(obj: JSON) -> Faults:
    """Yield the faults of a Node's capacity and allocatable resources."""
    status = obj.get("status", {})
    for field in ("capacity", "allocatable"):
        for name, quantity in status.get(field, {}).items():
            path = f"status.{field}.{name}"
            yield from each_invalid(path, name, qualified_name(name))
            if amount_of(quantity) < 0:
                yield invalid(path, quantity, "must be greater than or equal to 0")
            elif (name in _WHOLE or "/" in name) and amount_of(quantity) % 1:
                yield invalid(path, quantity, "must be an integer")


def _validate_addresses(obj: JSON) -> Faults:
    """Yield a fault for each repeated address in a Node's status."""
    addresses = obj.get("status", {}).get("addresses", [])
    for index, each in enumerate(addresses):
        if each in addresses[:index]:
            value = struct_text({"Type": each.get("type", ""), "Address": each["address"]})
            yield duplicate(f"status.addresses[{index}]", value)


def _validate_taints(taints: list[JSON]) -> Faults:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        path, key, effect = f"{_TAINTS}[{index}]", taint.get("key", ""), taint.get("effect", "")
        yield from each_invalid(f"{path}.key", key, qualified_name(key))
        if wrong := label_value(taint.get("value", "")):
            yield invalid(f"{path}.value", taint["value"], ";".join(wrong))
        yield from _validate_effect(f"{path}.effect", effect)
        if (key, effect) in seen:
            fields = {
                "Key": key,
                "Value": taint.get("value", ""),
                "Effect": effect,
                "TimeAdded": taint.get("timeAdded"),
            }
            twice = duplicate(path, struct_text(fields))
            yield twice._replace(message=f"{twice.message}: taints must be unique by key and effect pair")
        seen.add((key, effect))


def _validate_effect(path: str, effect: str) -> Faults:
    if not effect:
        yield required(path)
    elif effect not in _EFFECTS:
        choices = ", ".join(map(go_value, _EFFECTS))
        message = f"Unsupported value: {go_value(effect)}: supported values: {choices}"
        yield FieldError("FieldValueNotSupported", path, message)


def _validate_pod_cidrs(spec: JSON) -> Faults:
    path, cidrs = "spec.podCIDRs", spec.get("podCIDRs", [])
    wrong = [each for each in cidrs if cidr(each)]
    if cidrs and spec.get("podCIDR") != cidrs[0]:
        yield invalid("spec.podCIDR", spec.get("podCIDR"), "must be the first of spec.podCIDRs")
    for index, each in enumerate(cidrs):
        yield from each_invalid(f"{path}[{index}]", each, cidr(each))
    if len(cidrs) < 2:
        return
    if wrong:
        why = f"failed to parse cidr value:{go_value(wrong[0])} with error:invalid CIDR address: {wrong[0]}"
        message = f"Internal error: invalid PodCIDRs. failed to check with dual stack with error:{why}"
        yield FieldError("InternalError", path, message)
    families = {ip_network(each, strict=False).version for each in cidrs if each not in wrong}
    if wrong or len(families) < 2 or len(cidrs) > 2:
        yield invalid(path, cidrs, "may specify no more than one CIDR for each IP family")
    for index, each in enumerate(cidrs):
        if each in cidrs[:index]:
            yield duplicate(f"{path}[{index}]", each)


def _validate_status(obj: JSON) -> Faults:
    yield from _validate_resources(obj)
    yield from _validate_addresses(obj)


KIND = Kind(
    resource=NODES,
    subresources=(
        Subresource("proxy", ("create", "delete", "get", "patch", "update"), "NodeProxyOptions"),
        STATUS,
    ),
    field_labels=("spec.unschedulable",),
    set_defaults=_set_defaults,
    accepts_status=True,
    validate=_validate,
    validate_update=_validate_update,
    validate_status=_validate_status,
    apply_rank=10,
    is_authored=False,
)

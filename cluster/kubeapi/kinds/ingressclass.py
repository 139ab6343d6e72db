"""IngressClass (ValidateIngressClass* of pkg/apis/networking/validation, pkg/registry/networking/ingressclass)."""

from __future__ import annotations

import re

from kubeapi.kind import Kind, content_of
from kubeapi.meta import JSON
from kubeapi.scheme import INGRESSCLASSES
from kubeapi.validation.faults import Faults, each_invalid, forbidden, invalid, required, too_long, unsupported
from kubeapi.validation.names import dns1123_label, dns1123_subdomain
from kubeapi.validation.references import validate_typed_reference

_MAX_CONTROLLER = 250
_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_SCOPES = frozenset(("Cluster", "Namespace"))


def _set_defaults(obj: JSON) -> None:
    parameters = obj.get("spec", {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")


def _validate(obj: JSON) -> Faults:
    """Yield every fault of an IngressClass but those of its metadata."""
    spec = obj.get("spec", {})
    controller = spec.get("controller", "")
    if len(controller) > _MAX_CONTROLLER:
        yield too_long("spec.controller", _MAX_CONTROLLER)
    yield from _validate_controller(controller)
    if (parameters := spec.get("parameters")) is not None:
        yield from validate_typed_reference(parameters, "spec.parameters")
        yield from _validate_scope(parameters, "spec.parameters")


def _validate_controller(controller: str) -> Faults:
    """Yield the faults of a domain-prefixed path."""
    if not controller:
        yield required("spec.controller")
        return
    host, _, path = controller.partition("/")
    if not host or not path:
        yield invalid("spec.controller", controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
        return
    yield from each_invalid("spec.controller", host, dns1123_subdomain(host))
    if not re.fullmatch(_PATH, path):
        yield invalid("spec.controller", path, f"Invalid path (regex used for validation is '{_PATH}')")


def _validate_scope(parameters: JSON, path: str) -> Faults:
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        yield required(f"{path}.scope")
    elif scope not in _SCOPES:
        yield unsupported(f"{path}.scope", scope, _SCOPES)
    elif scope == "Cluster" and namespace is not None:
        yield forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")
    elif scope == "Namespace" and namespace is None:
        yield required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
    elif scope == "Namespace":
        yield from each_invalid(f"{path}.namespace", namespace, dns1123_label(namespace))


def _validate_update(new: JSON, old: JSON) -> Faults:
    controller = new.get("spec", {}).get("controller", "")
    if controller != old.get("spec", {}).get("controller", ""):
        yield invalid("spec.controller", controller, "field is immutable")


KIND = Kind(
    resource=INGRESSCLASSES,
    set_defaults=_set_defaults,
    desired_state=content_of,
    validate=_validate,
    validate_update=_validate_update,
    lists_update_faults_first=True,
    apply_rank=20,
)

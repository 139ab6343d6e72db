"""What an Ingress says: its class, hosts, paths, backends, certificates and addresses; and what an IngressClass says.

The annotations that are acted on are read by ``ingressoptions``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, annotations_of, key_of
from kubeapi.objects.parts import list_at, map_at, spec_of

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
"""Names the class in objects from before spec.ingressClassName."""
DEFAULT_CLASS_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"
"""The value true makes an IngressClass that of new Ingresses which name none."""
INGRESS_CONTROLLER = "kubesvc.dev/ingress"
"""The spec.controller of the IngressClasses whose Ingresses kubesvc serves."""
HTTP_PORT, HTTPS_PORT = 80, 443
"""Where Ingresses answer."""


class IngressBackend(NamedTuple):
    """A port of a Service, by number or name; ``resource`` is kind and name of another backend, "" for a Service."""

    service: str
    port: int | str
    resource: str = ""


class IngressPath(NamedTuple):
    """``type`` is Exact, Prefix or ImplementationSpecific."""

    path: str
    type: str
    backend: IngressBackend


class IngressRule(NamedTuple):
    """The paths of a host, "" for every host; a wildcard begins with ``*.``."""

    host: str
    paths: tuple[IngressPath, ...]


class IngressTLS(NamedTuple):
    """The hosts that get the certificate of a Secret, "" for the default certificate; no hosts stand for all."""

    hosts: tuple[str, ...]
    secret: str


class Ingress(NamedTuple):
    """An Ingress. ``class_name`` is "" where it names none; ``addresses`` are those of its status."""

    key: ObjectKey
    created: str
    annotations: Mapping[str, str]
    class_name: str
    rules: tuple[IngressRule, ...]
    default_backend: IngressBackend | None
    tls: tuple[IngressTLS, ...]
    addresses: tuple[str, ...]


def read_ingress(obj: JSON) -> Ingress:
    """Read an Ingress object."""
    spec = spec_of(obj)
    default = spec.get("defaultBackend")
    return Ingress(
        key=key_of(obj),
        created=obj["metadata"].get("creationTimestamp") or "",
        annotations=annotations_of(obj),
        class_name=class_name_of(obj),
        rules=tuple(map(_read_rule, spec.get("rules") or ())),
        default_backend=_read_backend(default) if default else None,
        tls=tuple(_read_tls(each) for each in spec.get("tls") or ()),
        addresses=ingress_addresses(obj),
    )


def class_name_of(obj: JSON) -> str:
    """Return the name of an Ingress' class, "" if it names none; the field goes before the annotation."""
    return spec_of(obj).get("ingressClassName") or annotations_of(obj).get(CLASS_ANNOTATION, "")


def ingress_addresses(obj: JSON) -> tuple[str, ...]:
    """Return the addresses at which an Ingress is served, by its status."""
    return tuple(each["ip"] for each in list_at(obj, "status", "loadBalancer", "ingress") if each.get("ip"))


def is_served_by_kubesvc(class_name: str, controller: str | None) -> bool:
    """Tell whether kubesvc serves an Ingress, with the controller of its class, None if there is no such class.

    One that names no class is served too, as by ingress-nginx with --watch-ingress-without-class.
    """
    return not class_name or controller == INGRESS_CONTROLLER


def controller_of_class(obj: JSON) -> str:
    """Return the controller of an IngressClass."""
    return str(spec_of(obj).get("controller") or "")


def is_default_class(obj: JSON) -> bool:
    """Tell whether an IngressClass is that of new Ingresses which name none."""
    return annotations_of(obj).get(DEFAULT_CLASS_ANNOTATION) == "true"


def _read_rule(rule: JSON) -> IngressRule:
    return IngressRule((rule.get("host") or "").lower(), tuple(map(_read_path, list_at(rule, "http", "paths"))))


def _read_path(path: JSON) -> IngressPath:
    backend = _read_backend(map_at(path, "backend"))
    return IngressPath(path.get("path") or "/", path.get("pathType") or "ImplementationSpecific", backend)


def _read_backend(backend: JSON) -> IngressBackend:
    service, resource = map_at(backend, "service"), map_at(backend, "resource")
    port = map_at(service, "port")
    named = f"{resource.get('kind', '')} {resource.get('name', '')}" if resource else ""
    return IngressBackend(service.get("name") or "", port.get("name") or port.get("number") or 0, named)


def _read_tls(tls: JSON) -> IngressTLS:
    return IngressTLS(tuple(each.lower() for each in tls.get("hosts") or ()), tls.get("secretName") or "")

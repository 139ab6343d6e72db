"""Ingresses and IngressClasses: what is refused, in Kubernetes' words, and which class a new Ingress gets."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import new_registry

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.objects.ingress import CLASS_ANNOTATION, DEFAULT_CLASS_ANNOTATION
from kubeapi.registry import Registry
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import INGRESSCLASSES, INGRESSES, Resource
from kubeapi.status import Invalid
from kubeapi.validation.warnings import warning_text

BACKEND = {"service": {"name": "web", "port": {"number": 80}}}


def ingress(**spec: Any) -> JSON:
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": spec or {"defaultBackend": BACKEND}}


def of_path(path: JSON) -> JSON:
    return ingress(rules=[{"host": "a.example", "http": {"paths": [path]}}])


def of_backend(**backend: Any) -> JSON:
    return ingress(defaultBackend=backend)


def of_port(**port: Any) -> JSON:
    return of_backend(service={"name": "web", "port": port})


def ingress_class(name: str = "x", *, is_default: bool = False, **spec: Any) -> JSON:
    annotations = {DEFAULT_CLASS_ANNOTATION: "true"} if is_default else {}
    whole = {"controller": "example.com/x", **spec}
    return {"metadata": {"name": name, "annotations": annotations}, "spec": whole}


def of_parameters(**parameters: Any) -> JSON:
    return ingress_class(parameters=parameters)


def faults(resource: Resource, obj: JSON) -> list[str]:
    with pytest.raises(Invalid) as refusal:
        new_registry().create(resource, obj)
    return [str(each) for each in refusal.value.causes]


PATH = "spec.rules[0].http.paths[0]"
REFUSED = [
    (ingress(tls=[]), "spec: *either `defaultBackend` or `rules` must be specified"),
    (ingress(rules=[{"host": "1.2.3.4"}]), "spec.rules[0].host: *must be a DNS name, not an IP address"),
    (ingress(rules=[{"host": "*.*.x"}]), "spec.rules[0].host: *a wildcard DNS-1123 subdomain must start with '*.'"),
    (ingress(rules=[{"host": "A.x"}]), "spec.rules[0].host: *a lowercase RFC 1123 subdomain must consist"),
    (ingress(rules=[{"http": {"paths": []}}]), "spec.rules[0].http.paths: *Required value"),
    (of_path({"path": "/", "backend": BACKEND}), f"{PATH}.pathType: *pathType must be specified"),
    (
        of_path({"path": "/", "pathType": "Any", "backend": BACKEND}),
        f"{PATH}.pathType: *supported values: *Exact*Prefix",
    ),
    (of_path({"path": "x", "pathType": "Prefix", "backend": BACKEND}), f"{PATH}.path: *must be an absolute path"),
    (of_path({"path": "/a//b", "pathType": "Exact", "backend": BACKEND}), f"{PATH}.path: *must not contain '//'"),
    (of_path({"path": "/a/..", "pathType": "Exact", "backend": BACKEND}), f"{PATH}.path: *cannot end with '/..'"),
    (of_path({"path": "/", "pathType": "Exact"}), f"{PATH}.backend: *resource or service backend is required"),
    (of_backend(**BACKEND, resource={"kind": "B", "name": "b"}), "spec.defaultBackend: *cannot set both resource and"),
    (of_backend(resource={"kind": "B", "name": "b%"}), "spec.defaultBackend.resource.name: *may not contain '%'"),
    (of_backend(service={"name": "Web", "port": {"number": 1}}), "spec.defaultBackend.service.name: *RFC 1123 label"),
    (of_port(), "spec.defaultBackend: Required value: port name or number is required"),
    (of_port(number=80, name="http"), "spec.defaultBackend: *cannot set both port name & port number"),
    (of_port(number=70000), "spec.defaultBackend.service.port.number: *must be between 1 and 65535"),
    (ingress(defaultBackend=BACKEND, tls=[{"secretName": "A_"}]), "spec.tls[0].secretName: *RFC 1123 subdomain"),
    (ingress(defaultBackend=BACKEND, tls=[{"hosts": ["*x"]}]), "spec.tls[0].hosts[0]: *wildcard DNS-1123"),
    (ingress(defaultBackend=BACKEND, ingressClassName="A"), "spec.ingressClassName: *RFC 1123 subdomain"),
    (ingress_class(controller=""), "spec.controller: Required value"),
    (ingress_class(controller="x"), 'spec.controller: *must be a domain-prefixed path (such as "acme.io/foo")'),
    (of_parameters(name="n"), "spec.parameters.kind: Required value"),
    (of_parameters(kind="K", name="n", scope="Pod"), "spec.parameters.scope: *supported values: *Cluster*Namespace"),
    (of_parameters(kind="K", name="n", scope="Namespace"), "spec.parameters.namespace: Required value"),
    (of_parameters(kind="K", name="n", namespace="x"), "spec.parameters.namespace: Forbidden"),
]


@pytest.mark.parametrize(("obj", "text"), REFUSED, ids=lambda each: each if isinstance(each, str) else "")
def test_what_kubernetes_refuses_is_refused(obj: JSON, text: str) -> None:
    (fault,) = faults(INGRESSCLASSES if "controller" in obj["spec"] else INGRESSES, obj)
    at = 0
    for part in text.split("*" if "'*." not in text else " *"):
        at = fault.index(part.strip(), at)


def test_the_controller_of_a_class_stays() -> None:
    registry = new_registry()
    stored = registry.create(INGRESSCLASSES, ingress_class())
    with pytest.raises(Invalid, match="field is immutable"):
        registry.update(INGRESSCLASSES, {**stored, "spec": {"controller": "example.com/other"}})


def test_parameters_are_of_the_cluster_unless_they_say_otherwise() -> None:
    made = new_registry().create(INGRESSCLASSES, of_parameters(kind="K", name="n"))
    assert made["spec"]["parameters"]["scope"] == "Cluster"


def named(registry: Registry, **metadata: Any) -> str | None:
    """Return the class that a new Ingress gets."""
    obj = ingress()
    obj["metadata"].update(metadata)
    found: str | None = registry.create(INGRESSES, obj, dry_run=True)["spec"].get("ingressClassName")
    return found


def test_an_ingress_without_a_class_gets_the_newest_default_one() -> None:
    registry = new_registry()
    registry.create(INGRESSCLASSES, ingress_class("plain"))
    assert named(registry) is None
    for each in ("b", "a"):
        registry.create(INGRESSCLASSES, ingress_class(each, is_default=True))
    assert named(registry) == "a", "of one second the first by name"
    assert named(registry, annotations={CLASS_ANNOTATION: "nginx"}) is None


def test_the_annotation_and_the_field_name_one_class() -> None:
    obj = ingress(defaultBackend=BACKEND, ingressClassName="b")
    obj["metadata"]["annotations"] = {CLASS_ANNOTATION: "a"}
    (fault,) = faults(INGRESSES, obj)
    assert "must match `ingressClassName` when both are specified" in fault


def test_the_annotation_is_warned_of() -> None:
    registry, obj = new_registry(), ingress()
    obj["metadata"]["annotations"] = {CLASS_ANNOTATION: "a"}
    made = registry.create(INGRESSES, obj)
    (warning,) = kind_of(INGRESSES).warnings(None, made, RegistryConfig())
    assert warning_text(warning).startswith(f'annotation "{CLASS_ANNOTATION}" is deprecated')


def test_a_status_has_addresses_and_names() -> None:
    registry = new_registry()
    made = registry.create(INGRESSES, ingress())
    assert made["status"] == {"loadBalancer": {}}
    wrong = [{"ip": "1.2.3"}, {"hostname": "1.2.3.4"}, {"ip": "1.2.3.4", "hostname": "lb.example"}]
    with pytest.raises(Invalid) as refusal:
        registry.update_status(INGRESSES, {**made, "status": {"loadBalancer": {"ingress": wrong}}})
    paths = [str(each).partition(":")[0] for each in refusal.value.causes]
    assert paths == ["status.loadBalancer.ingress[0].ip", "status.loadBalancer.ingress[1].hostname"]

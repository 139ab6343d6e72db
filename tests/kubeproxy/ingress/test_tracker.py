"""Which changes of objects compile Ingresses again, and how often."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kubeproxy.ingress.test_table import ingress, path

from kubeapi.meta import JSON, ObjectKey
from kubeproxy.proxier import Proxier
from kubeproxy.types import ingress_rules_key

ADDRESS = "127.0.113.254"
KEY = ingress_rules_key(ADDRESS)
WEB = ObjectKey("shop", "web")


def placed(**annotations: str) -> JSON:
    obj = ingress(path("/", service="web"), annotations=annotations)
    return {**obj, "status": {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}}}


def service(**spec: Any) -> JSON:
    whole = {"clusterIP": "127.96.0.9", "ports": [{"port": 80}], **spec}
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": whole}


def problems(proxier: Proxier) -> list[str]:
    return [each.message.split(": ")[1] for each in proxier.ingresses.problems]


def sync(proxier: Proxier) -> bool:
    """Obey changes; tell whether Ingresses were compiled."""
    compiled = any(each.is_ingress for each in proxier.sync().ports)
    proxier.ingresses.release()
    return compiled


def test_a_change_of_an_ingress_or_of_its_service_compiles_and_no_other_does() -> None:
    proxier = Proxier()
    assert not sync(proxier)
    proxier.ingresses.update(WEB, placed())
    assert sync(proxier)
    assert problems(proxier) == ["Service shop/web does not exist"]
    proxier.services.update(ObjectKey("shop", "other"), service())
    assert not sync(proxier)
    for ports, problem in (
        ([{"port": 80}], []),
        ([{"port": 81, "name": "http"}], ["Service shop/web has no TCP port 80; it has 81 http"]),
    ):
        proxier.services.update(WEB, service(ports=ports))
        assert sync(proxier)
        assert problems(proxier) == problem
    proxier.ingresses.update(WEB, placed())
    assert not sync(proxier), "the same object again"
    proxier.ingresses.update(WEB, None)
    assert sync(proxier)
    assert KEY not in proxier.rules.by_service
    proxier.services.update(WEB, service(ports=[{"port": 82}]))
    assert not sync(proxier)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"type": "ExternalName", "externalName": "x.example"}, "is an ExternalName, which is not served"),
        ({"clusterIP": "None"}, "is headless, and only Services with a cluster IP are served"),
        ({"ports": [{"port": 80, "protocol": "UDP"}]}, "has no TCP port that kubesvc serves"),
    ],
)
def test_a_service_that_cannot_be_a_backend_is_said_to_be_so(spec: JSON, why: str) -> None:
    proxier, obj = Proxier(), service(**spec)
    proxier.ingresses.find_service = {WEB: obj}.get
    proxier.services.update(WEB, obj)
    proxier.ingresses.update(WEB, placed())
    proxier.sync()
    assert why in proxier.ingresses.problems[0].message


def test_ingresses_that_have_just_been_compiled_wait_and_none_is_forgotten() -> None:
    proxier = Proxier()
    proxier.ingresses.update(WEB, placed())
    proxier.sync()
    assert proxier.ingresses.pause > 0
    proxier.ingresses.update(WEB, placed(use_regex="true"))
    assert not proxier.sync().ports
    assert proxier.ingresses.release()
    assert sync(proxier)
    assert not proxier.ingresses.release()


def test_an_ingress_of_another_class_is_served_once_its_class_is_ours() -> None:
    proxier, obj = Proxier(), placed()
    obj["spec"]["ingressClassName"] = "mine"
    proxier.ingresses.update(WEB, obj)
    assert not sync(proxier)
    for controller, is_served in (("k8s.io/other", False), ("kubesvc.dev/ingress", True)):
        proxier.ingresses.update_class(ObjectKey("", "mine"), {"spec": {"controller": controller}})
        assert sync(proxier) == is_served
    assert proxier.ingresses.served_at(KEY) == [ObjectKey("shop", "web")]

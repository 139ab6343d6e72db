"""`kubesvc explain ingress/NAME`: where it answers, where its paths lead, and what does not work."""

from __future__ import annotations

import pytest
from tests.helpers.kubesvc.ground import listener

from kubeapi.meta import JSON, ObjectKey
from kubeproxy.proxier import Proxier
from kubeproxy.types import ServicePortName, ingress_rules_key
from kubesvc.why.explain.ingresses import explain_ingress

ADDRESS = "127.0.113.254"


def ingress(class_name: str = "", *, is_placed: bool = True) -> JSON:
    paths = [
        {"path": path, "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}}
        for path, name in (("/", "web"), ("/gone", "gone"))
    ]
    placed = {"loadBalancer": {"ingress": [{"ip": ADDRESS}] if is_placed else []}}
    spec = {"rules": [{"host": "a.example", "http": {"paths": paths}}], "ingressClassName": class_name}
    return {"metadata": {"name": "shop", "namespace": "default"}, "spec": spec, "status": placed}


def explained(obj: JSON, *, is_bound: bool = True) -> tuple[str, list[str]]:
    proxier = Proxier()
    proxier.services.update(
        ObjectKey("default", "web"),
        {
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"clusterIP": "127.96.0.9", "ports": [{"port": 80}]},
        },
    )
    proxier.ingresses.update(ObjectKey("default", "shop"), obj)
    proxier.sync()
    key = ingress_rules_key(ADDRESS)
    at = listener()._replace(port_name=ServicePortName(key.namespace, key.name, "http", "TCP"), port=10080)
    problems = [each.message for each in proxier.ingresses.problems]
    said = explain_ingress(obj, proxier.rules, [at] if is_bound else [], problems)
    return said["summary"], [f"{each['weight']}: {each['text']}" for each in said["findings"]]


def test_it_says_where_each_path_leads() -> None:
    summary, findings = explained(ingress())
    assert summary.startswith("Ingress default/shop answers at ")
    assert summary.endswith(":10080 (http).")
    assert findings == [
        "problem: path /gone (Prefix) of a.example in Ingress default/shop: Service default/gone does not exist: "
        "requests are answered 503.",
        "problem: Path / (Prefix) of a.example leads to default/web:80, which has no endpoint that can be reached.",
    ]


@pytest.mark.parametrize(
    ("obj", "why"),
    [(ingress("other"), "its class other is none of kubesvc's"), (ingress(is_placed=False), "it has no address yet")],
)
def test_it_says_why_nothing_answers(obj: JSON, why: str) -> None:
    summary, findings = explained(obj, is_bound=False)
    assert summary == "Ingress default/shop answers nowhere."
    assert findings == [f"problem: It is not served: {why}."]

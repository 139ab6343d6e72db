"""The status of a Service: what a load balancer may be said to be, and what becomes of it with the type."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import new_registry, service

from kubeapi.meta import JSON
from kubeapi.scheme import SERVICES
from kubeapi.status import Invalid


def status_faults(*ingresses: JSON, kind: str = "LoadBalancer") -> list[str]:
    """Return the faults with which a Service's status is refused, [] if it is written."""
    registry = new_registry()
    stored = registry.create(SERVICES, service(type=kind))
    try:
        registry.update_status(SERVICES, {**stored, "status": {"loadBalancer": {"ingress": list(ingresses)}}})
    except Invalid as refusal:
        return [str(each) for each in refusal.causes]
    return []


AT = "status.loadBalancer.ingress[0]"


@pytest.mark.parametrize(
    ("ingress", "faults"),
    [
        pytest.param({"ip": "127.0.113.1", "ipMode": "VIP"}, [], id="VIP"),
        pytest.param(
            {"ip": "127.0.113.1", "ipMode": "Proxy", "ports": [{"port": 80, "protocol": "TCP"}]}, [], id="Proxy"
        ),
        pytest.param({"hostname": "lb.example"}, [], id="hostname only"),
        pytest.param(
            {"hostname": "lb.example", "ipMode": "VIP"},
            [f"{AT}.ipMode: Forbidden: may not be specified when `ip` is not set"],
            id="mode without address",
        ),
        pytest.param(
            {"ip": "127.0.113.1", "ipMode": "Magic"},
            [f'{AT}.ipMode: Unsupported value: "Magic": supported values: "Proxy", "VIP"'],
            id="unknown mode",
        ),
        pytest.param(
            {"ip": "here"},
            [f'{AT}.ip: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
            id="no address",
        ),
        pytest.param(
            {"hostname": "127.0.0.1"},
            [f'{AT}.hostname: Invalid value: "127.0.0.1": must be a DNS name, not an IP address'],
            id="an address as hostname",
        ),
    ],
)
def test_an_ingress_is_an_address_with_a_mode_or_a_name(ingress: JSON, faults: list[str]) -> None:
    assert status_faults(ingress) == faults


def test_only_a_load_balancer_has_ingresses() -> None:
    assert status_faults({"ip": "127.0.113.1"}, kind="NodePort") == [
        "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"
    ]


def test_an_address_without_a_mode_is_a_vip() -> None:
    registry = new_registry()
    stored = registry.create(SERVICES, service(type="LoadBalancer"))
    status = {"loadBalancer": {"ingress": [{"ip": "127.0.113.1"}]}}
    written = registry.update_status(SERVICES, {**stored, "status": status})
    assert written["status"]["loadBalancer"]["ingress"] == [{"ip": "127.0.113.1", "ipMode": "VIP"}]


def test_conditions_outlive_the_load_balancer() -> None:
    registry = new_registry()
    stored = registry.create(SERVICES, service(type="LoadBalancer"))
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Tested",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"loadBalancer": {"ingress": [{"ip": "127.0.113.1"}]}, "conditions": [condition]}
    registry.update_status(SERVICES, {**stored, "status": status})
    written = registry.update(SERVICES, service(type="NodePort"))
    assert written["status"] == {"loadBalancer": {}, "conditions": [condition]}

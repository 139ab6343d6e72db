"""APIServices: what is wrong with one, and what the server completes."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import new_registry

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.apiservice import ServiceReference, read_api_service
from kubeapi.scheme import APISERVICES
from kubeapi.status import StatusError

SERVICE = {"namespace": "default", "name": "api"}
BUNDLE = base64.b64encode(b"pem").decode()


def api_service(name: str = "v1.example.com", **spec: Any) -> JSON:
    stated = {"group": "example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10, **spec}
    return {"metadata": {"name": name}, "spec": stated}


@pytest.mark.parametrize(
    ("obj", "fault"),
    [
        (
            api_service("x"),
            'metadata.name: Invalid value: "x": must be `spec.version+"."+spec.group`: "v1.example.com"',
        ),
        (api_service("v2.", group="", version="v2"), "spec.group: Required value: only v1 may have an empty group"),
        (api_service("v1.A", group="A"), 'spec.group: Invalid value: "A": a lowercase RFC 1123 subdomain'),
        (api_service("1.example.com", version="1"), 'spec.version: Invalid value: "1": a DNS-1035 label'),
        (api_service(groupPriorityMinimum=0), "Minimum: Invalid value: 0: must be positive and less than 20000"),
        (api_service(versionPriority=1001), "Priority: Invalid value: 1001: must be positive and less than 1000"),
        (api_service(caBundle=BUNDLE), 'caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle'),
        (api_service(insecureSkipTLSVerify=True), "true: local APIServices may not have insecureSkipTLSVerify"),
        (api_service(service={"name": "a"}), "spec.service.namespace: Required value"),
        (api_service(service={"namespace": "a"}), "spec.service.name: Required value"),
        (api_service(service={**SERVICE, "port": 65536}), "65536: port is not valid: must be between 1 and 65535"),
        (
            api_service(service=SERVICE, caBundle=BUNDLE, insecureSkipTLSVerify=True),
            "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present",
        ),
    ],
)
def test_a_faulty_api_service_is_refused(obj: JSON, fault: str) -> None:
    with pytest.raises(StatusError) as caught:
        new_registry().create(APISERVICES, obj)
    assert fault in str(caught.value)


def test_a_local_one_is_available_at_once_and_a_remote_one_is_not() -> None:
    registry = new_registry()
    local = registry.create(APISERVICES, api_service())
    assert local["status"]["conditions"][0]["reason"] == "Local"
    assert "generation" not in local["metadata"]
    remote = registry.create(APISERVICES, api_service("v2.example.com", version="v2", service=SERVICE, caBundle=BUNDLE))
    read = read_api_service(remote)
    assert (read.service, read.authority, read.server_name, read.is_available, read.path) == (
        ServiceReference(ObjectKey("default", "api"), 443),
        b"pem",
        "api.default.svc",
        False,
        "/apis/example.com/v2",
    )


def test_a_condition_has_one_of_three_states() -> None:
    registry = new_registry()
    stored = registry.create(APISERVICES, api_service())
    with pytest.raises(StatusError, match=r"status\.conditions\[0\]\.status: Unsupported value"):
        registry.update_status(APISERVICES, {**stored, "status": {"conditions": [{"type": "A", "status": "Maybe"}]}})

"""agnhost's webhook: what each of its paths answers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kubelet.images.agnhost import plan
from kubelet.images.serverhost import ServerHost
from kubelet.servers.agnhost.webhook import webhook
from kubelet.servers.http.messages import Request

PODS = {"group": "", "version": "v1", "resource": "pods"}
BAD = {"webhook-e2e-test": "webhook-disallow"}
KEPT = {"webhook-e2e-test": "webhook-nondeletable"}
SERVICE = webhook({"certificate": "c", "key": "k", "sidecar": "busybox"}, "")


def ask(path: str, **asked: Any) -> dict[str, Any]:
    """Return the response to a review."""
    body = json.dumps({"request": {"uid": "u", "operation": "CREATE", **asked}}).encode()
    request = Request("POST", path, {}, {"content-type": "application/json"}, "", 443, is_stopping=False, body=body)
    answer = SERVICE.respond(request)
    assert answer.later is not None
    response: dict[str, Any] = json.loads(answer.later().body)["response"]
    assert response["uid"] == "u"
    return response


@pytest.mark.parametrize(
    ("path", "asked", "said"),
    [
        ("/always-deny", {}, "this webhook denies all requests"),
        ("/pods", {"resource": PODS, "object": {"metadata": {"labels": BAD}}}, "the pod contains unwanted label;"),
        (
            "/pods",
            {"resource": PODS, "object": {"spec": {"containers": [{"name": "webhook-disallow"}]}}},
            "the pod contains unwanted container name;",
        ),
        ("/pods", {"resource": PODS, "object": {"metadata": {}}}, None),
        (
            "/pods/attach",
            {"name": "to-be-attached-pod", "object": {"stdin": True, "container": "container1"}},
            "attaching to pod 'to-be-attached-pod' is not allowed",
        ),
        ("/pods/attach", {"name": "other", "object": {"stdin": True, "container": "container1"}}, None),
        ("/configmaps", {"object": {"data": BAD}}, "the configmap contains unwanted key and value"),
        (
            "/configmaps",
            {"operation": "DELETE", "oldObject": {"data": KEPT}},
            "the configmap cannot be deleted because it contains unwanted key and value",
        ),
        ("/custom-resource", {"object": {"data": BAD}}, "the custom resource contains unwanted data"),
        ("/custom-resource", {"object": {}}, None),
        ("/crd", {"object": {"metadata": {"labels": BAD}}}, "the crd contains unwanted label"),
    ],
)
def test_what_is_denied(path: str, asked: dict[str, Any], said: str | None) -> None:
    response = ask(path, **asked)
    status = response.get("status", {})
    assert (response["allowed"], status.get("message") or status.get("reason")) == (said is None, said)


@pytest.mark.parametrize(
    ("path", "obj", "patched"),
    [
        ("/add-label", {"metadata": {}}, "/metadata/labels"),
        ("/add-label", {"metadata": {"labels": {"a": "b"}}}, "/metadata/labels/added-label"),
        ("/mutating-pods", {"metadata": {"name": "webhook-to-be-mutated"}}, "/spec/initContainers"),
        ("/mutating-pods", {"metadata": {"name": "other"}}, None),
        ("/mutating-pods-sidecar", {"spec": {"containers": [{"name": "a"}]}}, "/spec/containers/-"),
        ("/mutating-configmaps", {"data": {"mutation-start": "yes"}}, "/data/mutation-stage-1"),
        ("/mutating-custom-resource", {"data": {"mutation-stage-1": "yes"}}, "/data/mutation-stage-2"),
        ("/mutating-configmaps", {}, None),
    ],
)
def test_what_is_changed(path: str, obj: dict[str, Any], patched: str | None) -> None:
    response = ask(path, object=obj)
    assert response["allowed"]
    patch = json.loads(base64.b64decode(response.get("patch", "W10=")))
    assert [each["path"] for each in patch] == ([patched] if patched else [])


def test_its_port_speaks_tls_with_the_certificate_that_it_is_given() -> None:
    host = ServerHost(int)
    made = plan(["webhook", "--tls-cert-file=/c", "--tls-private-key-file=/k", "-v=4", "--port=8444"], host, {})
    assert (made.tls, made.options["certificate"], made.options["key"]) == ([8444], "/c", "/k")
    assert "--tls-cert-file" in plan(["webhook"], host, {}).options["text"]

"""Requests as kubectl 1.32 has sent them, command by command, and what it needs in the answers."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from tests.helpers.kubeapi.objects import container, deployment, pod, service
from tests.helpers.kubeapiserver.client import (
    APPS,
    DEFAULT,
    JSON_ACCEPT,
    PATCH_TYPES,
    PROTOBUF_ACCEPT,
    TABLE_ACCEPT,
    APIClient,
)

from kubeapi.meta import JSON
from kubeapi.scheme import PODS
from kubeapiserver.messages import Session, Watch

ANY_ACCEPT = "application/json, */*"
WEB_SERVICE, WEB_DEPLOYMENT, WEB_POD = f"{DEFAULT}/services/web", f"{APPS}/deployments/web", f"{DEFAULT}/pods/web"
ABOUT_WEB = "involvedObject.kind=Service,involvedObject.name=web,involvedObject.namespace=default"


class Sent(NamedTuple):
    """One request, the status that kubectl goes on with (0 for a stream), and a field of the answer."""

    method: str
    target: str
    status: int
    accept: str = JSON_ACCEPT
    body: Any = None
    media: str = ""
    expected: tuple[str, Any] = ("", None)


def got(target: str, status: int = 200, accept: str = JSON_ACCEPT, **expected: Any) -> Sent:
    return Sent("GET", target, status, accept, expected=_field(expected))


def posted(target: str, body: Any, accept: str = JSON_ACCEPT, **expected: Any) -> Sent:
    return Sent("POST", target, 201, accept, body, expected=_field(expected))


def patched(target: str, kind: str, body: Any, **expected: Any) -> Sent:
    return Sent("PATCH", target, 200, ANY_ACCEPT, body, PATCH_TYPES[kind], _field(expected))


def deleted(target: str, **expected: Any) -> Sent:
    return Sent("DELETE", target, 200, body={"propagationPolicy": "Background"}, expected=_field(expected))


def _field(expected: dict[str, Any]) -> tuple[str, Any]:
    return next(((name.replace("__", "."), value) for name, value in expected.items()), ("", None))


def value_at(document: JSON, path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value.get(part)
    return value


def applied(obj: JSON) -> JSON:
    """Return an object as kubectl apply first sends it."""
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}\n"}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


COMMANDS = {
    "create deployment nginx --image=nginx": [
        posted(
            f"{APPS}/deployments?fieldManager=kubectl-create&fieldValidation=Strict",
            deployment("nginx"),
            PROTOBUF_ACCEPT,
            kind="Deployment",
        )
    ],
    "get deployments.apps --show-labels": [got(f"{APPS}/deployments?limit=500", accept=TABLE_ACCEPT, kind="Table")],
    "get svc web": [got(WEB_SERVICE, accept=TABLE_ACCEPT, rows__0__cells__0="web")],
    "get svc nope": [got(f"{DEFAULT}/services/nope", 404, TABLE_ACCEPT, message='services "nope" not found')],
    "get svc --sort-by=.metadata.name": [
        got(f"{DEFAULT}/services?includeObject=Object", accept=TABLE_ACCEPT, rows__0__object__kind="Service")
    ],
    "get svc -o yaml": [got(f"{DEFAULT}/services?limit=500", kind="ServiceList")],
    "get po -w": [
        got(f"{DEFAULT}/pods?limit=500", accept=TABLE_ACCEPT, metadata__resourceVersion="19"),
        got(f"{DEFAULT}/pods?resourceVersion=19&watch=true", 0, TABLE_ACCEPT),
    ],
    "scale deployment --replicas=2 web": [
        got(WEB_DEPLOYMENT, kind="Deployment"),
        patched(f"{WEB_DEPLOYMENT}/scale", "merge", {"spec": {"replicas": 2}}, spec__replicas=2),
    ],
    "apply -f new.yaml": [
        got(f"{DEFAULT}/services/new", 404, kind="Status"),
        posted(
            f"{DEFAULT}/services?fieldManager=kubectl-client-side-apply&fieldValidation=Strict",
            applied(service("new")),
            metadata__name="new",
        ),
    ],
    "apply -f changed.yaml": [
        got(WEB_SERVICE, kind="Service"),
        patched(
            f"{WEB_SERVICE}?fieldManager=kubectl-client-side-apply&fieldValidation=Strict",
            "strategic",
            {
                "spec": {
                    "$setElementOrder/ports": [{"port": 81}],
                    "ports": [{"port": 81, "name": "b"}, {"$patch": "delete", "port": 80}],
                }
            },
            spec__ports__0__port=81,
        ),
    ],
    "diff -f web.yaml": [
        got(WEB_SERVICE),
        patched(
            f"{WEB_SERVICE}?dryRun=All&fieldManager=kubectl-client-side-apply&fieldValidation=Strict",
            "strategic",
            {"metadata": {"resourceVersion": "15"}},
            metadata__resourceVersion="15",
        ),
    ],
    "create -f web.yaml --dry-run=server": [
        posted(f"{DEFAULT}/services?dryRun=All&fieldManager=kubectl-create&fieldValidation=Strict", service("new"))
    ],
    "replace -f web.yaml": [
        got(WEB_SERVICE),
        Sent("PUT", f"{WEB_SERVICE}?fieldManager=kubectl-replace&fieldValidation=Strict", 200, body=service("web")),
    ],
    "label svc web a=b": [
        got(WEB_SERVICE),
        patched(
            f"{WEB_SERVICE}?fieldManager=kubectl-label",
            "merge",
            {"metadata": {"labels": {"a": "b"}}},
            metadata__labels__a="b",
        ),
    ],
    "set image deploy/web app=nginx:2": [
        got(WEB_DEPLOYMENT),
        patched(
            f"{WEB_DEPLOYMENT}?fieldManager=kubectl-set",
            "strategic",
            {
                "spec": {
                    "template": {
                        "spec": {
                            "$setElementOrder/containers": [{"name": "app"}],
                            "containers": [{"name": "app", "image": "nginx:2"}],
                        }
                    }
                }
            },
            metadata__generation=2,
        ),
    ],
    "rollout status deploy/web": [
        got(WEB_DEPLOYMENT, accept=ANY_ACCEPT),
        got(f"{APPS}/deployments?fieldSelector=metadata.name%3Dweb&limit=500&resourceVersion=0", kind="DeploymentList"),
        got(
            f"{APPS}/deployments?allowWatchBookmarks=true&fieldSelector=metadata.name%3Dweb&resourceVersion=16"
            "&timeoutSeconds=300&watch=true",
            0,
        ),
    ],
    "rollout history deploy/web": [
        got(WEB_DEPLOYMENT, accept=PROTOBUF_ACCEPT, kind="Deployment"),
        got(f"{APPS}/replicasets?labelSelector=app%3Dweb", accept=PROTOBUF_ACCEPT, kind="ReplicaSetList"),
    ],
    "rollout undo deploy/web": [
        patched(
            WEB_DEPLOYMENT,
            "json",
            [
                {
                    "op": "replace",
                    "path": "/spec/template",
                    "value": {"metadata": {"labels": {"app": "web"}}}
                    | {"spec": {"containers": [container(image="nginx:1")]}},
                },
                {"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}},
            ],
            spec__template__spec__containers__0__image="nginx:1",
        )
    ],
    "expose deploy web --port=80": [
        got(WEB_DEPLOYMENT),
        posted(f"{DEFAULT}/services?fieldManager=kubectl-expose", service("exposed"), metadata__name="exposed"),
    ],
    "run p --image=nginx": [posted(f"{DEFAULT}/pods?fieldManager=kubectl-run", pod("p"), status__phase="Pending")],
    "delete svc web": [deleted(WEB_SERVICE, kind="Service"), got(WEB_SERVICE, 404)],
    "delete deploy web": [deleted(WEB_DEPLOYMENT, status="Success"), got(WEB_DEPLOYMENT, 404)],
    "delete po web": [
        deleted(WEB_POD, metadata__deletionGracePeriodSeconds=30),
        got(WEB_POD),
        got(f"{DEFAULT}/pods?fieldSelector=metadata.name%3Dweb", kind="PodList"),
        got(f"{DEFAULT}/pods?fieldSelector=metadata.name%3Dweb&resourceVersion=16&watch=true", 0),
    ],
    "describe svc web": [
        got(WEB_SERVICE),
        got(WEB_SERVICE, accept=PROTOBUF_ACCEPT),
        got(
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dweb",
            accept=PROTOBUF_ACCEPT,
            kind="EndpointSliceList",
        ),
        got(f"{DEFAULT}/events?fieldSelector={ABOUT_WEB}&limit=500", accept=PROTOBUF_ACCEPT, kind="EventList"),
    ],
    "describe node n1": [
        got("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1", 404),
        got("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1%2Cstatus.phase%21%3DSucceeded&limit=500", kind="PodList"),
    ],
    "logs web -f --tail=5": [
        got(WEB_POD, accept=ANY_ACCEPT),
        got(f"{WEB_POD}/log?container=app&follow=true&tailLines=5", 0),
    ],
    "exec -it web -- sh": [
        got(WEB_POD, accept=ANY_ACCEPT),
        got(f"{WEB_POD}/exec?command=sh&container=app&stdin=true&stdout=true&tty=true", 0),
    ],
    "port-forward web 8080:80": [got(WEB_POD, accept=PROTOBUF_ACCEPT), got(f"{WEB_POD}/portforward", 0)],
    "cluster-info": [
        got(
            "/api/v1/namespaces/kube-system/services?labelSelector=kubernetes.io%2Fcluster-service%3Dtrue",
            items__0__metadata__name="kube-dns",
        )
    ],
    "auth can-i create pods": [
        posted(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}}},
            PROTOBUF_ACCEPT,
            status__allowed=True,
        )
    ],
    "drain n1": [
        posted(
            f"{WEB_POD}/eviction",
            {"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "web", "namespace": "default"}},
            status="Success",
        )
    ],
}


def cluster() -> APIClient:
    """A cluster whose every kind has a ``web``; its Pod runs."""
    client = APIClient()
    client.post(f"{DEFAULT}/services", service("web", ports=[{"port": 80, "name": "a"}]))
    client.post(f"{APPS}/deployments", deployment("web"))
    created = client.registry.create(PODS, pod("web", nodeName="n1"))
    running = {
        "name": "app",
        "image": "nginx",
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "state": {"running": {}},
    }
    client.registry.update_status(PODS, {**created, "status": {"phase": "Running", "containerStatuses": [running]}})
    return client


@pytest.mark.parametrize("command", COMMANDS)
def test_kubectl_gets_what_it_needs(command: str) -> None:
    client = cluster()
    for sent in COMMANDS[command]:
        if not sent.status:
            assert isinstance(client.ask(sent.method, sent.target, accept=sent.accept), Watch | Session)
            continue
        reply = client.send(sent.method, sent.target, sent.body, sent.accept, sent.media)
        assert reply.status == sent.status, reply.text
        path, value = sent.expected
        assert not path or value_at(reply.json, path) == value

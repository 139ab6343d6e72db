"""What the versions of kubectl put differently on the wire, with every one that is here.

Typed bodies are protobuf from 1.32 on; validation reads /openapi/v3 from 1.29 on, and before that /openapi/v2 in
protobuf; commands and terminals go over SPDY until 1.29 and WebSockets since; forwarded ports over SPDY until 1.30 and
SPDY in a WebSocket since.
"""

from __future__ import annotations

import pytest
from tests.helpers.cluster.cli import curl
from tests.helpers.kubectl.cli import OVER_SPDY, OVER_WEBSOCKET, Kubectl

pytestmark = pytest.mark.kubectl(since=(1, 20))

WEB = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
    - {name: http, port: 80, targetPort: 8080}
    - {name: admin, port: 81}
"""


def test_every_version_creates_applies_changes_and_deletes(kubectl: Kubectl) -> None:
    kubectl.write("web.yaml", WEB)
    kubectl.session("""
$ kubectl create service nodeport door --tcp=80:8080
service/door created
$ kubectl create configmap settings --from-literal=colour=blue
configmap/settings created
$ kubectl create secret generic token --from-literal=word=one
secret/token created
$ kubectl get secrets
NAME    TYPE     DATA   AGE
token   Opaque   1      <age>
$ kubectl apply -f web.yaml
service/web created
$ kubectl apply -f web.yaml
service/web unchanged
""")
    kubectl.write("web.yaml", WEB.replace("81", "82"))
    kubectl.session("""
$ kubectl apply -f web.yaml
service/web configured
$ kubectl get svc
NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)           AGE
door   NodePort    <ip>         <none>        80:<number>/TCP   <age>
web    ClusterIP   <ip>         <none>        80/TCP,82/TCP     <age>
$ kubectl apply --server-side -f web.yaml --field-manager=other
...
$ kubectl label svc web tier=front
service/web labeled
$ kubectl patch svc web -p '{"spec":{"sessionAffinity":"ClientIP"}}'
service/web patched
$ kubectl describe svc web
...
Name:...
...
Session Affinity:...ClientIP
...
$ kubectl explain svc.spec.sessionAffinity
KIND:...Service
...
$ kubectl auth can-i create pods
yes
$ kubectl delete -f web.yaml
service "web" deleted...
$ kubectl get svc web
Error from server (NotFound): services "web" not found
[1]
""")
    assert "NodePort" in kubectl("kubectl get svc door -o yaml").out
    kubectl.write("bad.yaml", WEB + "  bogus: 1\n")
    said = kubectl("kubectl create -f bad.yaml", status=1)
    assert 'unknown field "' in said.err
    assert "bogus" in said.err


MIXED = """
apiVersion: storage.k8s.io/v1
kind: DiskPool
metadata: {name: disks.example.com}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
"""


def test_every_version_passes_by_a_kind_that_is_not_served_and_applies_the_rest(kubectl: Kubectl) -> None:
    kubectl.write("mixed.yaml", MIXED)
    said = kubectl("kubectl apply -f mixed.yaml", status=1)
    assert said.out == "configmap/settings created\n"
    assert 'no matches for kind "DiskPool" in version "storage.k8s.io/v1"' in said.err


def test_every_version_reaches_into_pods(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl create deployment web --image=agnhost -- agnhost netexec
deployment.apps/web created
$ kubectl rollout status deployment/web
...
deployment "web" successfully rolled out
""")
    pod = kubectl("kubectl get pod -l app=web -o jsonpath={.items[0].metadata.name}").out
    kubectl.variables["pod"] = pod
    for way in (OVER_SPDY, OVER_WEBSOCKET):
        said = kubectl("kubectl exec -i <pod> -- sh -c 'cat; echo err >&2'", stdin="in\n", env=way)
        assert said.everything == "in\nerr\n"
    assert kubectl("kubectl exec <pod> -- sh -c 'exit 7'", status=7).out == ""
    with kubectl.terminal("kubectl exec -it <pod> -- sh") as shell:
        shell.resize(33, 111)
        shell.type("until stty size | grep -q '33 111'; do :; done; echo resized to $(stty size)\n")
        shell.expect(r"resized to 33 111$")
        shell.type("exit 5\n")
        assert shell.wait() in (1, 5)
    kubectl.write("here.txt", "a file\n")
    kubectl("kubectl cp here.txt <pod>:/tmp/in-the-pod")
    assert kubectl("kubectl exec <pod> -- cat /tmp/in-the-pod").out == "a file\n"
    with kubectl.terminal("kubectl port-forward deploy/web :8080", is_tty=False) as forward:
        local = forward.expect(r"Forwarding from 127\.0\.0\.1:(\d+) -> 8080\n")[1]
        assert curl(f"http://127.0.0.1:{local}/hostname") == pod
    kubectl("kubectl logs deploy/web")
    kubectl("kubectl rollout restart deployment/web")
    kubectl("kubectl rollout status deployment/web")
    kubectl("kubectl rollout undo deployment/web")

"""An API server of one's own behind an APIService: a pod that answers for a group."""

from __future__ import annotations

import base64
import json
import sys
import time

from tests.helpers.kubectl.cli import Kubectl

from kubeapiserver.wire.keys.certificates import server_certificate

SERVER = """\
import http.server, json, ssl

PATH = "/apis/toys.example.com/v1"
VERBS = ["delete", "deletecollection", "get", "list"]
RESOURCE = {"name": "blocks", "singularName": "block", "namespaced": True, "kind": "Block", "verbs": VERBS}
DELETED = set()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        user = self.headers["X-Remote-User"]
        if self.path == PATH:
            self.answer({"kind": "APIResourceList", "groupVersion": "toys.example.com/v1", "resources": [RESOURCE]})
        elif self.path.endswith("/blocks/bear"):
            bear = {"metadata": {"name": "bear", "uid": "b"}}
            self.answer({"apiVersion": "toys.example.com/v1", "kind": "Block", **bear})
        elif self.path.endswith("/blocks/none"):
            self.answer({}, 404)
        elif self.path.startswith(f"{PATH}/namespaces/"):
            namespace = self.path.split("/")[5]
            block = {"apiVersion": "toys.example.com/v1", "kind": "Block", "metadata": {"name": f"of-{user}"}}
            items = [] if namespace in DELETED else [block]
            self.answer({"apiVersion": "toys.example.com/v1", "kind": "BlockList", "metadata": {}, "items": items})
        else:
            self.answer({}, 404)

    def do_DELETE(self):
        DELETED.add(self.path.split("/")[5])
        self.answer({"apiVersion": "v1", "kind": "Status", "status": "Success"})

    def answer(self, document, status=200):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("", 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
MANIFEST = """\
apiVersion: v1
kind: Pod
metadata: {name: toys, labels: {app: toys}}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: tls, secret: {secretName: toys}}]
  containers:
    - name: toys
      image: debian
      command: [PYTHON, -c, SERVER]
      volumeMounts: [{name: tls, mountPath: /tls}]
      readinessProbe: {tcpSocket: {port: 8443}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: toys}
spec: {selector: {app: toys}, ports: [{port: 443, targetPort: 8443}]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.toys.example.com}
spec:
  group: toys.example.com
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 10
  service: {namespace: NAMESPACE, name: toys}
  caBundle: AUTHORITY
"""


def _manifest(kubectl: Kubectl) -> str:
    namespace = kubectl.fill("<namespace>")
    names = (f"toys.{namespace}.svc",)
    authority = server_certificate(kubectl.folder / "certificate", (), names, time.time()).authority
    words = {
        "PYTHON": sys.executable,
        "SERVER": json.dumps(SERVER),
        "NAMESPACE": namespace,
        "AUTHORITY": base64.b64encode(authority.encode()).decode(),
    }
    text = MANIFEST
    for name, word in words.items():
        text = text.replace(name, word)
    return text


def _owned(name: str, owner: str) -> str:
    """Return a ConfigMap that a block owns."""
    reference = f"{{apiVersion: toys.example.com/v1, kind: Block, name: {owner}, uid: b}}"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, ownerReferences: [{reference}]}}\n"


def test_an_api_server_of_one_s_own_answers_for_its_group(kubectl: Kubectl) -> None:
    kubectl.write("toys.yaml", _manifest(kubectl))
    kubectl.write("owned.yaml", f"{_owned('kept', 'bear')}---\n{_owned('lost', 'none')}")
    kubectl("kubectl create secret generic toys --from-file=tls.pem=certificate")
    try:
        kubectl.session("""
$ kubectl apply -f toys.yaml
pod/toys created
service/toys created
apiservice.apiregistration.k8s.io/v1.toys.example.com created
$ kubectl wait --for=condition=Available apiservice/v1.toys.example.com --timeout=30s
apiservice.apiregistration.k8s.io/v1.toys.example.com condition met
$ kubectl get apiservices v1.toys.example.com v1.apps
NAME                  SERVICE            AVAILABLE   AGE
v1.toys.example.com   <namespace>/toys   True        <age>
v1.apps               Local              True        <age>
$ kubectl get blocks -o name
block.toys.example.com/of-kubernetes-admin
$ kubectl get blocks --as=jane
Error from server (Forbidden): blocks.toys.example.com is forbidden: User "jane" cannot list resource "blocks" in API group "toys.example.com" in the namespace "<namespace>"
[1]
$ kubectl apply -f owned.yaml
configmap/kept created
configmap/lost created
""")  # noqa: E501
        kubectl("kubectl wait --for=delete configmap/lost --timeout=30s")
        kubectl.session("""
$ kubectl get configmaps kept lost -o name
configmap/kept
Error from server (NotFound): configmaps "lost" not found
[1]
$ kubectl create namespace toys-of-mine
namespace/toys-of-mine created
$ kubectl delete namespace toys-of-mine
namespace "toys-of-mine" deleted
$ kubectl get blocks -n toys-of-mine
No resources found in toys-of-mine namespace.
$ kubectl delete pod toys -o name
pod/toys
$ kubectl wait --for=jsonpath={.status.conditions[0].reason}=MissingEndpoints apiservice/v1.toys.example.com
apiservice.apiregistration.k8s.io/v1.toys.example.com condition met
$ kubectl get --raw /apis/toys.example.com/v1
Error from server (ServiceUnavailable): the server is currently unable to handle the request
[1]
""")
    finally:
        kubectl("kubectl delete apiservice v1.toys.example.com")

"""What kubectl prints of the server's refusals: the real server's words for what users get wrong."""

from __future__ import annotations

import json

import pytest
from tests.helpers.kubectl.cli import Kubectl

NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
PORT = {"port": 80}


def service(name: str = "web", **spec: object) -> str:
    document = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [PORT], **spec}}
    return json.dumps(document)


def deployment(name: str, labels: dict[str, str] | None = None) -> str:
    template = {"metadata": {"labels": labels or {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})


REFUSED = {
    "a port out of range": (
        service(ports=[{"port": 99999, "targetPort": 80}]),
        'The Service "web" is invalid: spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, '
        "inclusive",
    ),
    "two faults": (
        service(ports=[{"port": 99999, "targetPort": 80}], type="Bogus"),
        """\
The Service "web" is invalid: ...
* spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive
* spec.type: Unsupported value: "Bogus": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort\"""",
    ),
    "no ports": (service(ports=[]), 'The Service "web" is invalid: spec.ports: Required value'),
    "two ports without names": (
        service(ports=[{"port": 80}, {"port": 81}]),
        """\
The Service "web" is invalid: ...
* spec.ports[0].name: Required value
* spec.ports[1].name: Required value""",
    ),
    "a node port out of range": (
        service(type="NodePort", ports=[{"port": 80, "nodePort": 80}]),
        'The Service "web" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid '
        "range. The range of valid ports is 20700-20799",
    ),
    "a cluster IP out of range": (
        service(clusterIP="127.1.2.3"),
        'The Service "web" is invalid: spec.clusterIPs: Invalid value: ["127.1.2.3"]: failed to allocate IP '
        "127.1.2.3: the provided network does not match the current range",
    ),
    "a cluster IP that is taken": (
        service(clusterIP="127.119.0.1"),
        'The Service "web" is invalid: spec.clusterIPs: Invalid value: ["127.119.0.1"]: failed to allocate IP '
        "127.119.0.1: provided IP is already allocated",
    ),
    "a bad name of a Service": (
        service("Bad_Name"),
        f'The Service "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": {LABEL_RULE}',
    ),
    "a bad name of a Deployment": (
        deployment("Bad_Name"),
        f'The Deployment "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": {NAME_RULE}',
    ),
    "a selector that selects others": (
        deployment("web", {"app": "b"}),
        'The Deployment "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"b"}: '
        "`selector` does not match template `labels`",
    ),
    "a value of the wrong type": (
        service(ports=[{"port": "http"}]),
        'Error from server (BadRequest): error when creating "object.json": Service in version "v1" cannot be handled '
        "as a Service: json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
    ),
    "a kind that is not served": (
        '{"apiVersion":"example.org/v1","kind":"Widget","metadata":{"name":"a"}}',
        'error: resource mapping not found for name: "a" namespace: "" from "object.json": no matches for kind '
        '"Widget" in version "example.org/v1"\nensure CRDs are installed first',
    ),
    "a namespace that is not there": (
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"nowhere"}}',
        'Error from server (NotFound): error when creating "object.json": namespaces "nowhere" not found',
    ),
}
"""What is created, and what kubectl says then."""


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_server_refuses_is_said_in_its_words(kubectl: Kubectl, case: str) -> None:
    manifest, answer = REFUSED[case]
    kubectl.write("object.json", manifest)
    kubectl.session(f"$ kubectl create -f object.json --validate=ignore\n{answer}\n[1]")


def test_refusals_of_commands(kubectl: Kubectl) -> None:
    kubectl.session("""
$ kubectl create deployment web --image=nginx --replicas=0
deployment.apps/web created
$ kubectl create deployment web --image=nginx
error: failed to create deployment: deployments.apps "web" already exists
[1]
$ kubectl create service nodeport door --tcp=80 --node-port=80
error: failed to create NodePort service: Service "door" is invalid: spec.ports[0].nodePort: Invalid value: 80: ...
[1]
$ kubectl patch deployment web -p '{"spec":{"selector":{"matchLabels":{"app":"b"}}}}'
The Deployment "web" is invalid:...
* spec.template.metadata.labels: Invalid value: {"app":"web"}: \
`selector` does not match template `labels`
* spec.selector: Invalid value: ...: field is immutable
[1]
$ kubectl patch deployment web --type=json -p '[{"op":"remove","path":"/spec/nope"}]'
The request is invalid: the server rejected our request due to an error in our request
[1]
$ kubectl patch deployment web -p '{"metadata":{"resourceVersion":"1"}}'
Error from server (Conflict): Operation cannot be fulfilled on deployments.apps "web": the object has been \
modified; please apply your changes to the latest version and try again
[1]
$ kubectl scale deployment web --replicas=-1
error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0
[1]
$ kubectl label deployment web 'a b=c'
The Deployment "web" is invalid: metadata.labels: Invalid value: "a b": name part must consist of alphanumeric ...
[1]
$ kubectl get pods -l 'a b'
Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label \
selector "a b", field \
selector "": unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt
[1]
$ kubectl get --raw /api/v1/nope
Error from server (NotFound): the server could not find the requested resource
[1]
$ kubectl get --raw /nope
Error from server (NotFound): the server could not find the requested resource
[1]
$ kubectl logs web-nope
error: error from server (NotFound): pods "web-nope" not found in namespace "<namespace>"
[1]
$ kubectl create configmap one -n nowhere
error: failed to create configmap: namespaces "nowhere" not found
[1]
$ kubectl get pods -n nowhere
No resources found in nowhere namespace.
""")


def test_a_wrong_token_is_no_token(kubectl: Kubectl) -> None:
    document = json.loads(kubectl.kubeconfig.read_text())
    document["users"][0]["user"]["token"] = "wrong"
    file = kubectl.write("wrong.json", json.dumps(document))
    file.chmod(0o600)
    kubectl.session(
        """
$ kubectl get pods
...
error: You must be logged in to the server (the server has asked for the client to provide credentials)
[1]
""",
        env={"KUBECONFIG": str(file)},
    )


def test_a_changed_cluster_ip_is_refused(kubectl: Kubectl) -> None:
    kubectl.write("object.json", service())
    kubectl("kubectl create -f object.json")
    kubectl.session("""
$ kubectl patch svc web -p '{"spec":{"clusterIP":"127.119.7.7","clusterIPs":["127.119.7.7"]}}'
The Service "web" is invalid: spec.clusterIPs[0]: Invalid value: ["127.119.7.7"]: may not change once set
[1]
""")


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        pytest.param(
            "strict",
            'Error from server (BadRequest): error when creating "bad.json": Service in version "v1" cannot be handled '
            'as a Service: strict decoding error: unknown field "spec.bogus"\n[1]',
            id="strict",
        ),
        pytest.param("warn", 'Warning: unknown field "spec.bogus"\nservice/web created', id="warn"),
        pytest.param("ignore", "service/web created", id="ignore"),
    ],
)
def test_unknown_fields_are_refused_warned_of_or_dropped(kubectl: Kubectl, how: str, answer: str) -> None:
    kubectl.write("bad.json", service(bogus=1))
    kubectl.session(f"$ kubectl create -f bad.json --validate={how}\n{answer}")

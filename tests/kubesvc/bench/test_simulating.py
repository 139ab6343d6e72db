"""What is simulated: a Service of manifests, of a running cluster, or backends of the command line."""

import json

import pytest

from kubeapi.backends.reading import read_backend
from kubemanifest.documents import Document
from kubemanifest.loading import load_text
from kubesvc.bench.simulating import (
    SimulationError,
    algorithm_of,
    service_of_backends,
    service_of_cluster,
    service_of_manifest,
)
from svcbench.simulation.scenario import SimulatedPod

SLOW, FAST = read_backend("200ms"), read_backend("20ms; slots 8")
MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {kubesvc.dev/balancer: wlc}}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: fast}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {kubesvc.dev/backend: 20ms; slots 8, kubesvc.dev/weight: "3"}
    spec: {containers: [{name: backend, image: kubesvc/backend}]}
---
apiVersion: v1
kind: Pod
metadata: {name: slow, labels: {app: web}, annotations: {kubesvc.dev/backend: 200ms}}
spec: {containers: [{name: backend, image: kubesvc/backend}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, labels: {app: other}}
spec: {containers: [{name: backend, image: kubesvc/backend}]}
---
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {selector: {app: other}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
"""


def documents() -> tuple[Document, ...]:
    return load_text(MANIFEST, "web.yaml").documents


def test_backends_of_the_command_line_are_numbered() -> None:
    service = service_of_backends(["2 x 20ms; slots 8", "200ms"], "random")
    assert service.pods == [
        SimulatedPod("backend-1", FAST),
        SimulatedPod("backend-2", FAST),
        SimulatedPod("backend-3", SLOW),
    ]
    assert (service.name, service.balancer) == ("simulation", "random")


@pytest.mark.parametrize(
    ("group", "fault"),
    [
        ("soon", "--backends 'soon': position 1: expected a time (20ms, "),
        ("0 x 20ms", "--backends '0 x 20ms': there may be 1 to 1000 backends"),
        ("1001 x 20ms", "--backends '1001 x 20ms': there may be 1 to 1000 backends"),
        ("", "--backends '': position 1: expected a time (20ms, "),
    ],
)
def test_wrong_backends_are_refused(group: str, fault: str) -> None:
    with pytest.raises(SimulationError) as raised:
        service_of_backends([group], "random")
    assert str(raised.value).startswith(fault)


def test_a_service_of_manifests_has_the_pods_that_its_selector_finds() -> None:
    service = service_of_manifest("web", "default", documents(), "random")
    assert service.pods == [
        SimulatedPod("fast-1", FAST, 3),
        SimulatedPod("fast-2", FAST, 3),
        SimulatedPod("slow", SLOW),
    ]
    assert (service.name, service.balancer) == ("svc/web", "wlc")


@pytest.mark.parametrize(
    ("name", "namespace", "fault"),
    [
        ("none", "default", "the manifests have no Service none in namespace default"),
        ("web", "shop", "the manifests have no Service web in namespace shop"),
        ("nobody", "default", "the selector of svc/nobody finds no pods in the manifests"),
        ("other", "default", "pod other does not say how it behaves: annotate it with kubesvc.dev/backend, such as "),
    ],
)
def test_what_cannot_be_simulated_says_why(name: str, namespace: str, fault: str) -> None:
    with pytest.raises(SimulationError) as raised:
        service_of_manifest(name, namespace, documents(), "random")
    assert str(raised.value).startswith(fault)


def test_a_service_of_a_cluster_has_its_ready_pods() -> None:
    pods = [{"pod": "web-1", "backend": "200ms", "weight": 0}]
    document = {"affinity": "", "balancer": "least_request", "options": '{"choices": 3}', "pods": pods}
    service = service_of_cluster("web", document)
    assert service.pods == [SimulatedPod("web-1", SLOW, 0)]
    name, options = algorithm_of(service.balancer, service.options)
    assert (name, options["choices"]) == ("least_request", 3)
    with pytest.raises(SimulationError, match="svc/web has no ready pod; see `kubesvc explain svc/web`"):
        service_of_cluster("web", {**document, "pods": []})


def test_an_alias_has_the_name_of_its_algorithm() -> None:
    assert algorithm_of("p2c", "")[0] == "least_request"


@pytest.mark.parametrize(
    ("balancer", "options", "fault"),
    [
        ("least_conections", "", "unknown balancer 'least_conections'"),
        ("p2c", json.dumps({"choices": 1}), "balancer p2c: choices: must be between 2 and 100"),
    ],
)
def test_a_wrong_algorithm_is_refused(balancer: str, options: str, fault: str) -> None:
    with pytest.raises(SimulationError) as raised:
        algorithm_of(balancer, options)
    assert str(raised.value).startswith(fault)

"""From a Service, of a running cluster, of manifests or of the command line, to what is simulated. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kubeapi.backends import BACKEND_ANNOTATION
from kubeapi.backends.reading import ModelError, read_backend
from kubeapi.balancing import read_options
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, annotations_of, labels_of, matches_labels
from kubeapi.objects.service import BALANCER_ANNOTATION, BALANCER_OPTIONS_ANNOTATION
from kubeapi.objects.weight import weight_of
from kubeapi.scheme import SERVICES
from kubemanifest.documents import Document
from kubeproxy.balancers import BALANCERS, Options, all_options
from kubeproxy.loadbalancing.algorithms import why_no_balancer
from kubesvc.why.simulated import affinity_of
from svcbench.simulation.scenario import SimulatedPod

MOST_PODS = 1000
_GROUP = re.compile(r"\s*(?:(\d+)\s*x\s+)?(.*)", re.DOTALL)


class SimulationError(ValueError):
    """A Service cannot be simulated; says why, and what would help."""


class SimulatedService(NamedTuple):
    """A Service: its algorithm by the two annotations, its pods, and the ``affinity`` that a simulation leaves out."""

    name: str
    balancer: str
    options: str
    pods: Sequence[SimulatedPod]
    affinity: str = ""


def service_of_backends(groups: Sequence[str], balancer: str) -> SimulatedService:
    """Return the Service of pods that the command line describes: ``10 x exponential(20ms); slots 1``."""
    pods: list[SimulatedPod] = []
    for group in groups:
        found = _GROUP.fullmatch(group)
        assert found is not None
        count = int(found[1] or 1)
        if not 1 <= count + len(pods) <= MOST_PODS or not count:
            message = f"--backends {group!r}: there may be 1 to {MOST_PODS} backends"
            raise SimulationError(message)
        model = _model(found[2], f"--backends {group!r}")
        pods += [SimulatedPod(f"backend-{len(pods) + number}", model) for number in range(1, count + 1)]
    return SimulatedService("simulation", balancer, "", pods)


def service_of_cluster(name: str, document: Mapping[str, Any]) -> SimulatedService:
    """Return the Service of a running cluster, from its document (``why.simulated``)."""
    pods = [_pod(each["pod"], each["backend"], each["weight"]) for each in document["pods"]]
    if not pods:
        message = f"svc/{name} has no ready pod; see `kubesvc explain svc/{name}`"
        raise SimulationError(message)
    return SimulatedService(f"svc/{name}", document["balancer"], document["options"], pods, document["affinity"])


def service_of_manifest(name: str, namespace: str, documents: Iterable[Document], default: str) -> SimulatedService:
    """Return a Service of manifests: its pods are those that its selector finds, as many as there are replicas."""
    written = [each for each in documents if each.namespace == namespace]
    service = next((each.obj for each in written if each.resource == SERVICES and each.name == name), None)
    if service is None:
        message = f"the manifests have no Service {name} in namespace {namespace}"
        raise SimulationError(message)
    selector = service.get("spec", {}).get("selector") or {}
    pods = [pod for each in written for pod in _selected(each, selector)] if selector else []
    if not pods:
        message = f"the selector of svc/{name} finds no pods in the manifests"
        raise SimulationError(message)
    annotations = annotations_of(service)
    balancer, options = annotations.get(BALANCER_ANNOTATION, default), annotations.get(BALANCER_OPTIONS_ANNOTATION, "")
    return SimulatedService(f"svc/{name}", balancer, options, pods[:MOST_PODS], affinity_of(service))


def _selected(document: Document, selector: dict[str, str]) -> list[SimulatedPod]:
    path, obj = kind_of(document.resource).pod_spec, document.obj
    if not path:
        return []
    template: JSON = obj
    for field in path[:-1]:
        template = template.get(field, {})
    if not matches_labels(selector, labels_of({"metadata": {}, **template})):
        return []
    count = obj.get("spec", {}).get("replicas", 1) if kind_of(document.resource).makes_pods else 1
    text, weight = annotations_of({"metadata": {}, **template}).get(BACKEND_ANNOTATION, ""), weight_of(template)
    names = [f"{document.name}-{number}" for number in range(1, count + 1)] if count > 1 else [document.name]
    return [_pod(each, text, 1 if weight is None else weight) for each in names[:count]]


def _pod(name: str, behaviour: str, weight: int) -> SimulatedPod:
    if not behaviour:
        message = (
            f"pod {name} does not say how it behaves: annotate it with {BACKEND_ANNOTATION}, such as "
            "'lognormal(20ms, 0.5); slots 8', or describe backends with --backends"
        )
        raise SimulationError(message)
    return SimulatedPod(name, _model(behaviour, f"pod {name}: {BACKEND_ANNOTATION}"), weight)


def _model(text: str, where: str) -> Any:
    try:
        return read_backend(text)
    except ModelError as error:
        message = f"{where}: {error}"
        raise SimulationError(message) from None


def algorithm_of(balancer: str, options: str) -> tuple[str, Options]:
    """Return the name of an algorithm and all of its options; SimulationError."""
    if fault := why_no_balancer(balancer, options):
        raise SimulationError(fault)
    return BALANCERS[balancer].name, read_options(options, all_options(BALANCERS[balancer]))

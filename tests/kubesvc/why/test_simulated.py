"""What a simulation is told of a Service of a running cluster."""

from tests.helpers.kubesvc.ground import add_pod, add_service, add_slice, ground

from kubeapi.meta import copy_object
from kubeapi.scheme import PODS
from kubesvc.why.simulated import simulated_document


def test_a_simulation_is_told_the_algorithm_and_how_the_ready_pods_behave() -> None:
    registry = ground()
    annotations = {"kubesvc.dev/balancer": "wlc"}
    service = add_service(registry, metadata={"annotations": annotations})
    pod = copy_object(add_pod(registry))
    pod["metadata"]["annotations"] = {"kubesvc.dev/backend": "20ms", "kubesvc.dev/weight": "3"}
    registry.update(PODS, pod)
    add_slice(registry)
    assert simulated_document(registry.store, service, "random") == {
        "balancer": "wlc",
        "options": "",
        "pods": [{"pod": "web", "backend": "20ms", "weight": 3}],
    }


def test_a_pod_that_is_not_ready_is_left_out_and_the_default_holds() -> None:
    registry = ground()
    service = add_service(registry)
    add_pod(registry)
    add_slice(registry, is_ready=False)
    assert simulated_document(registry.store, service, "random") == {"balancer": "random", "options": "", "pods": []}

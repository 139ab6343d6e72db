"""What a simulation is told of a Service of a running cluster."""

from tests.helpers.kubesvc.ground import add_pod, add_service, add_slice, ground

from kubeapi.meta import copy_object
from kubeapi.scheme import PODS
from kubesvc.why.simulated import affinity_of, simulated_document


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
        "affinity": "",
        "pods": [{"pod": "web", "backend": "20ms", "weight": 3}],
    }


def test_a_pod_that_is_not_ready_is_left_out_and_the_default_holds() -> None:
    registry = ground()
    service = add_service(registry)
    add_pod(registry)
    add_slice(registry, is_ready=False)
    document = simulated_document(registry.store, service, "random")
    assert (document["balancer"], document["pods"]) == ("random", [])


def test_a_simulation_is_told_of_the_affinity_that_it_leaves_out() -> None:
    by_address = {"spec": {"sessionAffinity": "ClientIP"}, "metadata": {}}
    by_cookie = {"spec": {}, "metadata": {"annotations": {"kubesvc.dev/affinity-cookie": "pod"}}}
    assert affinity_of(by_address) == "sessionAffinity"
    assert affinity_of(by_cookie) == "kubesvc.dev/affinity-cookie"
    assert affinity_of({"spec": {"sessionAffinity": "None"}, "metadata": {}}) == ""

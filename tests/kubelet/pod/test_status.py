"""Tables of phases, conditions and nodes."""

from typing import Any

import pytest

from kubelet.nodes import Machine, NodeConfig, PodAddresses, node_object, node_status
from kubelet.pod.machine.events import Began, Event, Exited, Refused, Started
from kubelet.pod.machine.lifecycle import step
from kubelet.pod.machine.state import PodPlace, new_pod_state
from kubelet.pod.spec import read_pod_spec
from kubelet.pod.status import pod_status

PLACE = PodPlace(("127.246.1.2",), ("127.169.0.1",), 1000.0)


def pod(**spec: Any) -> dict[str, Any]:
    fields = {"containers": [{"name": "c", "image": "x"}], "nodeName": "n", "restartPolicy": "Never", **spec}
    return {"metadata": {"namespace": "ns", "name": "p", "uid": "u"}, "spec": fields}


def status(obj: dict[str, Any], *events: Event, now: float = 2000.0) -> dict[str, Any]:
    state = new_pod_state(read_pod_spec(obj))
    for event in (Began(), *events):
        state, _ = step(state, event, now)
    return pod_status(obj, state, PLACE, now)


def conditions(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each.get("reason", "")) for each in found["conditions"]}


START = Started("c", 7, "id")


@pytest.mark.parametrize(
    ("events", "phase", "ready"),
    [
        pytest.param((), "Pending", ("False", "ContainersNotReady"), id="being started"),
        pytest.param((Refused("c", "ErrImagePull", "m"),), "Pending", ("False", "ContainersNotReady"), id="no image"),
        pytest.param((START,), "Running", ("True", ""), id="running"),
        pytest.param((START, Exited("c", 0, 0)), "Succeeded", ("False", "PodCompleted"), id="succeeded"),
        pytest.param((START, Exited("c", 1, 0)), "Failed", ("False", "PodFailed"), id="failed"),
    ],
)
def test_phase_and_readiness(events: tuple[Event, ...], phase: str, ready: tuple[str, str]) -> None:
    found = status(pod(), *events)
    assert found["phase"] == phase
    assert conditions(found)["Ready"] == ready
    assert conditions(found)["ContainersReady"] == ready


def test_a_condition_that_stays_keeps_its_transition_time() -> None:
    obj = pod()
    obj["status"] = status(obj, START, now=2000.0)
    later = status(obj, START, now=3000.0)
    assert later["conditions"] == obj["status"]["conditions"]


def test_a_status_and_its_conditions_say_which_generation_they_are_of() -> None:
    obj = pod()
    assert "observedGeneration" not in status(obj)
    obj["metadata"]["generation"] = 3
    found = status(obj, START)
    assert found["observedGeneration"] == 3
    assert {each["observedGeneration"] for each in found["conditions"]} == {3}


def test_an_unready_pod_names_its_containers() -> None:
    found = status(pod(containers=[{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]), Started("a", 1, "i"))
    ready = next(each for each in found["conditions"] if each["type"] == "Ready")
    assert ready["message"] == "containers with unready status: [b]"


def test_an_initializing_pod_says_so() -> None:
    found = status(pod(initContainers=[{"name": "i", "image": "x"}]))
    assert conditions(found)["Initialized"] == ("False", "ContainersNotInitialized")
    assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}


def test_a_readiness_gate_keeps_a_pod_unready_until_its_condition_is_true() -> None:
    obj = pod(readinessGates=[{"conditionType": "example.com/gate"}])
    assert conditions(status(obj, START))["Ready"] == ("False", "ReadinessGatesNotReady")
    obj["status"] = {"conditions": [{"type": "example.com/gate", "status": "True"}]}
    found = conditions(status(obj, START))
    assert found["Ready"] == ("True", "")
    assert found["example.com/gate"] == ("True", "")


def test_addresses_begin_at_2_and_are_not_used_again_at_once() -> None:
    addresses = PodAddresses("127.244.1.0/29")
    assert addresses.capacity == 5
    assert [addresses.allocate() for _ in range(3)] == ["127.244.1.2", "127.244.1.3", "127.244.1.4"]
    addresses.release("127.244.1.2")
    assert [addresses.allocate() for _ in range(4)] == ["127.244.1.5", "127.244.1.6", "127.244.1.2", None]


def test_a_dual_stack_node_has_an_address_and_a_cidr_of_each_family() -> None:
    node = NodeConfig("n", "127.0.0.9", "127.244.1.0/24", {}, "::1", "fd00:10:244:1::/64")
    spec = node_object(node, Machine(), 253)["spec"]
    assert spec == {"podCIDR": "127.244.1.0/24", "podCIDRs": ["127.244.1.0/24", "fd00:10:244:1::/64"]}
    addresses = [each["address"] for each in node_status(node, Machine(), 253, 0.0)["addresses"]]
    assert addresses == ["127.0.0.9", "::1", "n"]


@pytest.mark.parametrize(
    ("address", "twin"), [("127.244.1.2", "fd00:10:244:1::2"), ("127.244.1.254", "fd00:10:244:1::fe")]
)
def test_a_pod_is_the_same_host_in_both_cidrs(address: str, twin: str) -> None:
    node = NodeConfig("n", "127.0.0.9", "127.244.1.0/24", {}, "::1", "fd00:10:244:1::/64")
    assert node.pod_addresses(address) == (address, twin)
    assert NodeConfig("n", "127.0.0.9", "127.244.1.0/24").pod_addresses(address) == (address,)


def test_a_node_object_describes_its_node() -> None:
    node, machine = (
        NodeConfig("n", "127.0.0.9", "127.244.1.0/24", {"a": "b"}),
        Machine(cpus=2, memory_kib=1024, disk_kib=9),
    )
    made = node_object(node, machine, 253)
    assert made["metadata"]["labels"]["kubernetes.io/hostname"] == "n"
    assert made["metadata"]["labels"]["a"] == "b"
    found = node_status(node, machine, 253, 0.0)
    assert found["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 10250}}
    assert found["allocatable"] == {"cpu": "2", "ephemeral-storage": "9Ki", "memory": "1024Ki", "pods": "253"}
    assert [each["type"] for each in found["conditions"] if each["status"] == "True"] == ["Ready"]
    large = node_status(node._replace(capacity={"cpu": "64", "example.com/gpu": "4"}), machine, 253, 0.0)
    assert large["capacity"] == {**found["capacity"], "cpu": "64", "example.com/gpu": "4"}

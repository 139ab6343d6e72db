"""What the kubelet writes of a pod: over what others have written meanwhile, which it has not heard of yet."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import FakeClock, new_registry
from tests.helpers.objects import build_pod

from kubeapi.events import EventRecorder
from kubeapi.io.client import Client
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import EVENTS, PODS
from kubeapi.users import node_user
from kubelet.pod.machine.events import Began, Exited, Started
from kubelet.pod.machine.lifecycle import step
from kubelet.pod.machine.state import PodPlace, new_pod_state
from kubelet.runtime.pods.object import PodObject

PLACE = PodPlace(("127.246.1.2",), ("127.169.0.1",), 1000.0)
GATED = "example.com/gate"


class Written:
    """A pod on a node, as its kubelet has it and as it is stored."""

    def __init__(self) -> None:
        clock = FakeClock()
        self.registry = new_registry(clock)
        recorder = EventRecorder(self.registry, "kubelet", clock=clock)
        made = self.create()
        self.pod = PodObject(Client(self.registry, node_user("n")), recorder, made)
        self.state = new_pod_state(self.pod.spec)

    def create(self) -> JSON:
        container = {"name": "c", "image": "busybox"}
        manifest = build_pod("p", container, namespace="default", nodeName="n", restartPolicy="Never")
        return self.registry.create(PODS, manifest)

    @property
    def stored(self) -> JSON:
        return self.registry.store.get(PODS, "default", "p")

    def write(self, *events: Began | Started | Exited) -> JSON:
        for event in events:
            self.state, _ = step(self.state, event, 2000.0)
        self.pod.write_status(self.state, PLACE, 2000.0)
        status: JSON = self.stored["status"]
        return status


RUNNING = Began(), Started("c", 7, "id")


@pytest.fixture
def written() -> Written:
    return Written()


def test_a_pod_that_was_failed_stays_so_while_its_containers_end(written: Written) -> None:
    written.write(*RUNNING)
    heard = written.stored
    written.pod.fail("Evicted", "too much", "Warning")
    assert written.write(Exited("c", 137, 0))["reason"] == "Evicted"
    written.pod.update(heard)  # the news of an earlier write come now
    status = written.write()
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "Evicted", "too much")
    assert "terminated" in status["containerStatuses"][0]["state"]


def test_a_pod_fails_once(written: Written) -> None:
    written.write(*RUNNING)
    written.pod.fail("Evicted", "too much", "Warning")
    written.pod.fail("DeadlineExceeded", "too long")
    assert written.stored["status"]["reason"] == "Evicted"
    assert [each["reason"] for each in written.registry.store.list(EVENTS)] == ["Evicted"]


def test_a_condition_of_somebody_else_stays(written: Written) -> None:
    status = written.write(*RUNNING)
    gate = {"type": GATED, "status": "True"}
    written.registry.update_status(
        PODS, {**written.stored, "status": {**status, "conditions": [*status["conditions"], gate]}}
    )
    assert GATED in {each["type"] for each in written.write(Exited("c", 0, 0))["conditions"]}


def test_a_pod_of_the_same_name_is_another_one(written: Written) -> None:
    written.registry.store.delete(PODS, *ObjectKey("default", "p"))
    written.create()
    assert "containerStatuses" not in written.write(*RUNNING)

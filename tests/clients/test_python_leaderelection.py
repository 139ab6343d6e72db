"""The official Python client's leader election on a Lease, and its typed Events of events.k8s.io."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes import client
from kubernetes.leaderelection import electionconfig
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

NAMESPACE = "python-kubernetes"


@pytest.fixture
def candidate(api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what makes a candidate for one lock."""
    coordination = client.CoordinationV1Api(api)
    monkeypatch.setattr(client, "CoordinationV1Api", lambda: coordination)

    def make(identity: str) -> Any:
        lock = LeaseLock("leader", NAMESPACE, identity)
        callbacks = {"onstarted_leading": print, "onstopped_leading": print}
        return LeaderElection(electionconfig.Config(lock, 600, 500, 100, **callbacks))

    return make


def test_one_candidate_leads_and_another_follows_when_its_lease_is_gone(api: Any, candidate: Any) -> None:
    one, other = candidate("one"), candidate("other")
    assert [one.try_acquire_or_renew(), other.try_acquire_or_renew(), one.try_acquire_or_renew()] == [True, False, True]
    leases = client.CoordinationV1Api()
    assert leases.read_namespaced_lease("leader", NAMESPACE).spec.holder_identity == "one"

    leases.delete_namespaced_lease("leader", NAMESPACE)

    assert [other.try_acquire_or_renew(), one.try_acquire_or_renew()] == [True, False]
    assert leases.read_namespaced_lease("leader", NAMESPACE).spec.holder_identity == "other"


def test_an_event_of_the_newer_version_is_seen_under_both(api: Any) -> None:
    about = client.V1ObjectReference(api_version="v1", kind="ConfigMap", name="x", namespace=NAMESPACE)
    event = client.EventsV1Event(
        metadata=client.V1ObjectMeta(name="typed"),
        event_time=datetime.now(UTC),
        action="Try",
        reason="Tried",
        note="It was tried.",
        type="Normal",
        regarding=about,
        reporting_controller="example.com/test",
        reporting_instance="test-1",
    )
    created = client.EventsV1Api(api).create_namespaced_event(NAMESPACE, event)
    stored = client.CoreV1Api(api).read_namespaced_event("typed", NAMESPACE)
    assert (stored.message, stored.involved_object.name) == (created.note, "x") == ("It was tried.", "x")
    assert stored.metadata.uid == created.metadata.uid

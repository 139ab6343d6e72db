"""The certificates of a pod: asked for once, as the signer decides, and renewed in time."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import FakeClock, new_registry, pod

from kubeapi.events import EventRecorder
from kubeapi.io.client import Client
from kubeapi.meta import JSON, format_time
from kubeapi.scheme import EVENTS, NODES, PODCERTIFICATEREQUESTS, PODS, SERVICEACCOUNTS
from kubeapi.users import node_user
from kubelet.pod.files.volumes import VolumeError
from kubelet.runtime.pods.certificates import JITTER_SECONDS, PodCertificates
from kubelet.runtime.pods.object import PodObject

SOURCE = {"signerName": "example.com/spiffe", "keyType": "ED25519", "userAnnotations": {"example.com/path": "/a"}}
CHAIN = "text around it\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
PLAIN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


class Kubelet:
    """A pod of the ServiceAccount robot on node-a, and its certificates."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.registry = new_registry(self.clock)
        self.registry.create(SERVICEACCOUNTS, {"metadata": {"name": "robot"}})
        self.registry.create(NODES, {"metadata": {"name": "node-a"}})
        created = self.registry.create(PODS, pod(serviceAccountName="robot", nodeName="node-a"))
        recorder = EventRecorder(self.registry, "kubelet", clock=self.clock)
        self.keys = 0
        client = Client(self.registry, node_user("node-a"))
        found = PodObject(client, recorder, created)
        self.certificates = PodCertificates(found, client, self.make_key, self.clock, random.Random(1))
        self.changed = asyncio.Event()
        self.certificates.changed = self.changed.set

    def make_key(self, kind: str) -> tuple[bytes, bytes]:
        if kind != "ED25519":
            raise ValueError(f'unknown key type "{kind}"')
        self.keys += 1
        return b"key %d\n" % self.keys, b"proof"

    @property
    def requests(self) -> list[JSON]:
        return self.registry.store.list(PODCERTIFICATEREQUESTS)

    async def ask(self, source: JSON = SOURCE) -> str:
        """Ask for a certificate that is not there, wait for the request, and return why it is not."""
        self.changed.clear()
        with pytest.raises(VolumeError) as refused:
            self.certificates.bundle("tls", source)
        await self.changed.wait()
        return str(refused.value)

    def decide(self, kind: str, **status: Any) -> None:
        """Give the newest request a condition."""
        request = max(self.requests, key=lambda each: int(each["metadata"]["resourceVersion"]))
        condition = {"type": kind, "status": "True", "reason": "Why", "message": "so"}
        status["conditions"] = [{**condition, "lastTransitionTime": format_time(self.clock())}]
        self.registry.update_status(PODCERTIFICATEREQUESTS, {**request, "status": status})

    def issue(self, seconds: float) -> None:
        self.decide("Issued", certificateChain=CHAIN, beginRefreshAt=format_time(self.clock() + seconds))


async def test_a_request_names_the_pod_its_account_and_its_node() -> None:
    kubelet = Kubelet()
    assert await kubelet.ask() == "credential bundle is not issued yet"
    (request,) = kubelet.requests
    spec = request["spec"]
    named = (spec["podName"], spec["serviceAccountName"], spec["nodeName"], spec["signerName"])
    assert named == ("web", "robot", "node-a", "example.com/spiffe")
    assert spec["unverifiedUserAnnotations"] == {"example.com/path": "/a"}
    assert (spec["maxExpirationSeconds"], spec["stubPKCS10Request"]) == (86400, "cHJvb2Y=")
    assert request["metadata"]["ownerReferences"][0]["kind"] == "Pod"
    assert request["metadata"]["name"].startswith("req-")


async def test_what_the_signer_issues_is_used_until_it_is_renewed() -> None:
    kubelet = Kubelet()
    await kubelet.ask()
    kubelet.issue(3600)
    assert kubelet.certificates.bundle("tls", SOURCE) == (b"key 1\n", PLAIN)
    assert kubelet.certificates.wait is not None
    assert 3600 <= kubelet.certificates.wait <= 3600 + JITTER_SECONDS
    kubelet.clock.advance(3600 + JITTER_SECONDS)
    kubelet.changed.clear()
    assert kubelet.certificates.bundle("tls", SOURCE)[0] == b"key 1\n"
    await kubelet.changed.wait()
    assert kubelet.certificates.bundle("tls", SOURCE)[0] == b"key 1\n"
    kubelet.issue(3600)
    assert kubelet.certificates.bundle("tls", SOURCE)[0] == b"key 2\n"
    assert len(kubelet.requests) == 2


async def test_two_volumes_have_a_certificate_each() -> None:
    kubelet = Kubelet()
    await kubelet.ask()
    kubelet.changed.clear()
    with pytest.raises(VolumeError):
        kubelet.certificates.bundle("other", SOURCE)
    await kubelet.changed.wait()
    assert len(kubelet.requests) == 2


async def test_a_denied_request_is_final_and_an_event_says_why() -> None:
    kubelet = Kubelet()
    await kubelet.ask()
    kubelet.decide("Denied")
    for _ in range(2):
        with pytest.raises(VolumeError, match='permanently denied: reason="Why" message="so"'):
            kubelet.certificates.bundle("tls", SOURCE)
    (event,) = kubelet.registry.store.list(EVENTS)
    assert event["reason"] == "Denied"
    assert 'was denied, reason="Why", message="so"' in event["message"]


async def test_a_request_that_somebody_deletes_is_made_again_after_ten_minutes() -> None:
    kubelet = Kubelet()
    await kubelet.ask()
    kubelet.registry.delete(PODCERTIFICATEREQUESTS, "default", kubelet.requests[0]["metadata"]["name"])
    with pytest.raises(VolumeError):
        kubelet.certificates.bundle("tls", SOURCE)
    assert kubelet.requests == []
    kubelet.clock.advance(601)
    await kubelet.ask()
    assert len(kubelet.requests) == 1


async def test_why_no_request_could_be_made_is_said() -> None:
    kubelet = Kubelet()
    kubelet.registry.delete(SERVICEACCOUNTS, "default", "robot")
    await kubelet.ask()
    said = await kubelet.ask()
    assert said.endswith('while fetching service account: serviceaccounts "robot" not found')

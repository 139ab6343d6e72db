"""The tokens of a pod: made once, renewed in time, and not without a ServiceAccount."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import FakeClock, new_registry, pod
from tests.helpers.kubeapi.tokens import ISSUER, token_issuer

from kubeapi.events import EventRecorder
from kubeapi.io.client import Client
from kubeapi.scheme import PODS, SERVICEACCOUNTS
from kubeapi.serviceaccounts.jwt import read_claims
from kubeapi.users import node_user
from kubelet.pod.files.volumes import VolumeError, read_volumes
from kubelet.runtime.pods.object import PodObject
from kubelet.runtime.pods.tokens import PodTokens

TOKEN = {"path": "token", "expirationSeconds": 3607}
SHORT = {"path": "vault", "expirationSeconds": 600, "audience": "vault"}


class Kubelet:
    """A pod of the ServiceAccount robot, and its tokens."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.registry = new_registry(self.clock)
        self.registry.create(SERVICEACCOUNTS, {"metadata": {"name": "robot"}})
        created = self.registry.create(PODS, pod(serviceAccountName="robot"))
        recorder = EventRecorder(self.registry, "kubelet", clock=self.clock)
        issuer = token_issuer(self.registry, self.clock)
        self.tokens = PodTokens(
            PodObject(Client(self.registry, node_user("n")), recorder, created), self.registry.store, issuer, self.clock
        )


def test_a_token_is_the_same_until_most_of_its_time_is_over() -> None:
    kubelet = Kubelet()
    first = kubelet.tokens.token(TOKEN)
    assert kubelet.tokens.wait == pytest.approx(0.8 * 3607)
    kubelet.clock.advance(2880)
    assert kubelet.tokens.token(TOKEN) == first
    kubelet.clock.advance(10)
    assert kubelet.tokens.wait == 0
    assert kubelet.tokens.token(TOKEN) != first


def test_each_audience_has_a_token_and_the_one_that_ends_first_is_waited_for() -> None:
    kubelet = Kubelet()
    assert kubelet.tokens.wait is None
    own, other = read_claims(kubelet.tokens.token(TOKEN)), read_claims(kubelet.tokens.token(SHORT))
    assert own is not None
    assert other is not None
    assert (own["aud"], other["aud"]) == ([ISSUER], ["vault"])
    assert own["kubernetes.io"]["pod"]["name"] == "web"
    assert kubelet.tokens.wait == pytest.approx(480)


def test_without_its_account_a_pod_gets_no_token() -> None:
    kubelet = Kubelet()
    kubelet.registry.delete(SERVICEACCOUNTS, "default", "robot")
    with pytest.raises(VolumeError, match='failed to fetch token: serviceaccounts "robot" not found'):
        kubelet.tokens.token(TOKEN)


def test_where_pods_get_no_tokens_the_volume_that_admission_gave_is_left_out() -> None:
    registry = new_registry()
    created = registry.create(PODS, pod(volumes=[{"name": "own", "emptyDir": {}}]))
    assert [each.name for each in read_volumes(created, has_tokens=False)] == ["own"]
    assert len(read_volumes(created)) == 2

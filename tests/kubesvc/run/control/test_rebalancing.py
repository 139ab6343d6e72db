"""What asks a cluster to balance a Service in another way. How it does is a story of tests/behaviour."""

from __future__ import annotations

import pytest

from kubeapi.meta import ObjectKey
from kubeapi.status import StatusError
from kubesvc.run.control.rebalancing import read_rebalance


def test_a_rebalance_is_a_service_and_its_annotations() -> None:
    annotations = {"kubesvc.dev/balancer": "random", "kubesvc.dev/balancer-options": None}
    read = read_rebalance({"namespace": "shop", "name": "web", "annotations": annotations})
    assert read == (ObjectKey("shop", "web"), annotations)


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"namespace": "shop", "name": "web"},
        {"namespace": "shop", "name": "web", "annotations": {"kubesvc.dev/balancer": 3}},
        {"namespace": "shop", "name": "web", "annotations": {"team": "a"}},
    ],
)
def test_anything_else_is_a_bad_request(body: object) -> None:
    with pytest.raises(StatusError, match=r"want JSON with namespace, name and annotations of kubesvc\.dev/balancer, "):
        read_rebalance(body)

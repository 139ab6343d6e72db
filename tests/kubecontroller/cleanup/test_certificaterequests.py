"""Old requests for certificates are deleted when their time is over."""

from __future__ import annotations

import asyncio

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster

from kubeapi.meta import JSON, format_time
from kubeapi.scheme import PODCERTIFICATEREQUESTS
from kubecontroller.cleanup.certificaterequests import signing_request_due

HOUR, DAY = 3600.0, 86400.0
CREATED, DECIDED = 1_000_000.0, 1_000_500.0


def request(*conditions: str, certificate: str = "") -> JSON:
    found = [{"type": each, "lastUpdateTime": format_time(DECIDED)} for each in conditions]
    status = {"conditions": found} | ({"certificate": certificate} if certificate else {})
    return {"metadata": {"name": "r", "creationTimestamp": format_time(CREATED)}, "status": status}


@pytest.mark.parametrize(
    ("obj", "due"),
    [
        pytest.param(request(), CREATED + DAY, id="nobody has decided"),
        pytest.param(request("Approved"), DECIDED + DAY, id="approved, without a certificate"),
        pytest.param(request("Approved", certificate="x"), DECIDED + HOUR, id="issued"),
        pytest.param(request("Denied"), DECIDED + HOUR, id="denied"),
        pytest.param(request("Approved", "Failed"), DECIDED + HOUR, id="failed"),
        pytest.param(request("Other"), None, id="a condition of somebody else"),
    ],
)
def test_a_signing_request_is_kept_for_as_long_as_its_state_says(obj: JSON, due: float | None) -> None:
    assert signing_request_due(obj) == due


@pytest.mark.looptime
async def test_a_request_of_a_pod_is_deleted_after_15_minutes() -> None:
    spec = {"signerName": "example.com/s", "podName": "p", "podUID": "u", "nodeName": "n", "nodeUID": "v"}
    account = {"serviceAccountName": "a", "serviceAccountUID": "w", "stubPKCS10Request": "eA=="}
    async with FakeCluster(nodes=1).running() as cluster:
        made = {"metadata": {"name": "r", "namespace": "default"}, "spec": {**spec, **account}}
        cluster.registry.create(PODCERTIFICATEREQUESTS, made)
        await asyncio.sleep(14 * 60)
        assert cluster.store.list(PODCERTIFICATEREQUESTS)
        await asyncio.sleep(2 * 60)
        await cluster.settle()
        assert not cluster.store.list(PODCERTIFICATEREQUESTS)

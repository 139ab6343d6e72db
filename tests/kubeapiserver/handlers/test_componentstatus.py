"""ComponentStatuses: `kubectl get componentstatuses`, deprecated and still typed."""

from __future__ import annotations

from tests.helpers.kubeapiserver.client import TABLE_ACCEPT, APIClient

STATUSES = "/api/v1/componentstatuses"
CONDITION = {"type": "Healthy", "status": "True", "message": "ok"}


def test_each_component_is_healthy_and_the_kind_deprecated() -> None:
    client = APIClient()
    found = client.get(STATUSES)
    assert found.names == ["controller-manager", "etcd-0", "scheduler"]
    assert [each["conditions"] for each in found.json["items"]] == [[CONDITION]] * 3
    assert found.warnings == ['299 - "v1 ComponentStatus is deprecated in v1.19+"']
    assert client.get(STATUSES, TABLE_ACCEPT).rows[0] == ["controller-manager", "Healthy", "ok", ""]


def test_one_component_is_found_by_its_name() -> None:
    client = APIClient()
    found = client.get(f"{STATUSES}/scheduler").json
    assert (found["kind"], found["metadata"]["name"]) == ("ComponentStatus", "scheduler")
    assert client.get(f"{STATUSES}/web").json["message"] == 'componentstatus "web" not found'
    assert client.post(STATUSES, {}).status == 405

"""What is left of an object is all that DNS reads of it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from tests.helpers.kubedns.objects import cluster, resource_of

from kubeapi.meta import JSON, key_of
from kubedns.records import pod_record, service_record, slice_record
from kubedns.slim import SLIM

READERS: dict[str, Callable[[JSON], object]] = {
    "Namespace": key_of,
    "Service": service_record,
    "EndpointSlice": lambda obj: slice_record(obj, has_pod_names=True),
    "Pod": lambda obj: pod_record(obj, is_known=True),
}
MORE = {"managedFields": [{"manager": "kubectl"}], "annotations": {"a": "b"}, "uid": "u", "resourceVersion": "7"}


@pytest.mark.parametrize("obj", cluster(), ids=lambda each: f"{each['kind']}/{each['metadata']['name']}")
def test_nothing_that_is_read_is_lost(obj: JSON) -> None:
    whole = copy.deepcopy(obj)
    whole["metadata"] |= MORE
    slim = SLIM[resource_of(obj)](copy.deepcopy(whole))
    read = READERS[obj["kind"]]
    assert (read(slim), key_of(slim)) == (read(whole), key_of(whole))
    assert slim["metadata"]["resourceVersion"] == "7"
    assert not set(MORE) - {"resourceVersion"} & set(slim["metadata"])
    assert SLIM[resource_of(obj)](slim) == slim

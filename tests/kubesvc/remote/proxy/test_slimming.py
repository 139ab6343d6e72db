"""What is left of objects at the border of a remote proxy is read as the whole would be."""

from __future__ import annotations

import copy

import pytest
from tests.helpers.kubeproxy.cluster import service, slice_of

from kubeapi.meta import JSON
from kubeapi.objects.endpointslice import read_endpoint_slice
from kubeapi.objects.service import read_service
from kubeclient.listwatch.slim import Sharing
from kubesvc.remote.proxy.slimming import slim_service, slim_slice

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
READY = {"ready": True, "serving": True, "terminating": False}
HINTS = {"forZones": [{"name": "a"}], "forNodes": [{"name": "node-1"}]}


def endpoint(address: str, **fields: object) -> JSON:
    target = {"kind": "Pod", "namespace": "default", "name": f"web-{address}", "uid": "1"}
    return {"addresses": [address], "conditions": dict(READY), "nodeName": "node-1", "targetRef": target, **fields}


def whole(obj: JSON) -> JSON:
    """The object as an API server sends it."""
    metadata = {**obj["metadata"], "managedFields": [{"manager": "x"}], "ownerReferences": [{"name": "y"}]}
    metadata["annotations"] = {"kubesvc.dev/balancer": "round_robin", LAST_APPLIED: "{}"}
    return {**obj, "metadata": metadata}


def test_a_service_is_read_as_before() -> None:
    obj = whole(service("web", "10.96.0.20", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    slim = slim_service(copy.deepcopy(obj))
    assert slim["metadata"].keys().isdisjoint({"managedFields", "ownerReferences"})
    before, after = read_service(obj), read_service(slim)
    assert before.annotations.pop(LAST_APPLIED) == "{}"
    assert after == before


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="ready"),
        pytest.param({"conditions": {"ready": False, "serving": True, "terminating": True}}, id="terminating"),
        pytest.param({"conditions": {}}, id="no conditions"),
        pytest.param({"hints": HINTS, "zone": "a"}, id="hints"),
    ],
)
def test_endpoints_are_read_as_before_but_for_their_pods_names(fields: JSON) -> None:
    obj = whole(slice_of("web", [endpoint("10.244.1.2", **fields), endpoint("10.244.1.3")]))
    slim = read_endpoint_slice(slim_slice(copy.deepcopy(obj)))
    before = read_endpoint_slice(obj)
    assert slim.endpoints == tuple(each._replace(target="") for each in before.endpoints)
    assert (slim.service, slim.ports, slim.labels) == (before.service, before.ports, before.labels)


def test_what_endpoints_have_in_common_is_kept_once() -> None:
    listed = [endpoint("10.244.1.2"), endpoint("10.244.1.3", nodeName="".join(("node", "-1")))]
    first, second = Sharing().share(slim_slice(whole(slice_of("web", listed))))["endpoints"]
    assert first["conditions"] is second["conditions"]
    assert first["nodeName"] is second["nodeName"]

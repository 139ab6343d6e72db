"""Whether an extension API server can answer, by what the objects say, and what becomes of its condition."""

from __future__ import annotations

import pytest
from tests.helpers.objects import build_endpoint, build_service, build_slice

from kubeaggregator import availability, discovery
from kubeaggregator.availability import PASSED, failed_check, prejudge, status_with
from kubeapi.meta import JSON
from kubeapi.objects.apiservice import read_api_service
from kubeapi.objects.endpointslice import read_endpoint_slice
from kubeapi.objects.service import read_target

API = {
    "metadata": {"name": "v1.example.com"},
    "spec": {"group": "example.com", "version": "v1", "service": {"namespace": "ns", "name": "api", "port": 443}},
}
PORTS = [{"name": "https", "port": 443}]
READY, NOT_READY = build_endpoint("10.0.0.1"), build_endpoint("10.0.0.1", ready=False)
NAMED, OTHER = [{"name": "https", "port": 8443}], [{"name": "http", "port": 80}]


@pytest.mark.parametrize(
    ("service", "endpoints", "ports", "verdict"),
    [
        (None, None, NAMED, ("ServiceNotFound", 'service/api in "ns" is not present')),
        (
            {"ports": [{"port": 80}]},
            None,
            NAMED,
            ("ServicePortError", 'service/api in "ns" is not listening on port 443'),
        ),
        ({"ports": PORTS}, None, NAMED, ("EndpointsNotFound", 'cannot find endpointslices for service/api in "ns"')),
        ({"ports": PORTS}, [NOT_READY], NAMED, ("MissingEndpoints", 'have no addresses with port name "https"')),
        ({"ports": PORTS}, [READY], OTHER, ("MissingEndpoints", 'have no addresses with port name "https"')),
        ({"ports": PORTS}, [NOT_READY, READY], NAMED, None),
        ({"type": "ExternalName", "externalName": "a.example"}, None, NAMED, None),
        ({"type": "NodePort", "ports": [{"port": 80}]}, None, NAMED, None),
    ],
    ids=["no-service", "other-port", "no-slices", "none-ready", "port-unnamed", "ready", "external", "node-port"],
)
def test_a_server_is_asked_only_if_its_objects_let_it_answer(
    service: JSON | None, endpoints: list[JSON] | None, ports: list[JSON], verdict: tuple[str, str] | None
) -> None:
    target = None if service is None else read_target(build_service("api", "ns", **service))
    slices = [] if endpoints is None else [build_slice("s", "api", endpoints, "ns", ports=ports)]
    found = prejudge(read_api_service(API), target, map(read_endpoint_slice, slices))
    if verdict is None:
        assert found is None
    else:
        assert found is not None
        assert (found.is_available, found.reason, verdict[1] in found.message) == (False, verdict[0], True)


def test_a_condition_keeps_its_time_and_its_place_until_it_changes() -> None:
    other = {"type": "Other", "status": "True"}
    obj = {**API, "status": {"conditions": [other]}}
    first = status_with(obj, failed_check("a"), 0)
    again = status_with({**obj, "status": first}, failed_check("b"), 60)
    assert [each["type"] for each in again["conditions"]] == ["Other", "Available"]
    assert again["conditions"][1] == {
        "type": "Available",
        "status": "False",
        "lastTransitionTime": "1970-01-01T00:00:00Z",
        "reason": "FailedDiscoveryCheck",
        "message": "b",
    }
    passed = status_with({**obj, "status": again}, PASSED, 60)["conditions"][1]
    assert (passed["status"], passed["lastTransitionTime"]) == ("True", "1970-01-01T00:01:00Z")


def test_a_server_that_does_not_answer_is_asked_again_ever_later() -> None:
    assert [availability.backoff(each) for each in (0, 1, 2, 3, 100)] == [30.0, 0.005, 0.01, 0.02, 30.0]
    assert [discovery.backoff(each) for each in (0, 1, 2, 100)] == [60.0, 0.5, 1.0, 60.0]

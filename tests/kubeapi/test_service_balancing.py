"""What the API says of annotations for the proxy: weights, cookies, algorithms by their names, hashes of requests."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import deployment, faults_of, new_registry, pod, service, update_faults_of
from tests.helpers.objects import build_endpoint, build_slice

from kubeapi.balancing import hash_on
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTSLICES, PODS, SERVICES, Resource

OUT_OF_RANGE = "must be a whole number between 0 and 256, inclusive, as text; 0 takes nothing new"
COOKIE, AGE = "kubesvc.dev/affinity-cookie", "kubesvc.dev/affinity-cookie-max-age"
BALANCER, OPTIONS = "kubesvc.dev/balancer", "kubesvc.dev/balancer-options"


def weighed(weight: str) -> list[tuple[Resource, JSON, str]]:
    """Return objects that can have a weight, and where."""
    annotations = {"kubesvc.dev/weight": weight}
    of_pod = pod("a", metadata={"annotations": annotations})
    of_slice = build_slice("a", "web", [build_endpoint("127.0.0.9")])
    of_slice["metadata"]["annotations"] = annotations
    of_template = deployment("a")
    of_template["spec"]["template"]["metadata"]["annotations"] = annotations
    return [
        (PODS, of_pod, "metadata.annotations"),
        (ENDPOINTSLICES, of_slice, "metadata.annotations"),
        (DEPLOYMENTS, of_template, "spec.template.annotations"),
    ]


@pytest.mark.parametrize("weight", ["257", "1000", "-1", "", "1.5", "many", "+1", " 1", "007", "\u0661"])
def test_a_weight_out_of_range_is_refused_with_the_range(weight: str) -> None:
    for resource, obj, path in weighed(weight):
        fault = f'{path}[kubesvc.dev/weight]: Invalid value: "{weight}": {OUT_OF_RANGE}'
        assert faults_of(resource, obj) == [fault]


@pytest.mark.parametrize("weight", ["0", "1", "256"])
def test_a_weight_within_the_range_is_accepted(weight: str) -> None:
    assert [faults_of(resource, obj) for resource, obj, _ in weighed(weight)] == [[], [], []]


def test_a_pod_that_runs_gets_no_weight_out_of_range() -> None:
    registry = new_registry()
    stored = registry.create(PODS, pod("a"))
    stored["metadata"]["annotations"] = {"kubesvc.dev/weight": "300"}
    assert update_faults_of(PODS, stored, registry) == [
        f'metadata.annotations[kubesvc.dev/weight]: Invalid value: "300": {OUT_OF_RANGE}'
    ]


def test_a_weight_where_there_are_no_endpoints_is_a_warning_once() -> None:
    registry, annotations = new_registry(), {"kubesvc.dev/weight": "5"}
    for resource, obj in ((DEPLOYMENTS, deployment("a")), (SERVICES, service("a"))):
        obj["metadata"]["annotations"] = annotations
        stored = registry.create(resource, obj)
        warnings = kind_of(resource).warnings
        assert [str(each) for each in warnings(None, stored, registry.config)] == [
            "metadata.annotations[kubesvc.dev/weight]: has no effect here: annotate the pods, the metadata of their "
            "template, or an EndpointSlice"
        ]
        assert list(warnings(stored, stored, registry.config)) == []


@pytest.mark.parametrize(
    ("annotations", "faults"),
    [
        ({COOKIE: "SERVERID"}, []),
        ({COOKIE: "SERVERID", AGE: "3600"}, []),
        (
            {COOKIE: "a b"},
            [
                f'metadata.annotations[{COOKIE}]: Invalid value: "a b": must be the name of a cookie: letters, digits '
                "and !#$%&'*+-.^_`|~ only"
            ],
        ),
        ({AGE: "60"}, [f"metadata.annotations[{COOKIE}]: Required value: where {AGE} is set"]),
        (
            {COOKIE: "id", AGE: "1h"},
            [f'metadata.annotations[{AGE}]: Invalid value: "1h": must be seconds, 1 to 999999999'],
        ),
    ],
)
def test_a_cookie_has_a_name_and_perhaps_an_age(annotations: JSON, faults: list[str]) -> None:
    assert faults_of(SERVICES, service(metadata={"annotations": annotations})) == faults


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lest_request", '; did you mean "least_request"?'),
        ("p2d", '; did you mean "p2c"?'),
        ("Least-Time", '; did you mean "peak_ewma"?'),
        ("?", ""),
    ],
)
def test_an_unknown_algorithm_is_answered_with_the_names_without_aliases_and_with_what_was_meant(
    name: str, meant: str
) -> None:
    balancers: JSON = {"least_request": (), "p2c": (), "peak_ewma": (), "ring_hash": ()}
    registry = new_registry(balancers=balancers, balancer_aliases={"p2c"}, default_balancer="ring_hash")
    assert faults_of(SERVICES, service(metadata={"annotations": {BALANCER: name}}), registry) == [
        f'metadata.annotations[{BALANCER}]: Unsupported value: "{name}": supported values: '
        f'"least_request", "peak_ewma", "ring_hash"{meant}'
    ]


@pytest.mark.parametrize(
    ("annotations", "warnings"),
    [
        ({}, []),
        ({BALANCER: "ring_hash", OPTIONS: '{"hash_on": "source_port"}'}, []),
        (
            {BALANCER: "ring_hash", OPTIONS: '{"hash_on": "cookie:id"}'},
            [
                f"metadata.annotations[{OPTIONS}]: connections are hashed by their source, because a cookie id is only "
                "in HTTP requests: no port has the appProtocol http"
            ],
        ),
        (
            {COOKIE: "id"},
            [f"metadata.annotations[{COOKIE}]: there are no cookies to set: no port has the appProtocol http"],
        ),
    ],
)
def test_what_only_requests_of_http_have_is_a_warning_where_no_port_is_of_http(
    annotations: JSON, warnings: list[str]
) -> None:
    registry = new_registry(balancers={"ring_hash": (hash_on(),), "random": ()}, default_balancer="random")

    def warned(**fields: Any) -> list[str]:
        port = {"port": 80, **fields}
        stored = registry.create(
            SERVICES, service(f"s{len(fields)}", metadata={"annotations": annotations}, ports=[port])
        )
        return [str(each) for each in kind_of(SERVICES).warnings(None, stored, registry.config)]

    assert warned() == warnings
    assert warned(appProtocol="http") == []

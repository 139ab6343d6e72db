"""What Endpoints and EndpointSlices are refused for, and that 127.0.0.0/8 is none of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import LABEL_VALUE, SUBDOMAIN, faults_of

from kubeapi.meta import JSON
from kubeapi.scheme import ENDPOINTS, ENDPOINTSLICES

NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def endpoint_slice(*endpoints: JSON, **fields: Any) -> JSON:
    return {"metadata": {"name": "web-1"}, "addressType": "IPv4", "endpoints": list(endpoints), **fields}


@pytest.mark.parametrize(
    ("subset", "faults"),
    [
        ({"addresses": [{"ip": "127.0.0.9"}], "ports": [{"port": 80}]}, []),
        ({"ports": [{"port": 80}]}, ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"]),
        (
            {"addresses": [{"ip": "x"}, {"ip": "0.0.0.0"}]},
            [
                f'subsets[0].addresses[0].ip: Invalid value: "x": {NO_ADDRESS}',
                'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address',
                'subsets[0].addresses[1].ip: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
            ],
        ),
        (
            {"notReadyAddresses": [{"ip": "127.0.0.9"}], "ports": [{"port": 80}, {"name": "a", "port": 0}]},
            [
                "subsets[0].ports[0].name: Required value",
                "subsets[0].ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            {"addresses": [{"ip": "127.0.0.9"}], "ports": [{"port": 80, "protocol": "X"}]},
            ['subsets[0].ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"'],
        ),
    ],
    ids=["loopback", "no addresses", "bad addresses", "bad ports", "bad protocol"],
)
def test_endpoints_are_refused_with_the_faults_of_each_subset(subset: JSON, faults: list[str]) -> None:
    assert faults_of(ENDPOINTS, {"metadata": {"name": "web"}, "subsets": [subset]}) == faults


@pytest.mark.parametrize(
    ("obj", "faults"),
    [
        (endpoint_slice({"addresses": ["127.0.0.9"]}, ports=[{"port": 80}]), []),
        (endpoint_slice({"addresses": ["a.example"]}, addressType="FQDN"), []),
        (endpoint_slice(addressType=None), ["addressType: Required value"]),
        (
            endpoint_slice(addressType="IPv5"),
            ['addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"'],
        ),
        (
            endpoint_slice({"addresses": []}),
            ["endpoints[0].addresses: Required value: must contain at least 1 address"],
        ),
        (
            endpoint_slice({"addresses": ["x", "::1"]}),
            [
                f'endpoints[0].addresses[0]: Invalid value: "x": {NO_ADDRESS}',
                'endpoints[0].addresses: Invalid value: "::1": must be an IPv4 address',
            ],
        ),
        (
            endpoint_slice({"addresses": ["svc"]}, addressType="FQDN"),
            [
                'endpoints[0].addresses[0]: Invalid value: "svc": '
                "should be a domain with at least two segments separated by dots"
            ],
        ),
        (endpoint_slice(ports=[{"port": 80}, {"port": 70000}]), ['ports[1].name: Duplicate value: ""']),
        (endpoint_slice(ports=[{"name": "a", "port": 0}, {"name": "b", "port": -1}]), []),
        (
            endpoint_slice({"addresses": ["127.0.0.9"], "hints": {"forZones": [{"name": "a"}, {"name": "a"}]}}),
            ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
        ),
        (
            endpoint_slice(
                {"addresses": ["127.0.0.9"], "hints": {"forZones": [{"name": "a b"}], "forNodes": [{"name": "N_1"}]}}
            ),
            [
                f'endpoints[0].hints.forZones[0].name: Invalid value: "a b": {LABEL_VALUE}',
                f'endpoints[0].hints.forNodes[0].name: Invalid value: "N_1": {SUBDOMAIN}',
            ],
        ),
        (
            endpoint_slice(*({"addresses": ["127.0.0.9"]} for _ in range(1001))),
            ["endpoints: Too many: 1001: must have at most 1000 items"],
        ),
    ],
    ids=[
        "loopback",
        "names",
        "no type",
        "bad type",
        "no address",
        "bad addresses",
        "one label",
        "one name twice",
        "ports that are none",
        "one hint twice",
        "hints that are no names",
        "too many",
    ],
)
def test_endpoint_slices_are_refused_with_all_their_faults(obj: JSON, faults: list[str]) -> None:
    assert faults_of(ENDPOINTSLICES, obj) == faults

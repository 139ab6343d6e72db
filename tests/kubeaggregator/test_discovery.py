"""What extension API servers say of themselves, in every form that they may say it."""

from __future__ import annotations

import json

import pytest

from kubeaggregator.authentication import trust_config, user_headers
from kubeaggregator.discovery import is_aggregated, read_aggregated, read_resource_list
from kubeaggregator.openapi import read_index
from kubeapi.users import User


def test_the_older_form_becomes_the_aggregated_one() -> None:
    entries = [
        {"name": "flunders/status", "namespaced": True, "kind": "Flunder", "verbs": ["get"]},
        {"name": "flunders", "singularName": "flunder", "namespaced": True, "kind": "Flunder", "verbs": ["list"]},
        {"name": "pods/metric", "namespaced": True, "kind": "MetricValueList", "group": "g", "version": "v"},
    ]
    assert read_resource_list(json.dumps({"resources": entries}).encode()) == (
        {
            "resource": "flunders",
            "responseKind": {"group": "", "version": "", "kind": "Flunder"},
            "scope": "Namespaced",
            "singularResource": "flunder",
            "verbs": ["list"],
            "subresources": [
                {
                    "subresource": "status",
                    "responseKind": {"group": "", "version": "", "kind": "Flunder"},
                    "verbs": ["get"],
                }
            ],
        },
        {
            "resource": "pods",
            "responseKind": {"group": "", "version": "", "kind": ""},
            "scope": "Namespaced",
            "singularResource": "",
            "verbs": None,
            "subresources": [
                {
                    "subresource": "metric",
                    "responseKind": {"group": "g", "version": "v", "kind": "MetricValueList"},
                    "verbs": [],
                }
            ],
        },
    )


def test_aggregated_discovery_is_read_by_group_and_version() -> None:
    resource = {"resource": "as", "subresources": [{"subresource": "status"}]}
    document = {"items": [{"metadata": {"name": "g"}, "versions": [{"version": "v1", "resources": [resource]}]}]}
    [found] = read_aggregated(json.dumps(document).encode())["g", "v1"]
    assert found == {
        "responseKind": {},
        "resource": "as",
        "subresources": [{"responseKind": {}, "subresource": "status"}],
    }
    assert is_aggregated("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
    assert not is_aggregated("application/json")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"items": [{"versions": [{}]}]}', b'{"items": 1}'])
def test_what_is_no_discovery_is_an_error_that_is_expected(body: bytes) -> None:
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        read_aggregated(body)


def test_only_documents_of_the_server_s_own_group_count() -> None:
    paths = {
        each: {"serverRelativeURL": f"/openapi/v3/{each}"}
        for each in ("apis/g/v1", "apis/apps/v1", "api/v1", "version")
    }
    assert list(read_index(json.dumps({"paths": paths}).encode(), "g")) == ["apis/g/v1", "version"]


def test_headers_name_the_user_and_what_they_cannot_have_is_escaped() -> None:
    user = User("jane", ("a", "b"), "u", {"example.com/é": ("1", "2")})
    assert list(user_headers(user)) == [
        ("X-Remote-User", "jane"),
        ("X-Remote-Uid", "u"),
        ("X-Remote-Group", "a"),
        ("X-Remote-Group", "b"),
        ("X-Remote-Extra-example.com%2F%C3%A9", "1"),
        ("X-Remote-Extra-example.com%2F%C3%A9", "2"),
    ]
    assert trust_config("client", "proxy")["data"]["requestheader-allowed-names"] == '["front-proxy-client"]'

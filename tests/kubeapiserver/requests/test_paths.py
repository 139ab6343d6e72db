"""Paths and methods: what is served, and the words for what is not."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import pod
from tests.helpers.kubeapiserver.client import APPS, DEFAULT, APIClient

from kubeapiserver.requests.paths import ResourcePath, normalized, read_path

NO_PAGE = "404 page not found\n"
NO_RESOURCE = "the server could not find the requested resource"
NO_METHOD = "the server does not allow this method on the requested resource"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        pytest.param("/api/v1", ResourcePath("", "v1"), id="core"),
        pytest.param("/apis/apps/v1", ResourcePath("apps", "v1"), id="group"),
        pytest.param("/api/v1/pods", ResourcePath("", "v1", "", "pods"), id="all-namespaces"),
        pytest.param("/api/v1/nodes/n1", ResourcePath("", "v1", "", "nodes", "n1"), id="cluster-scoped"),
        pytest.param("/api/v1/namespaces", ResourcePath("", "v1", "", "namespaces"), id="namespaces"),
        pytest.param("/api/v1/namespaces/a", ResourcePath("", "v1", "", "namespaces", "a"), id="namespace"),
        pytest.param(
            "/api/v1/namespaces/a/status", ResourcePath("", "v1", "", "namespaces", "a", "status"), id="ns-status"
        ),
        pytest.param("/api/v1/namespaces/a/pods", ResourcePath("", "v1", "a", "pods"), id="in-namespace"),
        pytest.param(
            "/api/v1/namespaces/a/pods/p/log", ResourcePath("", "v1", "a", "pods", "p", "log"), id="subresource"
        ),
        pytest.param(
            "/api/v1/namespaces/a/services/s/proxy/x",
            ResourcePath("", "v1", "a", "services", "s", "proxy", ("x",)),
            id="rest",
        ),
        pytest.param("/api/v1/watch/pods", ResourcePath("", "v1", "", "pods", is_watch=True), id="watch"),
        pytest.param(
            "/apis/apps/v1/watch/namespaces/a/deployments/d",
            ResourcePath("apps", "v1", "a", "deployments", "d", is_watch=True),
            id="watch-one",
        ),
        pytest.param("/version", None, id="no-api"),
        pytest.param("/api", None, id="no-version"),
        pytest.param("/apis//v1", None, id="empty-group"),
    ],
)
def test_a_path_is_read_into_what_it_names(path: str, target: ResourcePath | None) -> None:
    assert read_path(path) == target


@pytest.mark.parametrize(("path", "expected"), [("/", "/"), ("", "/"), ("/version/", "/version"), ("/api//", "/api")])
def test_slashes_at_the_end_count_for_nothing(path: str, expected: str) -> None:
    assert normalized(path) == expected


@pytest.mark.parametrize(
    "path", ["/nope", "/apis/nope", "/apis/nope/v1", "/apis/nope/v1/things", "/api/v2", "/apis/apps/v2", "/openapi/v1"]
)
def test_an_unknown_path_is_a_page_not_found(path: str) -> None:
    reply = APIClient().get(path)
    assert (reply.status, reply.text, reply.content_type) == (404, NO_PAGE, "text/plain; charset=utf-8")


def test_nothing_can_be_created_in_an_unknown_group() -> None:
    reply = APIClient().post("/apis/example.com/v1/namespaces/default/widgets", {})
    assert (reply.status, reply.text) == (404, NO_PAGE)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/api/v1/nopes", id="unknown-resource"),
        pytest.param(f"{DEFAULT}/nopes/x", id="unknown-resource-name"),
        pytest.param(f"{DEFAULT}/deployments", id="resource-of-another-group"),
        pytest.param(f"{DEFAULT}/nodes", id="cluster-scoped-in-namespace"),
        pytest.param("/api/v1/pods/x", id="namespaced-without-namespace"),
        pytest.param(f"{DEFAULT}/pods/x/nope", id="unknown-subresource"),
        pytest.param(f"{DEFAULT}/services/x/scale", id="subresource-of-another"),
        pytest.param(f"{DEFAULT}/pods/x/log/more", id="too-long"),
        pytest.param("/api/v1//pods", id="empty-part"),
        pytest.param("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x", id="review-by-name"),
    ],
)
def test_what_a_served_group_does_not_have_is_a_status(path: str) -> None:
    status = APIClient().get(path).json
    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": NO_RESOURCE,
        "reason": "NotFound",
        "details": {},
        "code": 404,
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("POST", "/api/v1/pods", id="create-in-all-namespaces"),
        pytest.param("DELETE", "/api/v1/pods", id="delete-in-all-namespaces"),
        pytest.param("DELETE", "/api/v1/namespaces", id="delete-all-namespaces"),
        pytest.param("PUT", f"{DEFAULT}/pods", id="put-collection"),
        pytest.param("PATCH", f"{DEFAULT}/pods", id="patch-collection"),
        pytest.param("POST", f"{DEFAULT}/pods/web", id="post-name"),
        pytest.param("OPTIONS", f"{DEFAULT}/pods/web", id="options"),
        pytest.param("DELETE", f"{APPS}/deployments/web/scale", id="delete-scale"),
        pytest.param("GET", f"{DEFAULT}/pods/web/eviction", id="get-eviction"),
        pytest.param("GET", "/apis/authentication.k8s.io/v1/selfsubjectreviews", id="get-review"),
        pytest.param("POST", "/version", id="post-version"),
        pytest.param("POST", "/apis/apps/v1", id="post-group"),
        pytest.param("DELETE", "/apis", id="delete-groups"),
    ],
)
def test_a_method_that_a_path_does_not_have_is_not_allowed(method: str, path: str) -> None:
    client = APIClient()
    client.post(f"{DEFAULT}/pods", pod("web"))
    reply = client.send(method, path, {})
    assert (reply.status, reply.json["reason"], reply.json["message"]) == (405, "MethodNotAllowed", NO_METHOD)
    assert reply.json["details"] == {}


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/"])
def test_the_server_says_that_it_is_well(path: str) -> None:
    reply = APIClient().get(path)
    assert (reply.status, reply.text) == (200, "ok")


@pytest.mark.parametrize("path", ["/healthz/etcd", "/livez/ping", "/readyz/log"])
def test_each_check_has_a_path(path: str) -> None:
    reply = APIClient().get(path)
    assert (reply.status, reply.text) == (200, "ok")
    assert APIClient().get(f"{path}x").status == 404


@pytest.mark.parametrize(
    ("path", "code"),
    [(DEFAULT, 405), (f"{DEFAULT}/pods", 405), ("/apis", 405), ("/version", 405), ("/healthz", 200), ("/metrics", 200)],
)
def test_head_is_for_what_is_no_resource(path: str, code: int) -> None:
    assert APIClient().send("HEAD", path).status == code

"""Whom a request is answered as, and what they may do: what `kubectl --as` shows in a new cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.helpers.kubeapiserver.client import DEFAULT, APIClient

from kubeapi.rbac.policy import create_missing_roles
from kubeapi.status import StatusError
from kubeapi.users import User
from kubeapiserver.apiserver import APIServer
from kubeapiserver.auth.authorization import impersonated
from kubeapiserver.messages import Request, Response

BOB = {"impersonate-user": "bob"}


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        pytest.param({}, None, id="nobody-else"),
        pytest.param(BOB, User("bob", ("system:authenticated",)), id="a-user"),
        pytest.param(
            {**BOB, "impersonate-group": "a\nb"}, User("bob", ("a", "b", "system:authenticated")), id="with-groups"
        ),
        pytest.param(
            {**BOB, "impersonate-group": "system:unauthenticated"},
            User("bob", ("system:unauthenticated",)),
            id="unsure",
        ),
        pytest.param(
            {"impersonate-user": "system:serviceaccount:a:b"},
            User(
                "system:serviceaccount:a:b",
                ("system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"),
            ),
            id="a-service-account",
        ),
        pytest.param(
            {"impersonate-user": "system:anonymous"}, User("system:anonymous", ("system:unauthenticated",)), id="nobody"
        ),
        pytest.param(
            {**BOB, "impersonate-uid": "7", "impersonate-extra-a%2fb": "c\nd"},
            User("bob", ("system:authenticated",), "7", {"a/b": ("c", "d")}),
            id="uid-and-extra",
        ),
    ],
)
def test_the_user_is_read_from_the_headers(headers: dict[str, str], user: User | None) -> None:
    assert impersonated(headers) == user


@pytest.mark.parametrize("header", ["impersonate-group", "impersonate-uid"])
def test_a_group_or_a_uid_needs_a_user(header: str) -> None:
    with pytest.raises(StatusError, match=r"requested .* without impersonating a user") as caught:
        impersonated({header: "x"})
    assert caught.value.code == 400


@pytest.fixture(scope="module")
def api() -> APIServer:
    client = APIClient()
    assert list(create_missing_roles(client.registry))
    return client.api


def ask(api: APIServer, method: str, target: str, body: bytes = b"", more: dict[str, str] | None = None) -> Any:
    answer = api.handle(Request.of(method, target, {**BOB, **(more or {})}, body))
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize(
    ("method", "target", "said"),
    [
        ("GET", f"{DEFAULT}/pods", 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the'
         ' namespace "default"'),
        ("GET", f"{DEFAULT}/pods?watch=1", 'pods is forbidden: User "bob" cannot watch resource "pods" in API group ""'
         ' in the namespace "default"'),
        ("GET", "/api/v1/nodes", 'nodes is forbidden: User "bob" cannot list resource "nodes" in API group "" at the'
         " cluster scope"),
        ("POST", f"{DEFAULT}/pods/x/exec", 'pods "x" is forbidden: User "bob" cannot create resource "pods/exec" in API'
         ' group "" in the namespace "default"'),
        ("GET", f"{DEFAULT}/services/x/proxy/", 'services "x" is forbidden: User "bob" cannot get resource'
         ' "services/proxy" in API group "" in the namespace "default"'),
        ("DELETE", "/apis/apps/v1/namespaces/default/deployments", 'deployments.apps is forbidden: User "bob" cannot'
         ' deletecollection resource "deployments" in API group "apps" in the namespace "default"'),
        ("GET", "/api/v1/namespaces/a", 'namespaces "a" is forbidden: User "bob" cannot get resource "namespaces" in'
         ' API group "" in the namespace "a"'),
        ("GET", "/metrics", 'forbidden: User "bob" cannot get path "/metrics"'),
    ],
)  # fmt: skip
def test_others_than_the_administrator_may_not(api: APIServer, method: str, target: str, said: str) -> None:
    answer = ask(api, method, target)
    assert answer.status == 403
    assert said in answer.body.decode().replace('\\"', '"')


@pytest.mark.parametrize("target", ["/api", "/api/v1", "/apis/apps/v1", "/version", "/healthz"])
def test_everybody_may_ask_what_is_served(api: APIServer, target: str) -> None:
    assert ask(api, "GET", target).status == 200


def test_a_member_of_the_masters_may_do_all(api: APIServer) -> None:
    assert ask(api, "GET", f"{DEFAULT}/pods", more={"impersonate-group": "system:masters"}).status == 200


def test_every_user_may_review_itself_and_its_permissions(api: APIServer) -> None:
    review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    pods = b'{"spec":{"resourceAttributes":{"verb":"list","resource":"pods"}}}'
    assert b'"status":{"allowed":false}' in ask(api, "POST", review, pods).body
    paths = b'{"spec":{"nonResourceAttributes":{"verb":"get","path":"/api/v1"}}}'
    status = json.loads(ask(api, "POST", review, paths).body)["status"]
    binding = 'ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group "system:authenticated"'
    assert status == {"allowed": True, "reason": f"RBAC: allowed by {binding}"}
    who = ask(api, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", b"{}", {"impersonate-uid": "7"})
    assert b'"userInfo":{"username":"bob","uid":"7","groups":["system:authenticated"]}' in who.body

"""What roles and bindings allow, in the words of a real server."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import new_registry
from tests.helpers.kubeapiserver.client import APIClient

from kubeapi.kind import Objects
from kubeapi.meta import JSON
from kubeapi.scheme import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from kubeapi.status import Invalid
from kubeapi.users import User
from kubeapiserver.auth.attributes import Attributes
from kubeapiserver.auth.rbac import decide, rule_allows

BOB = User("bob", ("team", "system:authenticated"))
ROBOT = User("system:serviceaccount:default:robot", ("system:serviceaccounts",))


@pytest.mark.parametrize(
    ("rule", "attributes", "is_allowed"),
    [
        ({"resources": ["pods"]}, Attributes("get", resource="pods"), True),
        ({"resources": ["pods"]}, Attributes("get", resource="pods", subresource="log"), False),
        ({"resources": ["pods/log"]}, Attributes("get", resource="pods", subresource="log"), True),
        ({"resources": ["*/scale"]}, Attributes("get", resource="deployments", subresource="scale"), True),
        ({"resources": ["*"]}, Attributes("get", resource="pods", subresource="log"), True),
        ({"resources": ["pods"], "resourceNames": ["a"]}, Attributes("get", resource="pods", name="a"), True),
        ({"resources": ["pods"], "resourceNames": ["a"]}, Attributes("list", resource="pods"), False),
        ({"resources": ["pods"], "apiGroups": ["apps"]}, Attributes("get", resource="pods"), False),
        ({"resources": ["pods"], "verbs": ["list"]}, Attributes("get", resource="pods"), False),
        ({"nonResourceURLs": ["/api/*"]}, Attributes("get", path="/api/v1"), True),
        ({"nonResourceURLs": ["/api"]}, Attributes("get", path="/api/v1"), False),
        ({"nonResourceURLs": ["*"]}, Attributes("get", path="/metrics"), True),
    ],
)
def test_a_rule_allows_verbs_on_resources_and_paths(rule: JSON, attributes: Attributes, is_allowed: bool) -> None:
    assert rule_allows({"verbs": ["*"], "apiGroups": [""], **rule}, attributes) is is_allowed


def with_roles() -> Objects:
    registry = new_registry()
    rules = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
    registry.create(ROLES, {"metadata": {"name": "r", "namespace": "default"}, "rules": rules})
    registry.create(CLUSTERROLES, {"metadata": {"name": "c"}, "rules": rules})
    local = {"metadata": {"name": "b", "namespace": "default"}, "roleRef": {"kind": "Role", "name": "r"}}
    registry.create(ROLEBINDINGS, {**local, "subjects": [{"kind": "ServiceAccount", "name": "robot"}]})
    everywhere = {"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "c"}}
    registry.create(CLUSTERROLEBINDINGS, {**everywhere, "subjects": [{"kind": "Group", "name": "team"}]})
    lost = {"metadata": {"name": "lost"}, "roleRef": {"kind": "ClusterRole", "name": "gone"}}
    registry.create(CLUSTERROLEBINDINGS, {**lost, "subjects": [{"kind": "User", "name": "bob"}]})
    return registry.store


def test_bindings_grant_to_users_groups_and_accounts() -> None:
    objects, pods = with_roles(), Attributes("get", resource="pods", namespace="default")
    found = decide(ROBOT, pods, objects)
    binding = 'RBAC: allowed by RoleBinding "b/default" of Role "r" to ServiceAccount "robot/default"'
    assert (found.is_allowed, found.reason) == (True, binding)
    found = decide(BOB, pods._replace(namespace="other"), objects)
    assert found.reason == 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "c" to Group "team"'
    assert not decide(ROBOT, pods._replace(namespace="other"), objects).is_allowed
    refused = decide(BOB, Attributes("delete", resource="pods"), objects)
    assert refused.reason == 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'


@pytest.mark.parametrize(
    ("resource", "obj", "fault"),
    [
        (ROLES, {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]}, "cannot apply to non-resource URLs"),
        (ROLES, {"rules": [{"apiGroups": [""], "resources": ["pods"]}]}, "verbs must contain at least one value"),
        (CLUSTERROLES, {"rules": [{"verbs": ["get"]}]}, "resource rules must supply at least one api group"),
        (CLUSTERROLES, {"aggregationRule": {}}, "at least one clusterRoleSelector required"),
        (ROLEBINDINGS, {"roleRef": {"kind": "Foo", "name": "x"}}, 'roleRef.kind: Unsupported value: "Foo"'),
        (CLUSTERROLEBINDINGS, {"roleRef": {"kind": "Role", "name": "x"}}, 'supported values: "ClusterRole"'),
        (
            CLUSTERROLEBINDINGS,
            {"roleRef": {"kind": "ClusterRole", "name": "x"}, "subjects": [{"kind": "ServiceAccount", "name": "a"}]},
            "subjects[0].namespace: Required value",
        ),
    ],
)
def test_a_role_or_binding_that_means_nothing_is_invalid(resource: object, obj: JSON, fault: str) -> None:
    with pytest.raises(Invalid) as caught:
        new_registry().create(resource, {"metadata": {"name": "x"}, **obj})  # type: ignore[arg-type]
    assert fault in str(caught.value)


def test_a_binding_keeps_its_role() -> None:
    registry = new_registry()
    made = {"metadata": {"name": "x"}, "roleRef": {"kind": "ClusterRole", "name": "x"}}
    stored = registry.create(CLUSTERROLEBINDINGS, made)
    with pytest.raises(Invalid) as refusal:
        registry.update(CLUSTERROLEBINDINGS, {**stored, "roleRef": {"kind": "ClusterRole", "name": "y"}})
    shown = '{"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"y"}'
    assert str(refusal.value).endswith(f"is invalid: roleRef: Invalid value: {shown}: field is immutable")


REVIEWS = "/apis/authorization.k8s.io/v1"


@pytest.mark.parametrize(
    ("path", "spec", "code", "said"),
    [
        ("subjectaccessreviews", {"user": "a", "resourceAttributes": {"verb": "get", "resource": "pods"}}, 201, ""),
        (
            "subjectaccessreviews",
            {"groups": ["system:masters"], "resourceAttributes": {"verb": "get", "resource": "pods"}},
            201,
            '"allowed":true',
        ),
        ("subjectaccessreviews", {"resourceAttributes": {"verb": "get"}}, 422, "at least one of user or group must be"),
        ("subjectaccessreviews", {"user": "a"}, 422, "exactly one of nonResourceAttributes or resourceAttributes must"),
        (
            "namespaces/default/localsubjectaccessreviews",
            {"user": "a", "resourceAttributes": {"verb": "get", "namespace": "other"}},
            422,
            "must match metadata.namespace",
        ),
        (
            "namespaces/default/localsubjectaccessreviews",
            {"user": "a", "resourceAttributes": {"verb": "get", "namespace": "default"}},
            201,
            '"allowed":false',
        ),
    ],
)
def test_reviews_of_other_users(path: str, spec: JSON, code: int, said: str) -> None:
    reply = APIClient().post(f"{REVIEWS}/{path}", {"spec": spec})
    assert reply.status == code
    assert said in reply.text.replace('\\"', '"')


def test_a_token_is_requested_reviewed_and_bound() -> None:
    client = APIClient()
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    client.post(accounts, {"metadata": {"name": "robot"}})
    reply = client.post(f"{accounts}/robot/token", {"spec": {"expirationSeconds": 600}})
    assert reply.status == 201
    token = reply.json["status"]["token"]
    review = client.post("/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": token}}).json["status"]
    assert (review["authenticated"], review["user"]["username"]) == (True, "system:serviceaccount:default:robot")
    review = client.post("/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "x"}}).json["status"]
    assert review == {"user": {}, "error": "invalid bearer token"}
    short = client.post(f"{accounts}/robot/token", {"spec": {"expirationSeconds": 60}})
    assert (short.status, "may not specify a duration less than 10 minutes" in short.text) == (422, True)
    bound = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "gone"}}
    assert client.post(f"{accounts}/robot/token", {"spec": bound}).status == 404
    other = {"boundObjectRef": {"apiVersion": "v1", "kind": "ConfigMap", "name": "m"}}
    assert client.post(f"{accounts}/robot/token", {"spec": other}).status == 400


def test_others_find_the_keys_of_tokens() -> None:
    client = APIClient()
    document = client.get("/.well-known/openid-configuration").json
    assert document["issuer"] == "https://kubernetes.default.svc.cluster.local"
    assert document["jwks_uri"] == f"{document['issuer']}/openid/v1/jwks"
    assert client.get("/openid/v1/jwks").json == {"keys": [{"kid": "key"}]}

"""status, scale, binding, finalize, and the reviews that are never stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import EPOCH_TEXT, deployment, namespace, pod, service
from tests.helpers.kubeapiserver.client import APPS, DEFAULT, TABLE_ACCEPT, APIClient

from kubeapi.meta import JSON
from kubeapi.rbac.policy import create_missing_roles
from kubeapi.scheme import NAMESPACES, PODS

WEB = f"{APPS}/deployments/web"


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.post(f"{APPS}/deployments", deployment())
    client.post(f"{DEFAULT}/pods", pod())
    return client


# status


def test_the_status_of_an_object_is_the_object(client: APIClient) -> None:
    assert client.get(f"{WEB}/status").json == client.get(WEB).json
    assert client.get(f"{WEB}/status", TABLE_ACCEPT).rows[0][0] == "web"


@pytest.mark.parametrize("kind", ["merge", "strategic", "json"])
def test_a_status_is_patched_and_nothing_else(client: APIClient, kind: str) -> None:
    patch: Any = {"status": {"replicas": 4}, "spec": {"replicas": 9}}
    if kind == "json":
        patch = [
            {"op": "add", "path": "/status/replicas", "value": 4},
            {"op": "replace", "path": "/spec/replicas", "value": 9},
        ]
    reply = client.patch(f"{WEB}/status", patch, kind)
    assert reply.status == 200
    assert (reply.json["status"], reply.json["spec"]["replicas"]) == ({"replicas": 4}, 1)
    assert reply.json["metadata"]["generation"] == 1


def test_a_status_is_replaced_if_it_is_based_on_the_newest_state(client: APIClient) -> None:
    stale = client.get(WEB).json
    client.patch(WEB, {"metadata": {"labels": {"a": "b"}}})
    assert client.put(f"{WEB}/status", {**stale, "status": {"replicas": 1}}).status == 409
    fresh = client.get(WEB).json
    assert client.put(f"{WEB}/status", {**fresh, "status": {"replicas": 2}}).json["status"] == {"replicas": 2}


METADATA: JSON = {
    "labels": {"x": "y"},
    "annotations": {"x": "y"},
    "finalizers": ["example.com/x"],
    "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}],
}


@pytest.mark.parametrize("verb", ["patch", "put"])
@pytest.mark.parametrize(
    ("path", "reset"),
    [
        pytest.param(WEB, "labels", id="Deployment"),
        pytest.param(f"{DEFAULT}/pods/web", "ownerReferences", id="Pod"),
        pytest.param(f"{DEFAULT}/services/web", "", id="Service"),
    ],
)
def test_a_write_of_the_status_may_change_metadata(client: APIClient, verb: str, path: str, reset: str) -> None:
    client.post(f"{DEFAULT}/services", service())
    before = client.get(path).json
    if verb == "patch":
        reply = client.patch(f"{path}/status", {"metadata": {**METADATA, "generation": 9}}, "merge")
    else:
        reply = client.put(
            f"{path}/status", {**before, "metadata": {**before["metadata"], **METADATA, "generation": 9}}
        )
    assert reply.status == 200
    written = reply.json["metadata"]
    for field, value in METADATA.items():
        assert written.get(field) == (before["metadata"].get(field) if field == reset else value), field
    for field in ("uid", "name", "creationTimestamp", "generation"):
        assert written.get(field) == before["metadata"].get(field), field
    assert client.get(path).json["metadata"] == written


def test_metadata_that_comes_with_a_status_is_judged(client: APIClient) -> None:
    reply = client.patch(f"{WEB}/status", {"metadata": {"finalizers": ["foo"]}}, "merge")
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, "metadata.finalizers[0]")


def test_the_last_finalizer_may_go_with_a_status(client: APIClient) -> None:
    client.patch(WEB, {"metadata": {"finalizers": ["example.com/x"]}}, "merge")
    client.delete(WEB)
    assert client.patch(f"{WEB}/status", {"metadata": {"finalizers": []}}, "merge").status == 200
    assert client.get(WEB).status == 404


def test_a_status_can_be_tried(client: APIClient) -> None:
    version = client.version()
    assert client.patch(f"{WEB}/status?dryRun=All", {"status": {"replicas": 3}}).json["status"] == {"replicas": 3}
    assert client.version() == version


def test_a_status_is_patched_by_a_patch(client: APIClient) -> None:
    assert client.send("PATCH", f"{WEB}/status", {}, media="application/json").status == 415


# scale


def test_a_deployment_has_a_scale(client: APIClient) -> None:
    stored = client.get(WEB).json["metadata"]
    assert client.get(f"{WEB}/scale").json == {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "uid": stored["uid"],
            "resourceVersion": stored["resourceVersion"],
            "creationTimestamp": EPOCH_TEXT,
        },
        "spec": {"replicas": 1},
        "status": {"replicas": 0, "selector": "app=web"},
    }


def test_kubectl_scale_is_a_merge_patch(client: APIClient) -> None:
    reply = client.patch(f"{WEB}/scale", {"spec": {"replicas": 2}}, "merge")
    assert (reply.status, reply.json["kind"], reply.json["spec"]) == (200, "Scale", {"replicas": 2})
    assert client.get(WEB).json["spec"]["replicas"] == 2


def test_a_scale_is_replaced_if_it_is_based_on_the_newest_state(client: APIClient) -> None:
    scale = client.get(f"{WEB}/scale").json
    assert client.put(f"{WEB}/scale", {**scale, "spec": {"replicas": 3}}).json["spec"] == {"replicas": 3}
    reply = client.put(f"{WEB}/scale", {**scale, "spec": {"replicas": 4}})
    assert (reply.status, reply.json["reason"]) == (409, "Conflict")


def test_a_scale_can_be_tried(client: APIClient) -> None:
    version = client.version()
    assert client.patch(f"{WEB}/scale?dryRun=All", {"spec": {"replicas": 7}}, "merge").json["spec"] == {"replicas": 7}
    assert client.version() == version


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        pytest.param(
            {"spec": {"replicas": -1}},
            422,
            'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
            id="negative",
        ),
        pytest.param({"spec": {"replicas": "2"}}, 400, 'Scale in version "v1" cannot be handled as a Scale', id="text"),
        pytest.param({"spec": {"replicas": 2**31}}, 400, 'Scale in version "v1" cannot be handled as', id="too-many"),
        pytest.param({"spec": 1}, 400, 'Scale in version "v1" cannot be handled as a Scale', id="no-spec"),
        pytest.param({"kind": "Pod"}, 400, "Pod in version", id="other-kind"),
        pytest.param({"metadata": {"name": "x"}}, 400, "the name of the object (x) does not match", id="other-name"),
        pytest.param({"metadata": None}, 400, "the name of the object (web based on URL)", id="no-metadata"),
    ],
)
def test_scales_that_may_not_be(client: APIClient, patch: Any, code: int, message: str) -> None:
    reply = client.patch(f"{WEB}/scale", patch, "merge")
    assert reply.status == code
    assert reply.json["message"].startswith(message)


def test_a_scale_is_patched_by_a_patch(client: APIClient) -> None:
    assert client.send("PATCH", f"{WEB}/scale", {}, media="text/plain").status == 415


# binding, finalize


def test_a_pod_is_bound_to_a_node_once(client: APIClient) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "web"},
        "target": {"kind": "Node", "name": "n1"},
    }
    reply = client.post(f"{DEFAULT}/pods/web/binding", body)
    assert (reply.status, reply.json["status"]) == (201, "Success")
    stored = client.registry.store.get(PODS, "default", "web")
    assert stored["spec"]["nodeName"] == "n1"
    assert stored["status"]["conditions"] == [
        {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": EPOCH_TEXT}
    ]
    again = client.post(f"{DEFAULT}/pods/web/binding", body)
    assert again.status == 409
    assert again.json["message"].endswith('pod web is already assigned to node "n1"')


@pytest.mark.parametrize("target", [None, {}, {"name": 1}, "n1"])
def test_a_binding_names_a_node(client: APIClient, target: Any) -> None:
    reply = client.post(f"{DEFAULT}/pods/web/binding", {"target": target})
    assert (reply.status, reply.json["message"]) == (422, 'Binding "web" is invalid: target.name: Required value')


def test_a_binding_can_be_tried(client: APIClient) -> None:
    version = client.version()
    assert client.post(f"{DEFAULT}/pods/web/binding?dryRun=All", {"target": {"name": "n1"}}).status == 201
    assert client.version() == version


def test_a_namespace_goes_with_its_last_finalizer(client: APIClient) -> None:
    client.post("/api/v1/namespaces", namespace("other"))
    client.delete("/api/v1/namespaces/other")
    body = client.get("/api/v1/namespaces/other").json
    reply = client.put("/api/v1/namespaces/other/finalize", {**body, "spec": {}})
    assert reply.status == 200
    assert client.registry.store.list(NAMESPACES)[-1]["metadata"]["name"] != "other"
    assert client.get("/api/v1/namespaces/other").status == 404


def test_a_service_has_a_status_and_no_scale(client: APIClient) -> None:
    client.post(f"{DEFAULT}/services", service(type="LoadBalancer"))
    ingress = {"loadBalancer": {"ingress": [{"ip": "127.0.0.9", "ipMode": "VIP"}]}}
    assert client.patch(f"{DEFAULT}/services/web/status", {"status": ingress}).json["status"] == ingress
    assert client.get(f"{DEFAULT}/services/web/scale").status == 404


# reviews

AUTHORIZATION = "/apis/authorization.k8s.io/v1"


@pytest.mark.parametrize(
    "spec", [{"resourceAttributes": {"verb": "create", "resource": "pods"}}, {"nonResourceAttributes": {"path": "/"}}]
)
def test_the_administrator_may_do_everything(spec: Any) -> None:
    reply = APIClient().post(f"{AUTHORIZATION}/selfsubjectaccessreviews", {"spec": spec})
    assert (reply.status, reply.json["kind"], reply.json["spec"]) == (201, "SelfSubjectAccessReview", spec)
    assert reply.json["status"]["allowed"] is True


def test_the_rules_of_the_administrator_are_stars() -> None:
    client = APIClient()
    assert len(list(create_missing_roles(client.registry))) > 100
    review = {"spec": {"namespace": "default"}}
    status = client.post(f"{AUTHORIZATION}/selfsubjectrulesreviews", review).json["status"]
    assert status["resourceRules"][0] == {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    assert status["nonResourceRules"][0] == {"verbs": ["*"], "nonResourceURLs": ["*"]}
    assert status["incomplete"] is False


def test_a_self_subject_review_names_the_user() -> None:
    reply = APIClient().post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert reply.json["status"]["userInfo"] == {
        "username": "kubernetes-admin",
        "groups": ["system:masters", "system:authenticated"],
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [({"spec": {}}, 422), ({"spec": {"resourceAttributes": {"a": 1}, "nonResourceAttributes": {"a": 1}}}, 422),
     ({"spec": 1}, 400), ({"kind": "Pod", "apiVersion": "v1"}, 400)],
)  # fmt: skip
def test_a_review_asks_one_thing(body: Any, code: int) -> None:
    assert APIClient().post(f"{AUTHORIZATION}/selfsubjectaccessreviews", body).status == code


# managedFields


@pytest.mark.parametrize(
    ("part", "patch"), [("/scale", {"spec": {"replicas": 5}}), ("/status", {"status": {"replicas": 5}})]
)
def test_a_write_to_a_subresource_records_its_manager(part: str, patch: Any) -> None:
    client = APIClient()
    client.post(f"{APPS}/deployments?fieldManager=creator", deployment())
    client.patch(f"{WEB}{part}?fieldManager=someone", patch, "merge")
    entries = client.get(WEB).json["metadata"]["managedFields"]
    assert [(each["manager"], each.get("subresource", "")) for each in entries] == [
        ("creator", ""),
        ("someone", part.removeprefix("/")),
    ]


def test_the_default_manager_is_the_first_word_of_the_user_agent() -> None:
    client = APIClient()
    created = client.post(f"{APPS}/deployments", deployment()).json
    assert created["metadata"]["managedFields"][0]["manager"] == "kubectl"


# Server-side apply


@pytest.fixture
def applying() -> APIClient:
    """Have a client of a server with a Deployment that `kubectl create` has made."""
    client = APIClient()
    client.post(f"{APPS}/deployments?fieldManager=kubectl-create", deployment(replicas=1))
    return client


def owned_by(reply: Any, manager: str) -> list[tuple[str, str]]:
    entries = [each for each in reply.json["metadata"]["managedFields"] if each["manager"] == manager]
    return [(each.get("subresource", ""), json.dumps(each["fieldsV1"])) for each in entries]


def test_a_status_is_applied_on_behalf_of_its_manager(applying: APIClient) -> None:
    config = {"apiVersion": "apps/v1", "kind": "Deployment", "status": {"replicas": 7}, "spec": {"replicas": 9}}
    reply = applying.patch(f"{WEB}/status?fieldManager=m", {**config, "metadata": {"name": "web"}}, "apply")
    assert (reply.status, reply.json["status"]["replicas"], reply.json["spec"]["replicas"]) == (200, 7, 1)
    assert owned_by(reply, "m") == [("status", '{"f:status": {"f:replicas": {}}}')]
    assert applying.patch(f"{APPS}/deployments/nope/status?fieldManager=m", config, "apply").status == 404


def test_a_scale_is_applied_if_no_other_manager_owns_the_replicas(applying: APIClient) -> None:
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 3}}
    refused = applying.patch(f"{WEB}/scale?fieldManager=m", scale, "apply")
    assert (refused.status, refused.json["message"]) == (
        409,
        'Apply failed with 1 conflict: conflict with "kubectl-create" using apps/v1: .spec.replicas',
    )
    reply = applying.patch(f"{WEB}/scale?fieldManager=m&force=true", scale, "apply")
    assert (reply.status, reply.json["kind"], reply.json["spec"]) == (200, "Scale", {"replicas": 3})
    stored = applying.get(WEB)
    assert owned_by(stored, "m") == [("scale", '{"f:spec": {"f:replicas": {}}}')]
    assert stored.json["spec"]["template"]["spec"]["containers"]


# Parts of pods

POD = f"{DEFAULT}/pods/web"
DEBUG = {"name": "debug", "image": "busybox"}


def with_debug(*containers: JSON) -> JSON:
    return {"spec": {"ephemeralContainers": list(containers)}}


@pytest.mark.parametrize("kind", ["strategic", "merge"])
def test_a_running_pod_is_given_an_ephemeral_container(client: APIClient, kind: str) -> None:
    reply = client.patch(f"{POD}/ephemeralcontainers", with_debug(DEBUG), kind)
    (added,) = reply.json["spec"]["ephemeralContainers"]
    assert (reply.status, added["name"], added["terminationMessagePolicy"]) == (200, "debug", "File")
    assert reply.json["metadata"]["generation"] == 2
    assert client.get(f"{POD}/ephemeralcontainers").json == client.get(POD).json == reply.json


def test_nothing_else_of_the_pod_changes_with_it(client: APIClient) -> None:
    stored = client.get(POD).json
    changed = {**stored, "metadata": {**stored["metadata"], "labels": {"a": "b"}}}
    changed["spec"] = {**stored["spec"], "restartPolicy": "Never", "ephemeralContainers": [DEBUG]}
    reply = client.put(f"{POD}/ephemeralcontainers", changed)
    assert reply.json["spec"]["restartPolicy"] == stored["spec"]["restartPolicy"]
    assert reply.json["metadata"].get("labels") == stored["metadata"].get("labels")
    assert client.put(f"{POD}/ephemeralcontainers", changed).status == 409


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"name": "debug", "image": "other"}, 'existing ephemeral containers "debug" may not be changed'),
        ({"name": "other", "image": "busybox"}, 'existing ephemeral containers "debug" may not be removed'),
    ],
)
def test_an_ephemeral_container_stays_as_it_is(client: APIClient, container: JSON, message: str) -> None:
    client.patch(f"{POD}/ephemeralcontainers", with_debug(DEBUG))
    reply = client.patch(f"{POD}/ephemeralcontainers", with_debug(container), "merge")
    assert (reply.status, message in reply.json["message"]) == (422, True)
    assert "spec.ephemeralContainers: Forbidden: " in reply.json["message"]


def test_an_ephemeral_container_is_judged_and_belongs_to_no_other_path(client: APIClient) -> None:
    reply = client.patch(f"{POD}/ephemeralcontainers", with_debug({**DEBUG, "ports": [{"containerPort": 80}]}))
    assert reply.json["details"]["causes"][0]["field"] == "spec.ephemeralContainers[0].ports"
    assert client.patch(POD, with_debug(DEBUG)).status == 422
    assert client.patch(f"{DEFAULT}/pods/nope/ephemeralcontainers", with_debug(DEBUG)).status == 404


def test_a_trial_adds_nothing(client: APIClient) -> None:
    version = client.version()
    assert client.patch(f"{POD}/ephemeralcontainers?dryRun=All", with_debug(DEBUG)).status == 200
    assert client.version() == version


def test_a_part_of_a_pod_is_applied(applying: APIClient) -> None:
    applying.post(f"{DEFAULT}/pods", pod())
    config = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, **with_debug(DEBUG)}
    reply = applying.patch(f"{POD}/ephemeralcontainers?fieldManager=m", config, "apply")
    assert (reply.status, reply.json["spec"]["ephemeralContainers"][0]["name"]) == (200, "debug")
    assert owned_by(reply, "m")[0][0] == "ephemeralcontainers"


def resources(**resources: JSON) -> JSON:
    return {"spec": {"containers": [{"name": "web", "resources": resources}]}}


WHOLE = {"cpu": "1", "memory": "1"}


@pytest.fixture
def burstable(client: APIClient) -> APIClient:
    client.post(
        f"{DEFAULT}/pods", pod("b", containers=[{"name": "web", "image": "x", "resources": {"requests": {"cpu": "1"}}}])
    )
    return client


def test_resizing_changes_a_pods_resources_and_warns_that_they_are_not_enforced(burstable: APIClient) -> None:
    reply = burstable.patch(f"{DEFAULT}/pods/b/resize", resources(requests={"cpu": "2"}, limits={"cpu": "3"}))
    stored = burstable.get(f"{DEFAULT}/pods/b").json["spec"]["containers"][0]
    assert (reply.status, stored["resources"]) == (200, {"requests": {"cpu": "2"}, "limits": {"cpu": "3"}})
    assert "kubesvc does not act on limits" in reply.warnings[0]


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        (
            resources(requests={"cpu": None, "memory": "1Gi"}),
            "spec.containers[0].resources.requests",
            "cannot be removed",
        ),
        (resources(requests={"ephemeral-storage": "1Gi"}), "spec", "only cpu and memory resources are mutable"),
        (resources(requests=WHOLE, limits=WHOLE), "spec", "QOS Class may not"),
    ],
    ids=["removed", "storage", "class"],
)
def test_what_cannot_be_resized(burstable: APIClient, change: JSON, field: str, said: str) -> None:
    reply = burstable.patch(f"{DEFAULT}/pods/b/resize", change)
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, field)
    assert said in reply.json["message"]


def test_finalize_adds_and_removes_finalizers_of_a_namespace(client: APIClient) -> None:
    path = "/api/v1/namespaces/default"
    namespace = client.get(path).json
    namespace["spec"]["finalizers"].append("example.com/x")
    assert client.put(path, namespace).json["spec"]["finalizers"] == ["kubernetes"]
    namespace["metadata"].pop("resourceVersion")
    assert client.put(f"{path}/finalize", namespace).json["spec"]["finalizers"] == ["kubernetes", "example.com/x"]
    namespace["spec"]["finalizers"] = ["kubernetes"]
    assert client.put(f"{path}/finalize", namespace).json["spec"]["finalizers"] == ["kubernetes"]

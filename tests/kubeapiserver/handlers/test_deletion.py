"""delete, deletecollection, eviction: what goes, what waits, and what is answered."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import deployment, namespace, pod, service
from tests.helpers.kubeapiserver.client import APPS, DEFAULT, APIClient

from kubeapi.scheme import DEPLOYMENTS, PODS, SERVICES

BACKGROUND = {"propagationPolicy": "Background"}


@pytest.fixture
def client() -> APIClient:
    """A cluster with a Service, a Deployment, a Pod that runs on a node and one that does not."""
    client = APIClient()
    client.post(f"{DEFAULT}/services", service("web"))
    client.post(f"{APPS}/deployments", deployment("web"))
    client.post(f"{DEFAULT}/pods", pod("web", nodeName="n1"))
    client.post(f"{DEFAULT}/pods", pod("new"))
    return client


@pytest.mark.parametrize("path", [f"{DEFAULT}/services/web", f"{DEFAULT}/pods/new"])
def test_services_and_pods_are_answered_with_what_they_were(client: APIClient, path: str) -> None:
    before = client.get(path).json
    reply = client.delete(path, BACKGROUND)
    assert (reply.status, reply.json["kind"], reply.json["metadata"]["uid"]) == (
        200,
        before["kind"],
        before["metadata"]["uid"],
    )
    assert client.get(path).status == 404


def test_other_kinds_are_answered_with_success_and_the_uid(client: APIClient) -> None:
    uid = client.get(f"{APPS}/deployments/web").json["metadata"]["uid"]
    assert client.delete(f"{APPS}/deployments/web", BACKGROUND).json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "web", "group": "apps", "kind": "deployments", "uid": uid},
    }


def test_a_running_pod_only_begins_to_terminate(client: APIClient) -> None:
    metadata = client.delete(f"{DEFAULT}/pods/web", {**BACKGROUND, "gracePeriodSeconds": 5}).json["metadata"]
    assert metadata["deletionGracePeriodSeconds"] == 5
    assert client.get(f"{DEFAULT}/pods/web").json["metadata"] == metadata


@pytest.mark.parametrize("body", [None, {"gracePeriodSeconds": 0}])
def test_a_pod_goes_at_once_when_it_is_told_to(client: APIClient, body: Any) -> None:
    query = "" if body else "?gracePeriodSeconds=0"
    client.delete(f"{DEFAULT}/pods/web{query}", body)
    assert client.get(f"{DEFAULT}/pods/web").status == 404


def test_a_namespace_waits_for_its_contents(client: APIClient) -> None:
    client.post("/api/v1/namespaces", namespace("other"))
    reply = client.delete("/api/v1/namespaces/other", BACKGROUND)
    assert (reply.status, reply.json["status"]["phase"]) == (200, "Terminating")
    assert client.get("/api/v1/namespaces/other").status == 200


def test_the_first_namespaces_stay(client: APIClient) -> None:
    status = client.delete("/api/v1/namespaces/default").json
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["message"] == 'namespaces "default" is forbidden: this namespace may not be deleted'


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")], ids=str.lower
)
def test_an_owner_waits_for_the_garbage_collector(client: APIClient, policy: str, finalizer: str) -> None:
    reply = client.delete(f"{APPS}/deployments/web", {"propagationPolicy": policy})
    assert (reply.status, reply.json["kind"]) == (200, "Deployment")
    stored = client.registry.store.get(DEPLOYMENTS, "default", "web")["metadata"]
    assert stored["finalizers"] == [finalizer]
    assert stored["deletionTimestamp"]


def test_the_policy_may_be_in_the_query(client: APIClient) -> None:
    client.delete(f"{APPS}/deployments/web?propagationPolicy=Foreground")
    assert client.registry.store.get(DEPLOYMENTS, "default", "web")["metadata"]["finalizers"] == ["foregroundDeletion"]


def test_two_words_on_orphans_are_one_too_many(client: APIClient) -> None:
    reply = client.delete(f"{APPS}/deployments/web", {"orphanDependents": False, "propagationPolicy": "Background"})
    assert (reply.status, reply.json["message"]) == (
        422,
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Background":'
        " orphanDependents and deletionPropagation cannot be both set",
    )


def test_the_old_word_for_orphans_is_understood(client: APIClient) -> None:
    client.delete(f"{APPS}/deployments/web", {"orphanDependents": True})
    assert client.registry.store.get(DEPLOYMENTS, "default", "web")["metadata"]["finalizers"] == ["orphan"]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?dryRun=All", None),
        ("", {"dryRun": ["All"]}),
        ("", {"dryRun": ["All"], "propagationPolicy": "Foreground"}),
        ("?dryRun=All", BACKGROUND),
    ],
)
def test_nothing_is_gone_after_a_trial(client: APIClient, query: str, body: Any) -> None:
    version = client.version()
    assert client.delete(f"{APPS}/deployments/web{query}", body).json["status"] == "Success"
    assert client.version() == version


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
@pytest.mark.parametrize("condition", [{"uid": "nope"}, {"resourceVersion": "1"}], ids=["uid", "version"])
def test_a_precondition_that_does_not_hold_is_a_conflict(client: APIClient, policy: str, condition: Any) -> None:
    version = client.version()
    body = {"propagationPolicy": policy, "preconditions": condition}
    status = client.delete(f"{APPS}/deployments/web", body).json
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert client.version() == version


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_a_precondition_that_holds_lets_it_go(client: APIClient, policy: str) -> None:
    version = client.get(f"{APPS}/deployments/web").json["metadata"]["resourceVersion"]
    body = {"propagationPolicy": policy, "preconditions": {"resourceVersion": version}}
    assert client.delete(f"{APPS}/deployments/web", body).status == 200


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param(
            {"propagationPolicy": "Slow"},
            422,
            'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Slow": supported values:'
            ' "Background", "Foreground", "Orphan"',
            id="policy",
        ),
        pytest.param(
            {"dryRun": ["Some"]},
            422,
            'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "Some": supported values: "All"',
            id="dry-run",
        ),
        pytest.param(
            {"gracePeriodSeconds": "5"},
            400,
            'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal string into Go'
            " struct field DeleteOptions.gracePeriodSeconds of type int64",
            id="grace",
        ),
        pytest.param(
            {"kind": "Pod", "apiVersion": "v1"},
            400,
            'Pod in version "v1" cannot be handled as a DeleteOptions: converting (v1.Pod) to (core.DeleteOptions):'
            " unknown conversion",
            id="other-kind",
        ),
    ],
)
def test_options_that_may_not_be(client: APIClient, body: Any, code: int, message: str) -> None:
    reply = client.delete(f"{DEFAULT}/services/web", body)
    assert (reply.status, reply.json["message"]) == (code, message)
    assert client.get(f"{DEFAULT}/services/web").status == 200


def test_a_grace_that_is_no_number_is_a_bad_request(client: APIClient) -> None:
    assert client.delete(f"{DEFAULT}/pods/web?gracePeriodSeconds=soon").status == 400


def test_what_is_not_there_cannot_be_deleted(client: APIClient) -> None:
    assert client.delete(f"{APPS}/deployments/nope", BACKGROUND).json["message"] == 'deployments.apps "nope" not found'


def test_all_that_a_selector_matches_is_deleted_together(client: APIClient) -> None:
    client.post(f"{DEFAULT}/services", service("db", metadata={"labels": {"app": "db"}}))
    reply = client.delete(f"{DEFAULT}/services?labelSelector=app%3Ddb")
    assert (reply.json["kind"], reply.names) == ("ServiceList", ["db"])
    assert client.get(f"{DEFAULT}/services").names == ["kubernetes", "web"]


def test_a_collection_of_pods_begins_to_terminate(client: APIClient) -> None:
    client.delete(f"{DEFAULT}/pods", {"gracePeriodSeconds": 3})
    kept = client.registry.store.list(PODS)
    assert [(each["metadata"]["name"], each["metadata"]["deletionGracePeriodSeconds"]) for each in kept] == [("web", 3)]


def eviction(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}, **fields}


def test_an_evicted_pod_terminates(client: APIClient) -> None:
    reply = client.post(f"{DEFAULT}/pods/web/eviction", eviction(deleteOptions={"gracePeriodSeconds": 7}))
    assert (reply.status, reply.json) == (
        201,
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201},
    )
    assert client.registry.store.get(PODS, "default", "web")["metadata"]["deletionGracePeriodSeconds"] == 7


def test_an_eviction_can_be_tried(client: APIClient) -> None:
    version = client.version()
    assert client.post(f"{DEFAULT}/pods/web/eviction?dryRun=All", eviction()).status == 201
    assert client.version() == version


@pytest.mark.parametrize(
    ("body", "code"),
    [(eviction(metadata={"name": "x"}), 400), (eviction(kind="Pod"), 400), (eviction(metadata=1), 201)],
)
def test_an_eviction_is_of_the_pod_in_its_path(client: APIClient, body: Any, code: int) -> None:
    assert client.post(f"{DEFAULT}/pods/web/eviction", body).status == code


def test_deleting_gives_back_what_a_service_held(client: APIClient) -> None:
    address = client.registry.store.get(SERVICES, "default", "web")["spec"]["clusterIP"]
    client.delete(f"{DEFAULT}/services/web", BACKGROUND)
    assert client.post(f"{DEFAULT}/services", service("again", clusterIP=address)).status == 201

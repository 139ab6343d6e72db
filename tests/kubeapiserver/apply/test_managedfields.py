"""managedFields as the real server writes them, and how writes change them."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import EPOCH, EPOCH_TEXT, deployment, service
from tests.helpers.kubeapiserver.apply import Managers, configmap, owned, tracked

from kubeapi.meta import JSON
from kubeapi.scheme import DAEMONSETS, DEPLOYMENTS, NODES, REPLICATIONCONTROLLERS, SERVICES
from kubeapiserver.apply.fieldpath import fields_v1, in_order, item_element, path_text, read_fields_v1
from kubeapiserver.apply.managedfields import MAX_UPDATE_MANAGERS

LABELS: JSON = {"f:labels": {".": {}, "f:app": {}}}


def entry(manager: str, api_version: str, fields: JSON, **more: str) -> JSON:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": api_version,
        "time": EPOCH_TEXT,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }


def test_a_created_service_is_noted_as_the_real_server_notes_it() -> None:
    ports = [{"name": "80-8080", "port": 80, "protocol": "TCP", "targetPort": 8080}]
    new = service(metadata={"labels": {"app": "web"}}, ports=ports, selector={"app": "web"}, type="ClusterIP")
    written = tracked(SERVICES, None, {**new, "status": {"loadBalancer": {}}}, "kubectl-create", now=EPOCH)
    assert written["metadata"]["managedFields"] == [
        entry(
            "kubectl-create",
            "v1",
            {
                "f:metadata": LABELS,
                "f:spec": {
                    "f:internalTrafficPolicy": {},
                    "f:ports": {
                        ".": {},
                        'k:{"port":80,"protocol":"TCP"}': {
                            ".": {},
                            "f:name": {},
                            "f:port": {},
                            "f:protocol": {},
                            "f:targetPort": {},
                        },
                    },
                    "f:selector": {},
                    "f:sessionAffinity": {},
                    "f:type": {},
                },
            },
        )
    ]


def test_a_created_deployment_is_noted_as_the_real_server_notes_it() -> None:
    containers = [{"name": "nginx", "image": "nginx", "resources": {}}]
    new = deployment("nginx", strategy={}, template_spec={"containers": containers})
    new["metadata"] = {"name": "nginx", "creationTimestamp": None, "labels": {"app": "nginx"}}
    written = tracked(DEPLOYMENTS, None, {**new, "status": {}}, "kubectl-create", now=EPOCH)
    container: JSON = {
        ".": {},
        "f:image": {},
        "f:imagePullPolicy": {},
        "f:name": {},
        "f:resources": {},
        "f:terminationMessagePath": {},
        "f:terminationMessagePolicy": {},
    }
    pod: JSON = {
        "f:containers": {'k:{"name":"nginx"}': container},
        "f:dnsPolicy": {},
        "f:restartPolicy": {},
        "f:schedulerName": {},
        "f:securityContext": {},
        "f:terminationGracePeriodSeconds": {},
    }
    strategy: JSON = {"f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}, "f:type": {}}
    spec = {
        "f:progressDeadlineSeconds": {},
        "f:replicas": {},
        "f:revisionHistoryLimit": {},
        "f:selector": {},
        "f:strategy": strategy,
        "f:template": {"f:metadata": LABELS, "f:spec": pod},
    }
    assert written["metadata"]["managedFields"] == [
        entry("kubectl-create", "apps/v1", {"f:metadata": LABELS, "f:spec": spec})
    ]


def test_a_manager_that_changes_a_field_owns_it_and_the_others_lose_it() -> None:
    managers = Managers()
    managers.create("author", configmap({"a": "1", "b": "1"}))
    managers.clock.advance(5)
    changed = managers.update("editor", configmap({"a": "2", "b": "1", "c": "1"}))
    assert owned(changed) == {"author": [".data", ".data.b"], "editor": [".data.a", ".data.c"]}
    assert [each["time"] for each in changed["metadata"]["managedFields"]] == [EPOCH_TEXT, "2023-11-14T22:13:25Z"]


def test_a_write_that_changes_nothing_leaves_even_the_times() -> None:
    managers = Managers()
    first = managers.create("author", configmap({"a": "1"}))
    managers.clock.advance(5)
    assert managers.update("another", configmap({"a": "1"})) is first


def test_a_client_that_does_not_send_managed_fields_does_not_lose_them() -> None:
    managers = Managers()
    managers.create("author", configmap({"a": "1"}))
    assert "author" in owned(managers.update("editor", configmap({"a": "1", "b": "1"})))


@pytest.mark.parametrize("stated", [[], [{}]], ids=["none", "one empty entry"])
def test_sending_none_forgets_them_all(stated: list[JSON]) -> None:
    managers = Managers()
    managers.create("author", configmap({"a": "1"}))
    cleared = managers.update("editor", configmap({"a": "2"}, managedFields=stated))
    assert "managedFields" not in cleared["metadata"]


def test_entries_that_a_client_sends_replace_those_that_are_there() -> None:
    managers = Managers()
    managers.create("author", configmap({"a": "1"}))
    mine = entry("mine", "v1", {"f:data": {"f:a": {}}})
    assert owned(managers.update("editor", configmap({"a": "1"}, managedFields=[mine]))) == {"mine": [".data.a"]}


def test_the_fields_of_an_entry_that_a_client_sends_are_written_in_standard_form() -> None:
    managers = Managers()
    managers.create("author", configmap({"a": "1"}))
    mine = entry("mine", "v1", {"f:data": {".": "mine too", "f:a": {}}})
    written = managers.update("editor", configmap({"a": "1"}, managedFields=[mine]))
    assert written["metadata"]["managedFields"] == [entry("mine", "v1", {"f:data": {".": {}, "f:a": {}}})]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"operation": "Delete"},
        {"fieldsType": "FieldsV2"},
        {"apiVersion": "v9"},
        {"fieldsV1": {"x:y": {}}},
        {"fieldsV1": {"f:a": 1}},
        {"fieldsV1": None},
    ],
    ids=lambda each: next(iter(each)),
)
def test_entries_that_cannot_be_read_are_ignored(nonsense: JSON) -> None:
    managers = Managers()
    managers.create("author", configmap({"a": "1"}))
    bad = entry("bad", "v1", {"f:data": {"f:a": {}}}) | nonsense
    kept = owned(managers.update("editor", configmap({"a": "1"}, managedFields=[bad])))
    assert kept == {"author": [".data", ".data.a"]}


def test_an_untracked_object_stays_untracked_when_it_is_updated() -> None:
    managers = Managers()
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    stored = managers.registry.create(NODES, node)
    changed = {**stored, "metadata": {**stored["metadata"], "labels": {"a": "b"}}}
    written = tracked(NODES, stored, changed, "kubectl-label", now=EPOCH)
    assert "managedFields" not in written["metadata"]


def test_a_status_is_noted_apart_with_its_subresource() -> None:
    managers = Managers()
    stored = managers.create("author", service(selector={"a": "b"}))
    new = {**stored, "status": {"loadBalancer": {"ingress": [{"ip": "127.9.9.9"}]}}, "spec": {"type": "NodePort"}}
    written = tracked(SERVICES, stored, new, "balancer", "status", now=EPOCH)
    assert written["metadata"]["managedFields"] == [
        stored["metadata"]["managedFields"][0],
        entry("balancer", "v1", {"f:status": {"f:loadBalancer": {"f:ingress": {}}}}, subresource="status"),
    ]


def test_too_many_updaters_are_joined_oldest_first() -> None:
    managers = Managers()
    data = {"start": "0"}
    managers.create("start", configmap(data))
    for number in range(MAX_UPDATE_MANAGERS + 2):
        managers.clock.advance(1)
        data = {**data, f"k{number:02}": "1"}
        last = managers.update(f"m{number:02}", configmap(data))
    entries = last["metadata"]["managedFields"]
    assert len(entries) == MAX_UPDATE_MANAGERS
    assert entries[0]["manager"] == "ancient-changes"
    assert owned(last)["ancient-changes"] == [".data", ".data.k00", ".data.k01", ".data.k02", ".data.start"]


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"f:a": {}}, [("f:a",)], id="a field"),
        pytest.param({"f:a": {"f:b": {}}}, [("f:a", "f:b")], id="a field below"),
        pytest.param({"f:a": {".": {}, "f:b": {}}}, [("f:a",), ("f:a", "f:b")], id="both"),
        pytest.param({"f:a": {'v:"x"': {}, "i:0": {}}}, [("f:a", "i:0"), ("f:a", 'v:"x"')], id="a value and an index"),
    ],
)
def test_fields_v1_is_a_tree_of_paths(fields: JSON, paths: list[tuple[str, ...]]) -> None:
    assert sorted(read_fields_v1(fields)) == paths
    assert fields_v1(paths) == fields


@pytest.mark.parametrize(
    ("item", "keys", "element", "text"),
    [
        pytest.param({"name": "a", "image": "b"}, ("name",), 'k:{"name":"a"}', '[name="a"]', id="one key"),
        pytest.param(
            {"port": 80},
            ("port", "protocol"),
            'k:{"port":80,"protocol":"TCP"}',
            '[port=80,protocol="TCP"]',
            id="a key with a default",
        ),
        pytest.param({}, ("name",), "k:{}", "[]", id="no key"),
        pytest.param("a.io/x", (), 'v:"a.io/x"', '[="a.io/x"]', id="a value"),
    ],
)
def test_an_item_is_known_by_its_keys_or_its_value(
    item: object, keys: tuple[str, ...], element: str, text: str
) -> None:
    assert item_element(item, keys) == element
    assert path_text((element,)) == text


def test_paths_are_listed_members_first() -> None:
    fields = frozenset({("f:b",), ("f:a", "f:z"), ("f:a",), ("f:a", "f:b", "f:c")})
    assert in_order(fields) == [("f:a",), ("f:b",), ("f:a", "f:z"), ("f:a", "f:b", "f:c")]


def test_no_time_of_creation_has_an_owner() -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    new = {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web", "namespace": "default"}}
    written = tracked(REPLICATIONCONTROLLERS, None, {**new, "spec": {"template": template}}, "author", now=EPOCH)
    [noted] = written["metadata"]["managedFields"]
    assert noted["fieldsV1"]["f:spec"]["f:template"]["f:metadata"] == {".": {}, **LABELS}


def test_the_generation_of_a_daemonset_is_its_writers() -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    new = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "web", "namespace": "default"}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    [noted] = tracked(DAEMONSETS, None, {**new, "spec": spec}, "author", now=EPOCH)["metadata"]["managedFields"]
    assert noted["fieldsV1"]["f:metadata"] == {
        "f:annotations": {".": {}, "f:deprecated.daemonset.template.generation": {}}
    }

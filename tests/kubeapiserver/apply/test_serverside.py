"""Server-side apply: the cases of structured-merge-diff's ``merge`` tests, with our kinds."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helpers.kubeapi.objects import container, deployment, service
from tests.helpers.kubeapiserver.apply import Managers, configmap, owned, tracked

from kubeapi.meta import JSON, LAST_APPLIED, ObjectKey
from kubeapi.scheme import CONFIGMAPS, SERVICES
from kubeapi.status import StatusError
from kubeapiserver.apply.serverside import Configuration, server_side_apply


def web(*ports: int, **spec: Any) -> JSON:
    """Return a Service as its author applies it."""
    return service(ports=[{"port": port, "name": f"p{port}"} for port in ports], **spec)


def ports_of(obj: JSON) -> list[int]:
    return [each["port"] for each in obj["spec"]["ports"]]


def test_applying_what_is_not_there_creates_it() -> None:
    managers = Managers()
    resource, key = CONFIGMAPS, ObjectKey("default", "conf")
    created, is_new = server_side_apply(
        managers.registry, Configuration(resource, key, configmap({"a": "1"}), "me"), managers.clock()
    )
    assert is_new
    assert created["data"] == {"a": "1"}
    assert owned(created) == {"me": [".data.a"]}
    assert created["metadata"]["managedFields"][0]["operation"] == "Apply"


def test_applying_the_same_again_changes_nothing_at_all() -> None:
    managers = Managers()
    first = managers.apply("me", web(80))
    managers.clock.advance(60)
    assert managers.apply("me", web(80)) is first


@pytest.mark.parametrize(
    ("first", "second", "data"),
    [
        pytest.param({"a": "1"}, {"a": "1", "b": "2"}, {"a": "1", "b": "2"}, id="a key is added"),
        pytest.param({"a": "1", "b": "2"}, {"a": "1"}, {"a": "1"}, id="a key is removed"),
        pytest.param({"a": "1"}, {"a": "2"}, {"a": "2"}, id="a value is changed"),
        pytest.param({"a": "1"}, {"b": "1"}, {"b": "1"}, id="a key is replaced by another"),
        pytest.param({"a": "1"}, None, None, id="the map is removed"),
        pytest.param({"a": "1"}, {}, None, id="the map is emptied"),
    ],
)
def test_a_manager_gets_exactly_what_it_states(
    first: dict[str, str], second: dict[str, str] | None, data: dict[str, str] | None
) -> None:
    managers = Managers()
    managers.apply("me", configmap(first))
    assert (managers.apply("me", configmap(second)).get("data") or None) == data


def test_two_managers_share_a_map_key_by_key() -> None:
    managers = Managers()
    managers.apply("one", configmap({"a": "1"}))
    both = managers.apply("two", configmap({"b": "2"}))
    assert both["data"] == {"a": "1", "b": "2"}
    assert owned(both) == {"one": [".data.a"], "two": [".data.b"]}
    assert managers.apply("one", configmap({}))["data"] == {"b": "2"}


def test_a_manager_that_states_the_same_value_owns_it_too_and_keeps_it_when_the_other_stops() -> None:
    managers = Managers()
    managers.apply("one", configmap({"a": "1"}))
    both = managers.apply("two", configmap({"a": "1"}))
    assert owned(both) == {"one": [".data.a"], "two": [".data.a"]}
    left = managers.apply("one", configmap())
    assert left["data"] == {"a": "1"}
    assert owned(left) == {"two": [".data.a"]}
    assert not managers.apply("two", configmap()).get("data")


def test_another_value_for_an_owned_field_is_a_conflict_and_changes_nothing() -> None:
    managers = Managers()
    before = managers.apply("a", web(80, selector={"app": "web"}))
    with pytest.raises(StatusError) as refusal:
        managers.apply("b", web(80, selector={"app": "other"}))
    assert (refusal.value.code, refusal.value.reason) == (409, "Conflict")
    assert refusal.value.message == 'Apply failed with 1 conflict: conflict with "a": .spec.selector'
    assert [(each.reason, each.field, each.message) for each in refusal.value.causes] == [
        ("FieldManagerConflict", ".spec.selector", 'conflict with "a"')
    ]
    assert managers.stored(before) is before


def test_several_conflicts_are_listed_by_manager() -> None:
    managers = Managers()
    managers.create("kubectl-create", configmap({"x": "1"}))
    managers.apply("a", configmap({"y": "1", "z": "1"}))
    with pytest.raises(StatusError) as refusal:
        managers.apply("b", configmap({"x": "2", "y": "2", "z": "2"}))
    assert refusal.value.message == (
        'Apply failed with 3 conflicts: conflicts with "a":\n- .data.y\n- .data.z\n'
        'conflicts with "kubectl-create" using v1:\n- .data.x'
    )
    assert [each.field for each in refusal.value.causes] == [".data.y", ".data.z", ".data.x"]


def test_force_takes_the_field_over() -> None:
    managers = Managers()
    managers.apply("a", configmap({"x": "1", "y": "1"}))
    taken = managers.apply("b", configmap({"x": "2"}), force=True)
    assert taken["data"] == {"x": "2", "y": "1"}
    assert owned(taken) == {"a": [".data.y"], "b": [".data.x"]}


def test_a_manager_that_lost_a_field_does_not_remove_it_by_not_stating_it() -> None:
    managers = Managers()
    managers.apply("a", configmap({"x": "1"}))
    managers.apply("b", configmap({"x": "2"}), force=True)
    assert managers.apply("a", configmap())["data"] == {"x": "2"}


def test_an_update_takes_what_it_changes_without_asking() -> None:
    managers = Managers()
    managers.apply("a", configmap({"x": "1", "y": "1"}))
    updated = managers.update("editor", configmap({"x": "2", "y": "1"}))
    assert owned(updated) == {"a": [".data.y"], "editor": [".data.x"]}
    with pytest.raises(StatusError, match=r'conflict with "editor" using v1: \.data\.x'):
        managers.apply("a", configmap({"x": "1", "y": "1"}))


def test_a_field_that_an_update_has_removed_has_no_owner() -> None:
    managers = Managers()
    managers.apply("a", configmap({"x": "1", "y": "1"}))
    assert owned(managers.update("editor", configmap({"y": "1"}))) == {"a": [".data.y"]}


def test_items_of_a_keyed_list_are_owned_one_by_one() -> None:
    managers = Managers()
    managers.apply("one", web(80))
    both = managers.apply("two", web(443))
    assert ports_of(both) == [80, 443]
    assert owned(both)["two"] == [
        '.spec.ports[port=443,protocol="TCP"]',
        '.spec.ports[port=443,protocol="TCP"].name',
        '.spec.ports[port=443,protocol="TCP"].port',
    ]
    assert ports_of(managers.apply("two", web(8443))) == [80, 8443]
    assert ports_of(managers.apply("one", web(8443, 9000))) == [8443, 9000]


def test_a_field_within_an_item_may_be_another_managers() -> None:
    managers = Managers()
    managers.apply("one", web(80))
    target = service(ports=[{"port": 80, "targetPort": "http"}])
    both = managers.apply("two", target, force=True)
    assert both["spec"]["ports"] == [{"port": 80, "name": "p80", "protocol": "TCP", "targetPort": "http"}]
    left = managers.apply("one", service(ports=[{"port": 80}]))
    assert left["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": "http"}]


def test_the_same_port_of_another_protocol_is_another_item() -> None:
    managers = Managers()
    managers.apply("one", service(ports=[{"port": 53, "name": "udp", "protocol": "UDP"}]))
    both = managers.apply("two", service(ports=[{"port": 53, "name": "tcp"}]))
    assert [(each["port"], each["protocol"]) for each in both["spec"]["ports"]] == [(53, "UDP"), (53, "TCP")]


def test_members_of_a_set_are_owned_one_by_one() -> None:
    managers = Managers()
    managers.apply("one", configmap(finalizers=["a.io/one", "a.io/shared"]))
    both = managers.apply("two", configmap(finalizers=["a.io/two", "a.io/shared"]))
    assert both["metadata"]["finalizers"] == ["a.io/one", "a.io/two", "a.io/shared"]
    assert owned(both)["two"] == ['.metadata.finalizers[="a.io/shared"]', '.metadata.finalizers[="a.io/two"]']
    left = managers.apply("one", configmap())
    assert left["metadata"]["finalizers"] == ["a.io/two", "a.io/shared"]


def test_an_atomic_map_is_replaced_as_a_whole() -> None:
    managers = Managers()
    managers.apply("a", web(80, selector={"app": "web", "tier": "front"}))
    changed = managers.apply("a", web(80, selector={"app": "other"}))
    assert changed["spec"]["selector"] == {"app": "other"}
    assert ".spec.selector" in owned(changed)["a"]


def test_an_atomic_list_is_replaced_as_a_whole() -> None:
    managers = Managers()
    managers.apply("a", web(80, externalIPs=["127.9.0.1", "127.9.0.2"]))
    with pytest.raises(StatusError, match=r"\.spec\.externalIPs$"):
        managers.apply("b", web(80, externalIPs=["127.9.0.1"]))


def test_nested_fields_are_merged_at_any_depth() -> None:
    managers = Managers()
    config = deployment(template_spec={"containers": [container(env=[{"name": "A", "value": "1"}])]})
    managers.apply("one", config)
    more = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "B", "value": "2"}]}]}}},
    }
    both = managers.apply("two", more)
    [only] = both["spec"]["template"]["spec"]["containers"]
    assert only["image"] == "nginx:1.27"
    assert only["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    path = '.spec.template.spec.containers[name="app"]'
    assert owned(both)["two"] == [
        path,
        f"{path}.name",
        f'{path}.env[name="B"]',
        f'{path}.env[name="B"].name',
        f'{path}.env[name="B"].value',
    ]


def test_a_default_of_the_server_has_no_owner_and_stays() -> None:
    managers = Managers()
    first = managers.apply("a", web(80))
    again = managers.apply("a", web(81))
    assert again["spec"]["clusterIP"] == first["spec"]["clusterIP"]
    assert ".spec.clusterIP" not in owned(again)["a"]


def test_the_first_apply_meets_what_was_there_before_as_a_managers_work() -> None:
    managers = Managers()
    managers.registry.create(CONFIGMAPS, configmap({"x": "1"}))
    with pytest.raises(StatusError, match=r'conflict with "before-first-apply" using v1: \.data\.x'):
        managers.apply("a", configmap({"x": "2"}))
    taken = managers.apply("a", configmap({"x": "2"}), force=True)
    assert owned(taken) == {"a": [".data.x"], "before-first-apply": [".data"]}


def client_side(data: dict[str, str]) -> JSON:
    """Return an object as kubectl apply without --server-side leaves it."""
    applied = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": data})
    return configmap(data, annotations={LAST_APPLIED: applied})


def test_kubectl_may_go_on_server_side_with_what_it_applied_client_side() -> None:
    managers = Managers()
    managers.create("kubectl-client-side-apply", client_side({"x": "1"}))
    with pytest.raises(StatusError, match="kubectl-client-side-apply"):
        managers.apply("another", configmap({"x": "2"}))
    upgraded = managers.apply("kubectl", configmap({"x": "<2>"}))
    assert upgraded["data"] == {"x": "<2>"}
    text = upgraded["metadata"]["annotations"][LAST_APPLIED]
    assert r'"data":{"x":"\u003c2\u003e"}' in text
    noted = json.loads(text)
    assert noted["data"] == {"x": "<2>"}
    assert "managedFields" not in noted["metadata"]


def test_kubectl_may_not_take_over_a_field_that_was_changed_after_it_applied() -> None:
    managers = Managers()
    managers.create("kubectl-client-side-apply", client_side({"x": "1", "y": "1"}))
    managers.update("editor", {**client_side({"x": "1", "y": "1"}), "data": {"x": "9", "y": "1"}})
    with pytest.raises(StatusError) as refusal:
        managers.apply("kubectl", configmap({"x": "2", "y": "2"}))
    assert refusal.value.message == 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.x'


def test_a_dry_run_answers_and_stores_nothing() -> None:
    managers = Managers()
    before = managers.apply("a", configmap({"x": "1"}))
    assert managers.apply("a", configmap({"x": "2"}), dry_run=True)["data"] == {"x": "2"}
    assert managers.stored(before) is before


def test_a_status_that_is_applied_with_the_object_is_ignored() -> None:
    managers = Managers()
    applied = managers.apply("a", {**web(80), "status": {"loadBalancer": {"ingress": [{"ip": "127.9.9.9"}]}}})
    assert applied["status"] == {"loadBalancer": {}}
    assert not [path for path in owned(applied)["a"] if path.startswith(".status")]


def test_a_status_is_applied_through_its_subresource() -> None:
    managers = Managers()
    balanced = {**web(80), "spec": {**web(80)["spec"], "type": "LoadBalancer"}}
    managers.apply("a", balanced)
    status = {"loadBalancer": {"ingress": [{"ip": "127.9.9.9", "ipMode": "VIP"}]}}
    config = {**web(81), "status": status}
    key = ObjectKey("default", "web")
    applied, is_new = server_side_apply(
        managers.registry, Configuration(SERVICES, key, config, "lb", "status"), managers.clock()
    )
    assert not is_new
    assert applied["status"] == status
    assert ports_of(applied) == [80]
    assert owned(applied)["lb"] == [".status.loadBalancer.ingress"]


def test_a_status_cannot_be_applied_to_nothing() -> None:
    managers = Managers()
    key = ObjectKey("default", "web")
    with pytest.raises(StatusError, match='services "web" not found'):
        server_side_apply(managers.registry, Configuration(SERVICES, key, web(80), "lb", "status"), managers.clock())


@pytest.mark.parametrize("annotation", ["{", "[]", "{}", '{"apiVersion":"v9"}', "[" * 3000])
def test_an_annotation_that_says_nothing_allows_nothing(annotation: str) -> None:
    managers = Managers()
    managers.create("kubectl-client-side-apply", configmap({"x": "1"}, annotations={LAST_APPLIED: annotation}))
    with pytest.raises(StatusError, match=r"conflict with .* \.data\.x"):
        managers.apply("kubectl", configmap({"x": "2"}))


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        pytest.param({"kind": "Pod"}, 400, "invalid object type: /v1, Kind=Pod", id="another kind"),
        pytest.param({"apiVersion": None}, 400, "invalid object type: /, Kind=Service", id="no version"),
        pytest.param(
            {"metadata": {"name": "web", "managedFields": []}},
            400,
            "metadata.managedFields must be nil",
            id="managedFields",
        ),
        pytest.param(
            {"metadata": {"name": "other"}},
            400,
            "the name of the object (other) does not match the name on the URL (web)",
            id="another name",
        ),
        pytest.param(
            {"metadata": {"name": "web", "namespace": "elsewhere"}},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
            id="another namespace",
        ),
        pytest.param(
            {"metadata": {"name": "web", "uid": "u1"}},
            409,
            'Operation cannot be fulfilled on services "web": uid mismatch: the provided object specified uid u1,'
            " and no existing object was found",
            id="the uid of nothing",
        ),
        pytest.param({"metadata": "x"}, 500, "{}: .metadata: expected map, got &{{x}}", id="metadata is text"),
        pytest.param({"spec": {"bogus": 1}}, 500, "{}: .spec.bogus: field not declared in schema", id="unknown field"),
        pytest.param({"spec": {"ports": 80}}, 500, "{}: .spec.ports: expected list, got &{{80}}", id="no list"),
        pytest.param(
            {"spec": {"ports": [{"port": "80"}]}},
            500,
            '{}: .spec.ports[port="80",protocol="TCP"].port: expected numeric (int or float), got string',
            id="no number",
        ),
        pytest.param(
            {"spec": {"type": 1, "clusterIP": True}},
            500,
            "{}: errors:\n"
            "  .spec.type: expected string, got &value.valueUnstructured{{Value:1}}\n"
            "  .spec.clusterIP: expected string, got &value.valueUnstructured{{Value:true}}",
            id="no text, twice",
        ),
        pytest.param(
            {"spec": {"publishNotReadyAddresses": "yes"}},
            500,
            "{}: .spec.publishNotReadyAddresses: expected boolean, got &{{yes}}",
            id="no boolean",
        ),
        pytest.param(
            {"spec": {"ports": [{"port": 80}, {"port": 80}]}},
            500,
            '{}: .spec.ports: duplicate entries for key [port=80,protocol="TCP"]',
            id="the same item twice",
        ),
        pytest.param(
            {"spec": {"ports": [None]}},
            500,
            "{}: .spec.ports: element 0: associative list with keys may not have a null element",
            id="null in a list",
        ),
        pytest.param(
            {"metadata": {"name": "web", "finalizers": [{}]}},
            500,
            "{}: .metadata.finalizers: element 0: associative list without keys has an element that's a map type",
            id="a map in a set",
        ),
    ],
)
def test_a_configuration_that_cannot_be_applied_is_refused_in_the_servers_words(
    change: JSON, code: int, message: str
) -> None:
    managers = Managers()
    config = {**web(80), **change}
    with pytest.raises(StatusError) as refusal:
        server_side_apply(
            managers.registry, Configuration(SERVICES, ObjectKey("default", "web"), config, "a"), managers.clock()
        )
    failed = "failed to create typed patch object (default/web; /v1, Kind=Service)"
    expected = message.format(failed) if "{}" in message else message
    assert (refusal.value.code, refusal.value.message) == (code, expected)


def test_an_invalid_object_is_the_registrys_to_refuse() -> None:
    managers = Managers()
    with pytest.raises(StatusError, match=r"spec\.ports"):
        managers.apply("a", web(80, 99999))
    assert managers.stored(web(80)) is None


def test_a_stated_resource_version_must_be_the_stored_one() -> None:
    managers = Managers()
    managers.apply("a", configmap({"x": "1"}))
    with pytest.raises(StatusError, match="the object has been modified"):
        managers.apply("a", configmap({"x": "2"}, resourceVersion="1"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "TCP", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ports", "port", "protocol", "name", "selector", "metadata", "labels", "spec", "a", ""]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, json_values, st.booleans())
def test_whatever_is_applied_or_written_only_status_errors_come_out(spec: Any, metadata: Any, force: bool) -> None:
    managers = Managers()
    managers.create("author", web(80, selector={"app": "web"}))
    config = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    key = ObjectKey("default", "web")
    with contextlib.suppress(StatusError):
        configuration = Configuration(SERVICES, key, config, "a", is_forced=force)
        server_side_apply(managers.registry, configuration, managers.clock())
    tracked(SERVICES, managers.registry.store.find(SERVICES, key), config, "b", now=managers.clock())

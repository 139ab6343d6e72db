"""Whatever is thrown at the Registry, it answers with an object or a StatusError, and stays whole."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.helpers.kubeapi.objects import deployment, new_registry, pod, service
from tests.helpers.kubeapi.strict import strict_faults

from kubeapi.kinds import RESOURCES
from kubeapi.meta import JSON, key_of
from kubeapi.registry import DeleteOptions
from kubeapi.schema import FieldType, Struct, struct, struct_of
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTSLICES, PODS, REPLICASETS, SERVICES, Resource
from kubeapi.status import StatusError
from kubemanifest.clientapply import apply

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 70000),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "",
            "web",
            "None",
            "127.96.0.7",
            "fd00::1",
            "80",
            "25%",
            "1Gi",
            "ClientIP",
            "NodePort",
            "LoadBalancer",
            "Always",
        ]
    ),
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
_WORDS = {
    "string": st.sampled_from(
        (
            *("", "a", "web", "A_b", "None", "127.96.0.7", "127.0.0.1", "fd00::1", "TCP", "UDP", "In", "Exists"),
            *("ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "ClientIP", "Local", "Cluster", "IPv4"),
            *("RollingUpdate", "Recreate", "Always", "Never", "RequireDualStack", "10.0.0.0/8", "metadata.name"),
            *("x/y/z", "\udc80"),
        )
    ),
    "boolean": st.booleans(),
    "int32": st.sampled_from([-1, 0, 1, 80, 10250, 30080, 70000, 2**31 - 1]),
    "int64": st.sampled_from([-1, 0, 30, 2**63 - 1]),
    "byte": st.sampled_from(["", "AA==", "?"]),
    "Time": st.sampled_from(["2026-01-02T03:04:05Z", "x"]),
    "MicroTime": st.sampled_from(["2026-01-02T03:04:05.000006Z", "x"]),
    "Quantity": st.sampled_from(["1", "-1", "100m", "1.5Gi", "1E", "1e3", "x", 1, 0.5]),
    "IntOrString": st.sampled_from([0, 1, -1, 80, 70000, "http", "25%", "0%", "", "x y"]),
    "double": st.sampled_from([-1, 0.5, 2]),
    "SchemaOrArray": st.sampled_from([{}, {"type": "string"}, [{"type": "string"}], {"type": 5}, {"items": {"x": 1}}]),
    "SchemaOrBool": st.sampled_from([True, False, {}, {"properties": []}, {"properties": {"a": {"type": "x"}}}]),
    "SchemaOrStrings": st.sampled_from([{}, ["a"], [1]]),
    "any": _ANYTHING,
}


def _values(field: FieldType, depth: int) -> st.SearchStrategy[Any]:
    if field.kind == "struct":
        return _structs(struct(field.name), depth - 1)
    if field.kind == "list" and field.element:
        return st.lists(_values(field.element, depth), max_size=2)
    if field.kind == "map" and field.element:
        return st.dictionaries(_WORDS["string"], _values(field.element, depth), max_size=2)
    return _WORDS[field.kind]


def _structs(known: Struct, depth: int) -> st.SearchStrategy[JSON]:
    """Return objects that are nearly right: known fields, mostly of the right type."""
    if depth == 0:
        return st.just({})
    fields = {
        name: st.one_of(*[_values(field, depth)] * 9, _SCALARS) if depth > 3 else _values(field, depth)
        for name, field in known.fields.items()
    }
    return st.fixed_dictionaries({}, optional=fields)


_GOOD = {SERVICES: service(), PODS: pod(), DEPLOYMENTS: deployment(), REPLICASETS: deployment()}
_GOOD[ENDPOINTSLICES] = {"metadata": {"name": "web"}, "addressType": "IPv4", "endpoints": []}
_LIKELY = {each: _structs(struct_of(each), 6) for each in RESOURCES}


def _exercise(resource: Resource, first: Any, second: Any) -> None:
    registry = new_registry()
    for write in (registry.create, partial(apply, registry), registry.update, registry.update_status):
        for obj in (first, second):
            before = registry.store.resource_version
            try:
                write(resource, obj)
            except StatusError:
                assert registry.store.resource_version == before
    for stored in registry.store.list(resource):
        assert strict_faults(resource, stored) == []
        registry.delete(resource, *key_of(stored), DeleteOptions(0))


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(obj=_ANYTHING, metadata=_ANYTHING, spec=_ANYTHING)
def test_arbitrary_json_meets_only_a_status_error(resource: Resource, obj: Any, metadata: Any, spec: Any) -> None:
    _exercise(resource, obj, {"metadata": metadata, "spec": spec, "status": spec})


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(pick=st.data())
def test_nearly_right_objects_meet_only_a_status_error(resource: Resource, pick: st.DataObject) -> None:
    first, second = (_over_a_good_one(resource, pick.draw(_LIKELY[resource])) for _ in range(2))
    _exercise(resource, first, second)


def _over_a_good_one(resource: Resource, drawn: JSON) -> JSON:
    """Return the drawn object with what it lacks to be accepted, as far as it does not contradict."""
    good = _GOOD.get(resource, {"metadata": {"name": "web"}})
    spec = drawn.get("spec", {})
    if "spec" in good:
        spec = {**good["spec"], **spec} if isinstance(spec, dict) else spec
    metadata = drawn.get("metadata")
    metadata = {**metadata, **good["metadata"]} if isinstance(metadata, dict) else good["metadata"]
    whole = {**good, **drawn, "metadata": metadata, "spec": spec}
    return {**whole, "apiVersion": resource.api_version, "kind": resource.kind}

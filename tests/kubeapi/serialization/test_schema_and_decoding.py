"""What the schema knows, and what strict decoding says of an object that does not fit it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.strict import strict_faults

from kubeapi.kinds import RESOURCES
from kubeapi.meta import JSON, copy_object
from kubeapi.schema import definitions, struct, struct_of
from kubeapi.schema.completion import complete
from kubeapi.scheme import CONFIGMAPS, DEPLOYMENTS, ENDPOINTSLICES, LEASES, PERSISTENTVOLUMES, PODS, SERVICES, Resource
from kubeapi.serialization.decoding import TYPE_INVALID, UNKNOWN_FIELD, decode
from kubeapi.serialization.gojson import read_json
from kubeapi.serialization.hints import hint_for
from kubeapi.serialization.quantity import QUANTITY, canonical

GO = "json: cannot unmarshal"


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
def test_every_kind_has_its_definition_and_all_that_it_refers_to(resource: Resource) -> None:
    wanted, seen = [struct_of(resource).name], set[str]()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        for field in struct(name).fields.values():
            leaf = field
            while leaf.element is not None:
                leaf = leaf.element
            if leaf.kind == "struct":
                wanted.append(leaf.name)
    assert "apis.meta.v1.ObjectMeta" in seen


def test_the_full_definitions_have_descriptions_and_patch_rules() -> None:
    ports = definitions()["io.k8s.api.core.v1.ServiceSpec"]["properties"]["ports"]
    assert ports["x-kubernetes-patch-merge-key"] == "port"
    assert "virtual-ips" in ports["description"]
    assert struct("core.v1.ServiceSpec").merge_keys == {"ports": "port"}
    assert "strategy" in struct("apps.v1.DeploymentSpec").retain_keys


@pytest.mark.parametrize(
    ("resource", "obj", "field"),
    [
        (SERVICES, {"spec": {"bogus": 1}}, "spec.bogus"),
        (SERVICES, {"spec": {"ports": [{}, {"prot": "TCP"}]}}, "spec.ports[1].prot"),
        (SERVICES, {"bogus": None}, "bogus"),
        (PODS, {"spec": {"containers": [{"env": [{"nam": "A"}]}]}}, "spec.containers[0].env[0].nam"),
        (SERVICES, {1: 2}, "1"),
    ],
    ids=["in a struct", "in a list", "null", "deep", "number as name"],
)
def test_an_unknown_field_is_named_with_its_path(resource: Resource, obj: JSON, field: str) -> None:
    [fault] = strict_faults(resource, obj)
    assert fault == (UNKNOWN_FIELD, field, f'unknown field "{field}"')


@pytest.mark.parametrize(
    ("resource", "obj", "field", "message"),
    [
        (
            SERVICES,
            {"spec": {"ports": [{"port": "80"}]}},
            "spec.ports[0].port",
            f"{GO} string into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            SERVICES,
            {"spec": {"ports": [{"port": 1.5}]}},
            "spec.ports[0].port",
            f"{GO} number 1.5 into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            SERVICES,
            {"spec": {"ports": [{"port": 2**31}]}},
            "spec.ports[0].port",
            f"{GO} number 2147483648 into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            SERVICES,
            {"spec": {"ports": [{"port": True}]}},
            "spec.ports[0].port",
            f"{GO} bool into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            SERVICES,
            {"spec": {"ports": {"port": 80}}},
            "spec.ports",
            f"{GO} object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort",
        ),
        (
            SERVICES,
            {"spec": []},
            "spec",
            f"{GO} array into Go struct field Service.spec of type v1.ServiceSpec",
        ),
        (
            SERVICES,
            {"spec": {"selector": "app"}},
            "spec.selector",
            f"{GO} string into Go struct field ServiceSpec.spec.selector of type map[string]string",
        ),
        (
            SERVICES,
            {"metadata": {"labels": {"version": 1}}},
            "metadata.labels[version]",
            f"{GO} number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            SERVICES,
            {"spec": {"publishNotReadyAddresses": "yes"}},
            "spec.publishNotReadyAddresses",
            f"{GO} string into Go struct field ServiceSpec.spec.publishNotReadyAddresses of type bool",
        ),
        (
            SERVICES,
            {"spec": {"ports": [{"targetPort": []}]}},
            "spec.ports[0].targetPort",
            f"{GO} array into Go struct field ServicePort.spec.ports.targetPort of type int32",
        ),
        (
            PODS,
            {"spec": {"containers": [{"resources": {"limits": {"cpu": "much"}}}]}},
            "spec.containers[0].resources.limits[cpu]",
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            PODS,
            {"metadata": {"deletionTimestamp": "soon"}},
            "metadata.deletionTimestamp",
            'parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"',
        ),
        (
            LEASES,
            {"spec": {"renewTime": "2026-01-01T12:00:00Z"}},
            "spec.renewTime",
            'parsing time "2026-01-01T12:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
        ),
        (
            PODS,
            {"spec": {"volumes": [{"name": "a", "hostPath": {"path": 1}}]}},
            "spec.volumes[0].hostPath.path",
            f"{GO} number into Go struct field HostPathVolumeSource.spec.volumes.VolumeSource.hostPath.path"
            " of type string",
        ),
        (
            PODS,
            {"spec": {"volumes": [{"name": 1}]}},
            "spec.volumes[0].name",
            f"{GO} number into Go struct field Volume.spec.volumes.name of type string",
        ),
        (
            PODS,
            {"spec": {"containers": [{"livenessProbe": {"exec": {"command": "a"}}}]}},
            "spec.containers[0].livenessProbe.exec.command",
            f"{GO} string into Go struct field ExecAction.spec.containers.livenessProbe.ProbeHandler.exec.command"
            " of type []string",
        ),
        (
            PODS,
            {"spec": {"containers": [{"envFrom": [{"secretRef": {"name": 1}}]}]}},
            "spec.containers[0].envFrom[0].secretRef.name",
            f"{GO} number into Go struct field "
            "SecretEnvSource.spec.containers.envFrom.secretRef.LocalObjectReference.name"
            " of type string",
        ),
        (
            PODS,
            {"spec": {"ephemeralContainers": [{"name": 1}]}},
            "spec.ephemeralContainers[0].name",
            f"{GO} number into Go struct field "
            "EphemeralContainer.spec.ephemeralContainers.EphemeralContainerCommon.name"
            " of type string",
        ),
        (
            PERSISTENTVOLUMES,
            {"spec": {"hostPath": {"path": 1}}},
            "spec.hostPath.path",
            f"{GO} number into Go struct field HostPathVolumeSource.spec.PersistentVolumeSource.hostPath.path"
            " of type string",
        ),
        (
            PERSISTENTVOLUMES,
            {"spec": {"storageClassName": 1}},
            "spec.storageClassName",
            f"{GO} number into Go struct field PersistentVolumeSpec.spec.storageClassName of type string",
        ),
        (CONFIGMAPS, {"binaryData": {"a": "?"}}, "binaryData[a]", "illegal base64 data at input byte 0"),
        (CONFIGMAPS, {"binaryData": {"a": 1}}, "binaryData[a]", f"{GO} number into Go value of type string"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 45 else "",
)
def test_a_wrong_type_is_said_as_go_says_it(resource: Resource, obj: JSON, field: str, message: str) -> None:
    assert strict_faults(resource, obj) == [(TYPE_INVALID, field, message)]


@pytest.mark.parametrize("obj", [None, 1, "x", [], True])
def test_what_is_no_object_has_one_fault(obj: Any) -> None:
    [fault] = strict_faults(SERVICES, obj)
    assert fault.message.endswith("into Go value of type Service")


def test_decoding_drops_nulls_and_the_unreadable_and_keeps_the_rest() -> None:
    obj = {
        "metadata": {"name": "web", "labels": None, "annotations": {"a": None, 5: "five", True: "yes"}},
        "spec": {"type": None, "ports": [{"port": 80.0, "name": 5, "x": 1}, None], "externalIPs": ["a", 1]},
    }
    decoded = decode(SERVICES, obj)
    assert decoded.object == {
        "metadata": {"name": "web", "annotations": {"a": "", "5": "five", "true": "yes"}},
        "spec": {"ports": [{"port": 80}, {}], "externalIPs": ["a"]},
    }
    assert [fault.field for fault in decoded.unknown] == ["spec.ports[0].x"]
    assert [fault.field for fault in decoded.mistyped] == ["spec.ports[0].name", "spec.externalIPs[1]"]


def test_decoding_writes_times_in_utc() -> None:
    spec = {"acquireTime": "0001-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T01:30:00.120000+02:00"}
    decoded = decode(LEASES, {"metadata": {"creationTimestamp": "2026-01-01T12:00:00.5+00:00"}, "spec": spec})
    assert decoded.object == {
        "metadata": {"creationTimestamp": "2026-01-01T12:00:00Z"},
        "spec": {"renewTime": "2025-12-31T23:30:00.120000Z"},
    }


EMPTY_METADATA: JSON = {"labels": {}, "annotations": {}, "finalizers": [], "ownerReferences": [], "generateName": ""}


@pytest.mark.parametrize(
    ("resource", "given", "read"),
    [
        pytest.param(
            SERVICES, {"metadata": {"name": "a", **EMPTY_METADATA}}, {"metadata": {"name": "a"}}, id="all kinds"
        ),
        pytest.param(
            SERVICES,
            {
                "spec": {
                    "selector": {},
                    "ports": [],
                    "externalIPs": [],
                    "loadBalancerSourceRanges": [],
                    "publishNotReadyAddresses": False,
                    "healthCheckNodePort": 0,
                    "clusterIP": "",
                    "sessionAffinityConfig": {},
                    "allocateLoadBalancerNodePorts": False,
                }
            },
            {"spec": {"sessionAffinityConfig": {}, "allocateLoadBalancerNodePorts": False}},
            id="Service: structs and what Go has a pointer to stay",
        ),
        pytest.param(
            DEPLOYMENTS,
            {
                "spec": {
                    "replicas": 0,
                    "paused": False,
                    "minReadySeconds": 0,
                    "template": {"spec": {"hostNetwork": False}},
                }
            },
            {"spec": {"replicas": 0, "template": {"spec": {}}}},
            id="Deployment",
        ),
        pytest.param(
            ENDPOINTSLICES,
            {"endpoints": [], "ports": [{"name": "", "appProtocol": "", "port": 0}]},
            {"ports": [{"name": "", "appProtocol": "", "port": 0}]},
            id="EndpointSlice",
        ),
    ],
)
def test_decoding_drops_what_go_leaves_out_when_it_is_empty(resource: Resource, given: JSON, read: JSON) -> None:
    assert decode(resource, given).object == read


@pytest.mark.parametrize(
    ("resource", "given", "completed"),
    [
        pytest.param(
            SERVICES, {"spec": {"ports": [{}]}}, {"spec": {"ports": [{"port": 0, "targetPort": 0}]}}, id="Service"
        ),
        pytest.param(
            ENDPOINTSLICES,
            {"endpoints": [{"addresses": ["a"]}]},
            {"addressType": "", "endpoints": [{"addresses": ["a"], "conditions": {}}], "ports": None},
            id="EndpointSlice",
        ),
        pytest.param(
            PODS,
            {"spec": {"containers": [{"name": "a"}]}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
            {
                "spec": {"containers": [{"name": "a", "resources": {}}]},
                "status": {
                    "conditions": [
                        {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": None}
                    ]
                },
            },
            id="Pod",
        ),
    ],
)
def test_completing_adds_what_go_writes_though_it_is_empty(resource: Resource, given: JSON, completed: JSON) -> None:
    complete(resource, given)
    assert {field: given[field] for field in completed} == completed
    assert given["metadata"] == {}
    again = copy_object(given)
    complete(resource, again)
    assert again == given


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("100m", "100m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("512Ki", "512Ki"),
        ("0.5Ki", "512"),
        ("0.1Gi", "107374182400m"),
        ("10000", "10k"),
        ("1200", "1200"),
        ("1e3", "1e3"),
        ("1000e3", "1e6"),
        ("1E", "1E"),
        ("1n", "1m"),
        ("+3", "+3"),
        ("1E3", "1E3"),
        ("1.234", "1.234"),
        ("1.250", "1.250"),
        ("0.250", "250m"),
        ("-1", "-1"),
        ("0Mi", "0"),
        ("Gi", "0"),
        (".m", "0"),
        ("-", "0"),
        ("e5", "0"),
        ("9Ei", "9223372036854775807"),
        (2, "2"),
        (0.25, "250m"),
    ],
)
def test_a_quantity_is_written_in_its_shortest_form(given: str | float, written: str) -> None:
    assert QUANTITY.fullmatch(str(given))
    resources = {"limits": {"cpu": given}}
    read = decode(PODS, {"spec": {"containers": [{"name": "a", "resources": resources}]}}).object
    assert read["spec"]["containers"][0]["resources"]["limits"]["cpu"] == written
    assert canonical(written) == written


def test_decoding_changes_nothing_of_what_it_reads() -> None:
    obj: JSON = {"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}
    read = decode(SERVICES, obj).object
    read["spec"]["ports"][0]["port"] = 81
    read["spec"]["selector"]["a"] = "c"
    assert obj == {"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}


@pytest.mark.parametrize(
    ("resource", "obj", "hint"),
    [
        (SERVICES, {"spec": {"ports": [{"targetport": 80}]}}, "targetPort"),
        (SERVICES, {"spec": {"selectors": {}}}, "selector"),
        (DEPLOYMENTS, {"spec": {"template": {"spec": {"container": []}}}}, "containers"),
        (SERVICES, {"metadata": {"lables": {}}}, "labels"),
        (SERVICES, {"spec": {"zzz": {}}}, ""),
        (SERVICES, {"spec": {"type": 1}}, ""),
    ],
)
def test_a_near_miss_has_a_hint(resource: Resource, obj: JSON, hint: str) -> None:
    [fault] = strict_faults(resource, obj)
    assert hint_for(resource, fault) == hint


def test_faults_of_fields_are_in_the_order_in_which_they_are_written() -> None:
    written = read_json(b'{"spec": {"unknown": 1, "ports": [], "ports": [], "more": 2}}')
    assert [each.message for each in decode(SERVICES, written).unknown] == [
        'unknown field "spec.unknown"',
        'duplicate field "spec.ports"',
        'unknown field "spec.more"',
    ]


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"name": 1, "image": 2}, "Container.spec.containers.name"),
        ({"name": 1, "resources": {"limits": {"cpu": []}}}, "quantities must match"),
    ],
    ids=["the first", "the first that a type of its own finds"],
)
def test_of_several_wrong_types_one_is_told(container: JSON, told: str) -> None:
    decoded = decode(PODS, {"spec": {"containers": [container]}})
    assert len(decoded.mistyped) >= 2
    assert told in decoded.told

"""What Pods, Deployments, ReplicaSets and what all kinds have in common are refused for."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import (
    LABEL_VALUE,
    QUALIFIED,
    SUBDOMAIN,
    container,
    deployment,
    faults_of,
    namespace,
    pod,
    service,
)

from kubeapi.meta import JSON
from kubeapi.scheme import CONFIGMAPS, DEPLOYMENTS, EVENTS, NAMESPACES, PODS, SERVICES
from kubeapi.validation import names

C = "spec.containers[0]"


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"image": ""}, [f"{C}.image: Required value"]),
        ({"image": " nginx"}, [f'{C}.image: Invalid value: " nginx": must not have leading or trailing whitespace']),
        ({"name": ""}, [f"{C}.name: Required value"]),
        (
            {"imagePullPolicy": "Sometimes"},
            [
                f'{C}.imagePullPolicy: Unsupported value: "Sometimes": '
                'supported values: "Always", "IfNotPresent", "Never"'
            ],
        ),
        ({"ports": [{}]}, [f"{C}.ports[0].containerPort: Required value"]),
        (
            {"ports": [{"containerPort": 70000, "hostPort": -1}]},
            [
                f"{C}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
                f"{C}.ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            {"ports": [{"name": "http", "containerPort": 80}, {"name": "http", "containerPort": 81}]},
            [f'{C}.ports[1].name: Duplicate value: "http"'],
        ),
        ({"env": [{"value": "x"}]}, [f"{C}.env[0].name: Required value"]),
        (
            {"env": [{"name": "A=B"}]},
            [
                f'{C}.env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of '
                "printable ASCII characters other than '='"
            ],
        ),
        (
            {"env": [{"name": "A", "value": "x", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}]},
            [f'{C}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {}}}]},
            [
                f'{C}.env[0].valueFrom.configMapKeyRef.name: Invalid value: "": {SUBDOMAIN}',
                f"{C}.env[0].valueFrom.configMapKeyRef.key: Required value",
            ],
        ),
        (
            {"env": [{"name": "A", "valueFrom": {}}]},
            [
                f'{C}.env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, '
                "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            ],
        ),
        ({"envFrom": [{"configMapRef": {}}]}, [f"{C}.envFrom[0].configMapRef.name: Required value"]),
        (
            {"volumeMounts": [{"name": "no", "mountPath": "/a"}, {"name": "v"}]},
            [f'{C}.volumeMounts[0].name: Not found: "no"', f"{C}.volumeMounts[1].mountPath: Required value"],
        ),
        (
            {"resources": {"limits": {"cpu": "500m", "memory": "-1"}, "requests": {"cpu": "1", "memory": "-1"}}},
            [
                f'{C}.resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0',
                f'{C}.resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m',
                f'{C}.resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
            ],
        ),
        ({"livenessProbe": {}}, [f"{C}.livenessProbe: Required value: must specify a handler type"]),
        (
            {"livenessProbe": {"exec": {"command": ["true"]}, "tcpSocket": {"port": 80}}},
            [f"{C}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
        ),
        (
            {"livenessProbe": {"exec": {}, "successThreshold": 2, "periodSeconds": -1}},
            [
                f"{C}.livenessProbe.exec.command: Required value",
                f"{C}.livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
                f"{C}.livenessProbe.successThreshold: Invalid value: 2: must be 1",
            ],
        ),
        (
            {"readinessProbe": {"httpGet": {"port": 0, "scheme": "FTP"}}},
            [
                f"{C}.readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
                f'{C}.readinessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
            ],
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_faulty_container_is_refused(fields: JSON, faults: list[str]) -> None:
    assert faults_of(PODS, pod(volumes=[{"name": "v"}], containers=[container(**fields)])) == faults


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        ({"containers": []}, ["spec.containers: Required value"]),
        ({"containers": [container(), container()]}, ['spec.containers[1].name: Duplicate value: "app"']),
        (
            {"restartPolicy": "Sometimes"},
            ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
        ),
        ({"terminationGracePeriodSeconds": -1}, []),
        (
            {"activeDeadlineSeconds": 0},
            ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
        ),
        ({"volumes": [{"name": "v"}, {"name": "v"}]}, ['spec.volumes[1].name: Duplicate value: "v"']),
        (
            {"hostAliases": [{"ip": "x", "hostnames": ["A"]}]},
            [
                'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, '
                "(e.g. 10.9.8.7 or 2001:db8::ffff)",
                f'spec.hostAliases[0].hostnames[0]: Invalid value: "A": {SUBDOMAIN}',
            ],
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_faulty_pod_is_refused(spec: JSON, faults: list[str]) -> None:
    assert faults_of(PODS, pod(**spec)) == faults


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        ({"replicas": -1}, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
        (
            {"selector": None},
            [
                "spec.selector: Required value",
                'spec.template.metadata.labels: Invalid value: {"app":"web"}: '
                "`selector` does not match template `labels`",
            ],
        ),
        (
            {"selector": {}},
            ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
        ),
        (
            {"selector": {"matchLabels": {"app": "other"}}},
            [
                'spec.template.metadata.labels: Invalid value: {"app":"web"}: '
                "`selector` does not match template `labels`"
            ],
        ),
        (
            {"selector": {"matchExpressions": [{"key": "app", "operator": "Foo"}]}},
            [
                'spec.selector.matchExpressions[0].operator: Invalid value: "Foo": not a valid selector operator',
                'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"Foo"}]}: '
                "invalid label selector",
            ],
        ),
        (
            {"selector": {"matchExpressions": [{"key": "app", "operator": "In"}]}},
            [
                "spec.selector.matchExpressions[0].values: Required value: "
                "must be specified when `operator` is 'In' or 'NotIn'",
                'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"In"}]}: '
                "invalid label selector",
            ],
        ),
        (
            {"template": None},
            [
                "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
                "spec.template.spec.containers: Required value",
            ],
        ),
        (
            {"template_spec": {"containers": [container()], "ephemeralContainers": [container("d")]}},
            ["spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"],
        ),
        (
            {"template_spec": {"hostNetwork": True, "containers": [container(ports=[{"containerPort": 80}])]}},
            [],
        ),
        (
            {
                "template_spec": {
                    "hostNetwork": True,
                    "containers": [container(ports=[{"containerPort": 80, "hostPort": 81}])],
                }
            },
            [
                "spec.template.spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` "
                "when `hostNetwork` is true"
            ],
        ),
        ({"template_spec": {"containers": [container(image=" x")]}}, []),
        (
            {"template_spec": {"containers": [container()], "restartPolicy": "Never"}},
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
        ),
        (
            {"strategy": {"type": "Foo"}},
            [
                'spec.strategy: Unsupported value: {"Type":"Foo","RollingUpdate":null}: '
                'supported values: "Recreate", "RollingUpdate"'
            ],
        ),
        (
            {"strategy": {"type": "Recreate", "rollingUpdate": {}}},
            ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
        ),
        (
            {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}},
            ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
        ),
        (
            {"strategy": {"rollingUpdate": {"maxUnavailable": "101%", "maxSurge": "101%"}}},
            ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
        ),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": "ten"}}},
            [
                'spec.strategy.rollingUpdate.maxSurge: Invalid value: "ten": a valid percent string must be a numeric '
                "string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
            ],
        ),
        (
            {"progressDeadlineSeconds": 5, "minReadySeconds": 5},
            ["spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"],
        ),
    ],
    ids=lambda value: f"{value}" if isinstance(value, dict) else "",
)
def test_a_faulty_deployment_is_refused(spec: Any, faults: list[str]) -> None:
    assert faults_of(DEPLOYMENTS, deployment(**spec)) == faults


@pytest.mark.parametrize(
    ("metadata", "faults"),
    [
        ({"labels": {"a b": "c"}}, [f'metadata.labels: Invalid value: "a b": name part {QUALIFIED}']),
        ({"labels": {"a": "-c"}}, [f'metadata.labels: Invalid value: "-c": {LABEL_VALUE}']),
        ({"labels": {"/a": ""}}, ['metadata.labels: Invalid value: "/a": prefix part must be non-empty']),
        (
            {"annotations": {"a/b/c": ""}},
            [
                f'metadata.annotations: Invalid value: "a/b/c": a valid label key {QUALIFIED} with an optional DNS '
                "subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ],
        ),
        (
            {"annotations": {"a": "x" * 300_000}},
            ["metadata.annotations: Too long: may not be more than 262144 bytes"],
        ),
        (
            {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": ""}]},
            ['metadata.ownerReferences[0].uid: Invalid value: "": uid must not be empty'],
        ),
        (
            {
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": name, "controller": True} for name in "ab"
                ]
            },
            [
                'metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"a","uid":"a",'
                '"controller":true},{"apiVersion":"v1","kind":"Pod","name":"b","uid":"b","controller":true}]: '
                'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b'
            ],
        ),
        ({"generateName": "A-"}, [f'metadata.generateName: Invalid value: "A-": {SUBDOMAIN}']),
    ],
    ids=[
        "label key",
        "label value",
        "no prefix",
        "two slashes",
        "too much",
        "owner",
        "two controllers",
        "generateName",
    ],
)
def test_faulty_metadata_is_refused(metadata: JSON, faults: list[str]) -> None:
    assert faults_of(PODS, pod(metadata=metadata)) == faults


def test_names_have_the_form_of_their_kind() -> None:
    assert faults_of(PODS, pod("a.b")) == []
    assert faults_of(DEPLOYMENTS, deployment("web.1"))[:1] == []
    assert faults_of(NAMESPACES, namespace("a.b")) == ['metadata.name: Invalid value: "a.b": must not contain dots']
    assert faults_of(NAMESPACES, namespace("A"))[0].startswith(
        'metadata.name: Invalid value: "A": a lowercase RFC 1123 label'
    )
    assert faults_of(SERVICES, service("a.b")) == ['metadata.name: Invalid value: "a.b": must not contain dots']
    assert faults_of(SERVICES, service("1web")) == []


def test_a_namespace_has_no_namespace() -> None:
    obj = {"metadata": {"name": "x", "namespace": "default"}}
    assert faults_of(NAMESPACES, obj) == ["metadata.namespace: Forbidden: not allowed on this type"]


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        (
            {"data": {"a": "x"}, "binaryData": {"a": "AA=="}},
            ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
        ),
        ({"data": {"..": ""}}, ["data[..]: Invalid value: \"..\": must not be '..'"]),
        ({"data": {"..a": ""}}, ["data[..a]: Invalid value: \"..a\": must not start with '..'"]),
        ({"data": {"a": "x" * 1_048_577}}, ["[]: Too long: may not be more than 1048576 bytes"]),
    ],
    ids=["twice", "dots", "begins with dots", "too much"],
)
def test_a_faulty_config_map_is_refused(fields: JSON, faults: list[str]) -> None:
    assert faults_of(CONFIGMAPS, {"metadata": {"name": "web"}, **fields}) == faults


def test_a_key_of_a_config_map_has_its_letters() -> None:
    [fault] = faults_of(CONFIGMAPS, {"metadata": {"name": "web"}, "data": {"a/b": ""}})
    assert fault.startswith('data[a/b]: Invalid value: "a/b": a valid config key must consist of')


def test_an_event_lies_where_its_object_lies() -> None:
    event = {"metadata": {"name": "e"}, "involvedObject": {"namespace": "other"}}
    assert faults_of(EVENTS, event) == [
        'involvedObject.namespace: Invalid value: "other": does not match event.namespace'
    ]


@pytest.mark.parametrize(
    ("judge", "good", "bad"),
    [
        (names.dns1123_label, ("a", "1a", "a-b", "a" * 63), ("", "A", "-a", "a-", "a.b", "a" * 64, "ä", "a\n")),
        (names.dns1123_subdomain, ("a", "a.b", "1.2"), ("", ".", "a..b", "a.", "A.b", "a" * 254, "a\n")),
        (names.dns1035_label, ("a", "a1"), ("", "1a", "a.b", "a\n")),
        (names.qualified_name, ("a", "A_b.c", "x.y/Z"), ("", "/a", "a/", "X/a", "a/b/c", "-a", "a" * 64)),
        (names.label_value, ("", "a", "A_1"), ("-", "a b", "a" * 64, "a\n")),
        (names.port_name, ("http", "a1"), ("", "1", "a--b", "-a", "a-", "A", "a" * 16)),
        (names.config_key, ("a", "A_b.c-d"), ("", "a/b", ".", "..", "..a", "a" * 254)),
        (names.environment_variable, ("A", "a.b", "1 2"), ("A=B", "ä", "a\n")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_good_and_bad_names(judge: Any, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    assert {each: judge(each) for each in good} == dict.fromkeys(good, ())
    assert [each for each in bad if not judge(each)] == []

"""What a real server advises the writer of a pod."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapi.podspec.warnings.advice import pod_advice
from kubeapi.podspec.warnings.combined import named_template_warnings, pod_warnings
from kubeapi.registryconfig import RegistryConfig
from kubeapi.validation.warnings import warning_text

NULL = "a null labelSelector results in matching no pod"
OLD_ARCH = 'deprecated since v1.14; use "kubernetes.io/arch" instead'
TERM = {"topologyKey": "kubernetes.io/hostname"}


def advice(**spec: Any) -> list[str]:
    return [warning_text(each) for each in pod_advice({}, {"containers": [{"name": "c"}], **spec}, "")]


def ports(*given: dict[str, Any]) -> list[str]:
    return advice(containers=[{"name": "c", "ports": [{"protocol": "TCP", **each} for each in given]}])


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ([{"containerPort": 80}, {"containerPort": 81}, {"containerPort": 80, "protocol": "UDP"}], []),
        (
            [{"containerPort": 80}, {"containerPort": 80}],
            ["duplicate port definition with spec.containers[0].ports[0]"],
        ),
        (
            [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 80}],
            ["overlapping port definition with spec.containers[0].ports[0]"],
        ),
        (
            [{"containerPort": 80, "hostPort": 81}, {"containerPort": 80, "hostPort": 81, "hostIP": "127.0.0.1"}],
            ["dangerously ambiguous port definition with spec.containers[0].ports[0]"],
        ),
        ([{"containerPort": 80, "hostPort": 81}, {"containerPort": 80, "hostPort": 82}], []),
        (
            [{"containerPort": 80, "name": "web"}, {"containerPort": 81, "name": "web"}],
            [
                'duplicate port name "web" with spec.containers[0].ports[0], services and probes that select ports by '
                "name will use spec.containers[0].ports[0]"
            ],
        ),
    ],
    ids=["distinct", "equal", "one with a host port", "one with a host address", "two host ports", "named alike"],
)
def test_ports_that_are_alike(given: list[dict[str, Any]], texts: list[str]) -> None:
    assert ports(*given) == [f"spec.containers[0].ports[1]: {each}" for each in texts]


def test_a_host_address_without_a_host_port() -> None:
    assert ports({"containerPort": 80, "hostIP": "1.2.3.4"}) == [
        "spec.containers[0].ports[0]: hostIP set without hostPort: "
        "{Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.2.3.4}"
    ]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"terminationGracePeriodSeconds": -1}, "must be >= 0; negative values are invalid and will be treated as 1"),
        ({"imagePullSecrets": [{}]}, '[0].name: invalid empty name ""'),
        ({"imagePullSecrets": [{"name": "a"}, {"name": "a"}]}, '[1].name: duplicate name "a"'),
        ({"hostAliases": [{"ip": "1.2.3.4"}, {"ip": "1.2.3.4"}]}, '[1].ip: duplicate ip "1.2.3.4"'),
        ({"hostAliases": [{"ip": "1.2.3.04"}]}, 'non-standard IP address "1.2.3.04" is invalid: use "1.2.3.4"'),
        ({"dnsConfig": {"nameservers": ["FD00::1"]}}, "should be in RFC 5952 canonical format"),
        ({"nodeSelector": {"beta.kubernetes.io/arch": "x"}}, f"spec.nodeSelector[beta.kubernetes.io/arch]: {OLD_ARCH}"),
        ({"topologySpreadConstraints": [TERM]}, f"spec.topologySpreadConstraints[0].labelSelector: {NULL}"),
        (
            {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}}},
            f"podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: {NULL}",
        ),
        (
            {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{}]}}},
            f"preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: {NULL}",
        ),
        (
            {"volumes": [{"name": "v", "gitRepo": {}}]},
            "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
        ),
        (
            {
                "volumes": [
                    {"name": "v", "configMap": {"name": "m", "items": [{"path": "a/b"}, {"path": "ab"}, {"path": "a"}]}}
                ]
            },
            'volume "v" (ConfigMap "m"): overlapping paths: "a" with "a/b"',
        ),
        (
            {
                "volumes": [
                    {
                        "name": "v",
                        "projected": {
                            "sources": [
                                {"secret": {"name": "s", "items": [{"path": "token"}]}},
                                {"serviceAccountToken": {"path": "token"}},
                            ]
                        },
                    }
                ]
            },
            'volume "v" (Projected): overlapping paths: "token" (ServiceAccountToken) with "token" (Secret "s")',
        ),
    ],
)
def test_what_is_hardly_meant(spec: dict[str, Any], text: str) -> None:
    (found,) = advice(**spec)
    assert found.endswith(text) or text in found


@pytest.mark.parametrize(
    ("second", "is_hidden"),
    [({"value": "b"}, True), ({"value": "$(A)"}, True), ({"value": "$(A)b"}, False), ({"valueFrom": {"x": 1}}, True)],
)
def test_a_variable_that_hides_another(second: dict[str, Any], is_hidden: bool) -> None:
    variables = [{"name": "A", "value": "a"}, {"name": "A", **second}]
    text = 'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'
    assert advice(containers=[{"name": "c", "env": variables}]) == ([text] if is_hidden else [])


def test_old_labels_of_nodes_in_an_affinity() -> None:
    field = "requiredDuringSchedulingIgnoredDuringExecution"
    terms = [{"matchExpressions": [{"key": "beta.kubernetes.io/arch", "operator": "In", "values": ["x"]}]}]
    path = f"spec.affinity.nodeAffinity.{field}.nodeSelectorTerms[0].matchExpressions[0].key"
    assert advice(affinity={"nodeAffinity": {field: {"nodeSelectorTerms": terms}}}) == [
        f"{path}: beta.kubernetes.io/arch is {OLD_ARCH}"
    ]


def test_an_update_of_a_pod_is_quiet_and_one_of_a_template_is_not() -> None:
    config = RegistryConfig()
    spec = {"containers": [{"name": "c"}], "terminationGracePeriodSeconds": -1}
    pod = {"metadata": {"name": "p"}, "spec": spec}
    assert pod_warnings(None, pod, config)
    assert not pod_warnings({**pod, "spec": {"containers": []}}, pod, config)
    workload = {"metadata": {"name": "p"}, "spec": {"template": {"spec": spec}}}
    path = "spec.template.spec.terminationGracePeriodSeconds"
    assert [
        each.field
        for each in named_template_warnings({**workload, "spec": {"template": {"spec": {}}}}, workload, config)
    ] == [path]
    assert not named_template_warnings(workload, workload, config)


def test_a_name_that_is_no_host_name() -> None:
    pod = {"metadata": {"name": "a.b"}, "spec": {"containers": []}}
    (found,) = pod_warnings(None, pod, RegistryConfig())
    assert str(found).startswith("metadata.name: this is used in the Pod's hostname, which can result in surprising ")

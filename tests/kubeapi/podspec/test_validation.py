"""What the spec of a Pod is refused for, in the words of a real server: 1.32's, but structs are JSON, as since 1.34."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import LABEL_VALUE, QUALIFIED, container, faults_of, new_registry, pod

from kubeapi.meta import JSON
from kubeapi.scheme import NAMESPACES, PODS
from kubeapi.status import Invalid

NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def spread(**fields: object) -> JSON:
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **fields}
    return {"topologySpreadConstraints": [constraint]}


def node_affinity(**requirement: object) -> JSON:
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}}}}


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        ({"dnsPolicy": "None"}, ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]),
        (
            {"dnsPolicy": "None", "dnsConfig": {"searches": ["a"]}},
            [
                "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` "
                "is None"
            ],
        ),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.1"]}}, []),
        (
            {"dnsConfig": {"nameservers": ["10.0.0.1", "10.0.0.2", "10.0.0.3", "foo"]}},
            [
                'spec.dnsConfig.nameservers: Invalid value: ["10.0.0.1","10.0.0.2","10.0.0.3","foo"]: '
                "must not have more than 3 nameservers",
                f'spec.dnsConfig.nameservers[3]: Invalid value: "foo": {NO_ADDRESS}',
            ],
        ),
        ({"dnsConfig": {"searches": ["a.b", "_tcp.a", "a_b.", "."]}}, []),
        (
            {"dnsConfig": {"searches": ["A"]}},
            [
                'spec.dnsConfig.searches[0]: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower '
                "case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character "
                r"(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?"
                r"(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ],
        ),
        (
            {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}, {}]}},
            ["spec.dnsConfig.options[1]: Required value: must not be empty"],
        ),
    ],
    ids=[
        "None needs a config",
        "None needs a server",
        "None with one",
        "too many servers",
        "searches",
        "bad search",
        "bad option",
    ],
)
def test_the_dns_configuration(spec: JSON, faults: list[str]) -> None:
    assert faults_of(PODS, pod(**spec)) == faults


@pytest.mark.parametrize(
    ("toleration", "faults"),
    [
        ({"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}, []),
        ({"operator": "Exists"}, []),
        (
            {"key": "a", "operator": "Lt", "value": "1"},
            ['operator: Unsupported value: "Lt": supported values: "Equal", "Exists", "Lt", "Gt"'],
        ),
        (
            {"key": "a", "operator": "Foo"},
            ['operator: Unsupported value: "Foo": supported values: "Equal", "Exists"'],
        ),
        (
            {"key": "a", "operator": "Exists", "value": "b"},
            ["operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'"],
        ),
        ({"key": "a", "value": "b c"}, [f'operator: Invalid value: "b c": {LABEL_VALUE}']),
        (
            {"value": "b"},
            [
                'operator: Invalid value: "": operator must be Exists when `key` is empty, which means '
                '"match all values and all keys"'
            ],
        ),
        (
            {"key": "a", "effect": "Foo"},
            ['effect: Unsupported value: "Foo": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'],
        ),
        (
            {"key": "a", "effect": "NoSchedule", "tolerationSeconds": 5},
            ["effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set"],
        ),
        ({"key": "a b"}, [f'key: Invalid value: "a b": name part {QUALIFIED}']),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_tolerations_are_refused_with_their_faults(toleration: JSON, faults: list[str]) -> None:
    assert faults_of(PODS, pod(tolerations=[toleration])) == [f"spec.tolerations[0].{fault}" for fault in faults]


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        (spread(), []),
        (spread(maxSkew=0), ["maxSkew: Invalid value: 0: must be greater than zero"]),
        (spread(topologyKey=""), ["topologyKey: Required value: can not be empty"]),
        (
            spread(whenUnsatisfiable="Foo"),
            [
                'whenUnsatisfiable: Unsupported value: "Foo": supported values: "DoNotSchedule", "ScheduleAnyway"',
            ],
        ),
        (
            spread(whenUnsatisfiable="ScheduleAnyway", minDomains=0),
            [
                "minDomains: Invalid value: 0: must be greater than zero",
                "minDomains: Invalid value: 0: can only use minDomains if whenUnsatisfiable=DoNotSchedule, "
                "not ScheduleAnyway",
            ],
        ),
        (
            spread(nodeTaintsPolicy="Foo"),
            ['nodeTaintsPolicy: Unsupported value: "Foo": supported values: "Honor", "Ignore"'],
        ),
        (
            spread(matchLabelKeys=["a"]),
            ["matchLabelKeys: Forbidden: must not be specified when labelSelector is not set"],
        ),
        (
            spread(matchLabelKeys=["A!"], labelSelector={}),
            ['matchLabelKeys[0]: Invalid value: "A!": name part ' + QUALIFIED],
        ),
        (
            {"topologySpreadConstraints": 2 * spread()["topologySpreadConstraints"]},
            ['{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"'],
        ),
    ],
    ids=[
        "good",
        "skew",
        "key",
        "action",
        "domains",
        "policy",
        "keys without a selector",
        "a key that is none",
        "a constraint twice",
    ],
)
def test_spread_constraints_are_refused_with_their_faults(spec: JSON, faults: list[str]) -> None:
    assert faults_of(PODS, pod(**spec)) == [f"spec.topologySpreadConstraints[0].{fault}" for fault in faults]


AT = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0]"
NEAR = f"spec.affinity.podAffinity.{REQUIRED}[0]"


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        (node_affinity(key="a", operator="In", values=["b"]), []),
        (node_affinity(key="a", operator="Gt", values=["1"]), []),
        (
            node_affinity(key="a", operator="Foo"),
            [f'{AT}.operator: Invalid value: "Foo": not a valid selector operator'],
        ),
        (
            node_affinity(key="a", operator="In"),
            [f"{AT}.values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
        ),
        (
            node_affinity(key="a", operator="Exists", values=["b"]),
            [f"{AT}.values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"],
        ),
        (
            node_affinity(key="a", operator="Lt", values=["1", "2"]),
            [f"{AT}.values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'"],
        ),
        (
            {"affinity": {"nodeAffinity": {REQUIRED: {}}}},
            [
                f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms: Required value: must have at least one node "
                "selector term"
            ],
        ),
        (
            {"affinity": {"nodeAffinity": {PREFERRED: [{"weight": 101, "preference": {}}]}}},
            [f"spec.affinity.nodeAffinity.{PREFERRED}[0].weight: Invalid value: 101: must be in the range 1-100"],
        ),
        (
            {"affinity": {"podAffinity": {REQUIRED: [{"labelSelector": {}, "namespaces": ["A"]}]}}},
            [
                f'{NEAR}.namespace: Invalid value: "A": {LABEL}',
                f"{NEAR}.topologyKey: Required value: can not be empty",
                f'{NEAR}.topologyKey: Invalid value: "": name part must be non-empty',
                f'{NEAR}.topologyKey: Invalid value: "": name part {QUALIFIED}',
            ],
        ),
    ],
    ids=["in", "greater", "operator", "no value", "a value too many", "two numbers", "no term", "weight", "no key"],
)
def test_affinity_is_refused_with_its_faults(spec: JSON, faults: list[str]) -> None:
    assert faults_of(PODS, pod(**spec)) == faults


S = "spec.containers[0].securityContext"


def go_context(**fields: object) -> str:
    nulls = dict.fromkeys(
        (
            "Capabilities",
            "Privileged",
            "SELinuxOptions",
            "WindowsOptions",
            "RunAsUser",
            "RunAsGroup",
            "RunAsNonRoot",
            "ReadOnlyRootFilesystem",
            "AllowPrivilegeEscalation",
            "ProcMount",
            "SeccompProfile",
            "AppArmorProfile",
        ),
        "null",
    )
    return "{" + ",".join(f'"{name}":{value}' for name, value in {**nulls, **fields}.items()) + "}"


@pytest.mark.parametrize(
    ("context", "faults"),
    [
        ({"runAsUser": -1}, ["runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"]),
        ({"runAsUser": 0, "privileged": True}, []),
        ({"procMount": "Foo"}, ['procMount: Unsupported value: "Foo": supported values: "Default", "Unmasked"']),
        (
            {"seccompProfile": {"type": "Localhost"}},
            ["seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost"],
        ),
        (
            {"appArmorProfile": {"type": "Foo"}},
            [
                'appArmorProfile.type: Unsupported value: "Foo": supported values: "Localhost", "RuntimeDefault", '
                '"Unconfined"'
            ],
        ),
    ],
    ids=["user", "root", "procMount", "seccomp", "AppArmor"],
)
def test_the_security_context_of_a_container(context: JSON, faults: list[str]) -> None:
    made = pod(containers=[container(securityContext=context)])
    assert faults_of(PODS, made) == [f"{S}.{fault}" for fault in faults]


def test_a_privileged_container_may_escalate() -> None:
    context = {"privileged": True, "allowPrivilegeEscalation": False}
    value = go_context(Privileged="true", AllowPrivilegeEscalation="false")
    assert faults_of(PODS, pod(containers=[container(securityContext=context)])) == [
        f"{S}: Invalid value: {value}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
    ]


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        (
            {"securityContext": {"runAsUser": -1, "fsGroup": 2**31, "supplementalGroups": [1, -1]}},
            [
                "spec.securityContext.fsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive",
                "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                "spec.securityContext.supplementalGroups[1]: Invalid value: -1: must be between 0 and 2147483647, "
                "inclusive",
            ],
        ),
        (
            {"securityContext": {"sysctls": [{"name": "net.core.somaxconn"}]}, "hostNetwork": True},
            [
                'spec.securityContext.sysctls[0].name: Invalid value: "net.core.somaxconn": may not be specified when '
                "'hostNetwork' is true"
            ],
        ),
        (
            {"hostUsers": False, "hostNetwork": True},
            ["spec.hostNetwork: Forbidden: when `hostUsers` is false"],
        ),
        (
            {"hostNetwork": True, "containers": [container(ports=[{"containerPort": 80, "hostPort": 81}])]},
            [
                "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when "
                "`hostNetwork` is true"
            ],
        ),
        (
            {"containers": [container(name, ports=[{"containerPort": 80, "hostPort": 8080}]) for name in ("a", "b")]},
            ['spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//8080"'],
        ),
        (
            {"ephemeralContainers": [container("debug")]},
            ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
        ),
        (
            {"nodeName": "node-1", "schedulingGates": [{"name": "a"}]},
            ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
        ),
        ({"terminationGracePeriodSeconds": -1}, []),
        (
            {
                "containers": [
                    container(
                        restartPolicy="Sometimes",
                        restartPolicyRules=[
                            {"action": "Stop", "exitCodes": {"operator": "Is", "values": [42]}},
                            {"action": "Restart"},
                        ],
                    )
                ]
            },
            [
                'spec.containers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", '
                '"Never", "OnFailure"',
                'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: '
                '"Restart", "RestartAllContainers"',
                'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "Is": supported '
                'values: "In", "NotIn"',
                "spec.containers[0].restartPolicyRules[1].exitCodes: Required value: must be specified",
            ],
        ),
        (
            {"initContainers": [container("i", lifecycle={"preStop": {"sleep": {"seconds": 1}}})]},
            [
                "spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without "
                "restartPolicy=Always"
            ],
        ),
        (
            {"containers": [container(lifecycle={"preStop": {"sleep": {"seconds": 31}}})]},
            [
                "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than "
                "terminationGracePeriodSeconds (30)"
            ],
        ),
        (
            {"os": {"name": "plan9"}},
            ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
        ),
    ],
    ids=[
        "ids",
        "sysctls",
        "users",
        "the host's ports",
        "one port twice",
        "ephemeral containers",
        "gates",
        "grace",
        "restartPolicy",
        "hooks of init containers",
        "sleep",
        "system",
    ],
)
def test_the_rest_of_a_pod(spec: JSON, faults: list[str]) -> None:
    assert faults_of(PODS, pod(**spec)) == faults


R = "spec.containers[0].resources"


@pytest.mark.parametrize(
    ("resources", "faults"),
    [
        (
            {"limits": {"cpu": "1", "memory": "1Gi", "example.com/gpu": "1"}, "requests": {"ephemeral-storage": "1"}},
            [],
        ),
        (
            {"requests": {"foo": "1"}},
            [
                f'{R}.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
                f'{R}.requests[foo]: Invalid value: "foo": must be a standard resource for containers',
            ],
        ),
        (
            {"requests": {"pods": "1"}},
            [f'{R}.requests[pods]: Invalid value: "pods": must be a standard resource for containers'],
        ),
        (
            {"requests": {"example.com/gpu": "500m"}},
            [
                f'{R}.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
                f"{R}.limits: Required value: Limit must be set for non overcommitable resources",
            ],
        ),
        (
            {"requests": {"hugepages-2Mi": "2Mi"}, "limits": {"hugepages-2Mi": "2Mi"}},
            [f"{R}: Forbidden: HugePages require cpu or memory"],
        ),
        (
            {"claims": [{"name": "a"}]},
            [f'{R}.claims[0]: Not found: "a": must be one of the names in pod.spec.resourceClaims which is empty'],
        ),
    ],
    ids=["good", "no such resource", "a quota's", "half a device", "huge pages alone", "claims"],
)
def test_resources_are_refused_with_their_faults(resources: JSON, faults: list[str]) -> None:
    assert faults_of(PODS, pod(containers=[container(resources=resources)])) == faults


@pytest.mark.parametrize(
    ("volume", "faults"),
    [
        ({"hostPath": {"path": "/a/../b"}}, ["hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"]),
        ({"secret": {}}, ["secret.secretName: Required value"]),
        (
            {"configMap": {"name": "a", "items": [{"key": "k", "path": "/x", "mode": 512}]}},
            [
                'configMap.items[0].path: Invalid value: "/x": must be a relative path',
                "configMap.items[0].mode: Invalid value: 512: must be a number between 0 and 0777 (octal), both "
                "inclusive",
            ],
        ),
        (
            {"emptyDir": {}, "hostPath": {"path": "/"}},
            ["hostPath: Forbidden: may not specify more than 1 volume type"],
        ),
        ({"persistentVolumeClaim": {}}, ["persistentVolumeClaim.claimName: Required value"]),
        (
            {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "status.podIP"}}]}},
            [
                'downwardAPI.fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: '
                '"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"'
            ],
        ),
    ],
    ids=["up", "no name", "items", "two sources", "claim", "downward"],
)
def test_volumes_are_refused_with_their_faults(volume: JSON, faults: list[str]) -> None:
    made = pod(volumes=[{"name": "v", **volume}])
    assert faults_of(PODS, made) == [f"spec.volumes[0].{fault}" for fault in faults]


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ({"clusterTrustBundle": {"name": "a:b:c", "path": "x"}}, []),
        (
            {"clusterTrustBundle": {"path": "x"}},
            ["clusterTrustBundle: Required value: either name or signerName must be specified"],
        ),
        (
            {"clusterTrustBundle": {"signerName": "a.b", "path": "x"}},
            [
                'clusterTrustBundle.signerName: Invalid value: "a.b": must be a fully qualified domain and path of the '
                "form 'example.com/signer-name'"
            ],
        ),
        ({"podCertificate": {"signerName": "a.b/c", "keyType": "ED25519", "keyPath": "k"}}, []),
        (
            {"podCertificate": {"signerName": "a/c", "keyType": "ED25519", "maxExpirationSeconds": 3599}},
            [
                'podCertificate.signerName: Invalid value: "a": should be a domain with at least two segments '
                "separated by dots",
                "podCertificate.maxExpirationSeconds: Invalid value: 3599: if provided, maxExpirationSeconds must be "
                ">= 3600",
                "podCertificate: Required value: specify at least one of credentialBundlePath, keyPath, and "
                "certificateChainPath",
            ],
        ),
        (
            {
                "podCertificate": {
                    "signerName": "x.kubernetes.io/c",
                    "keyType": "ED25519",
                    "maxExpirationSeconds": 86401,
                    "keyPath": "k",
                }
            },
            [
                "podCertificate.maxExpirationSeconds: Invalid value: 86401: if provided, maxExpirationSeconds must be "
                "<= 86400"
            ],
        ),
    ],
)
def test_certificates_of_a_projected_volume(source: JSON, faults: list[str]) -> None:
    made = pod(volumes=[{"name": "v", "projected": {"sources": [source]}}])
    assert faults_of(PODS, made) == [f"spec.volumes[0].projected.sources[0].{fault}" for fault in faults]


@pytest.mark.parametrize(
    ("path", "faults"),
    [
        ("metadata.labels['a']", []),
        ("status.podIP", []),
        (
            "status.phase",
            [
                '.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", '
                '"metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", '
                '"status.hostIPs", "status.podIP", "status.podIPs"'
            ],
        ),
        (
            "spec.foo",
            ['.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo'],
        ),
        ("metadata.labels['a b']", [f': Invalid value: "a b": name part {QUALIFIED}']),
    ],
)
def test_references_to_fields(path: str, faults: list[str]) -> None:
    variable = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}
    where = "spec.containers[0].env[0].valueFrom.fieldRef"
    assert faults_of(PODS, pod(containers=[container(env=[variable])])) == [f"{where}{fault}" for fault in faults]


def test_a_finalizer_has_a_domain_or_is_one_of_kubernetes_own() -> None:
    finalizers = ["example.com/x", "kubernetes", "orphan", "foo", "a b"]
    assert faults_of(PODS, pod(metadata={"finalizers": finalizers})) == [
        'metadata.finalizers[3]: Invalid value: "foo": name is neither a standard finalizer name nor is it fully '
        "qualified",
        f'metadata.finalizers: Invalid value: "a b": name part {QUALIFIED}',
        'metadata.finalizers[4]: Invalid value: "a b": name is neither a standard finalizer name nor is it fully '
        "qualified",
    ]


def test_a_namespace_keeps_what_it_waits_for() -> None:
    waiting: JSON = {"metadata": {"name": "x"}, "spec": {"finalizers": ["example.com/x"]}}
    created = new_registry().create(NAMESPACES, waiting)
    assert created["spec"] == {"finalizers": ["example.com/x", "kubernetes"]}
    assert faults_of(NAMESPACES, {"metadata": {"name": "x"}, "spec": {"finalizers": ["foo"]}}) == [
        'spec.finalizers: Invalid value: "foo": name is neither a standard finalizer name nor is it fully qualified'
    ]


def test_a_fault_that_is_found_twice_is_told_once() -> None:
    registry = new_registry()
    obj = pod(metadata={"labels": {"a": "b c", "d": "b c"}})
    with pytest.raises(Invalid) as refusal:
        registry.create(PODS, obj)
    assert len(refusal.value.causes) == 1
    assert refusal.value.message.startswith('Pod "web" is invalid: metadata.labels: Invalid value: "b c": a valid')
    assert refusal.value.message.count("b c") == 1

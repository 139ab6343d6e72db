"""What a Service is refused for, and in which words: the rows of Kubernetes' own ValidateService."""

from __future__ import annotations

import json

import pytest
from tests.helpers.kubeapi.objects import faults_of, new_registry, service, update_faults_of

from kubeapi.balancing import Option, OptionsError, hash_on, read_options
from kubeapi.kinds.service.validation import validate_service_update
from kubeapi.meta import JSON
from kubeapi.scheme import SERVICES

PORT_RANGE = "must be between 1 and 65535, inclusive"
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
ONLY_LB = "may only be used when `type` is 'LoadBalancer'"


def port(**fields: object) -> JSON:
    return {"port": 80, **fields}


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        pytest.param(
            {"ports": [{"port": 70000, "targetPort": 80}]},
            [f"spec.ports[0].port: Invalid value: 70000: {PORT_RANGE}"],
            id="port out of range",
        ),
        pytest.param(
            {"ports": [{"port": 0}]},
            [
                f"spec.ports[0].port: Invalid value: 0: {PORT_RANGE}",
                f"spec.ports[0].targetPort: Invalid value: 0: {PORT_RANGE}",
            ],
            id="port zero",
        ),
        pytest.param(
            {"ports": [port(targetPort=70000)]},
            [f"spec.ports[0].targetPort: Invalid value: 70000: {PORT_RANGE}"],
            id="targetPort out of range",
        ),
        pytest.param(
            {"ports": [port(targetPort="a-name-too-long-for-it")]},
            ['spec.ports[0].targetPort: Invalid value: "a-name-too-long-for-it": must be no more than 15 characters'],
            id="targetPort name too long",
        ),
        pytest.param(
            {"ports": [port(targetPort="A_B")]},
            [
                'spec.ports[0].targetPort: Invalid value: "A_B": must contain only alpha-numeric characters'
                " (a-z, 0-9), and hyphens (-)",
                'spec.ports[0].targetPort: Invalid value: "A_B": must contain at least one letter (a-z)',
            ],
            id="targetPort name with bad letters",
        ),
        pytest.param(
            {"ports": [port(targetPort="-a--b")]},
            [
                'spec.ports[0].targetPort: Invalid value: "-a--b": must not contain consecutive hyphens',
                'spec.ports[0].targetPort: Invalid value: "-a--b": must not begin or end with a hyphen',
            ],
            id="targetPort name with bad hyphens",
        ),
        pytest.param(
            {"type": "NodePort", "ports": [port(nodePort=80)]},
            [
                "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. "
                "The range of valid ports is 30000-32767"
            ],
            id="nodePort out of range",
        ),
        pytest.param(
            {"type": "NodePort", "ports": [port(name="a", nodePort=30080), port(name="b", nodePort=30080)]},
            [
                "spec.ports[1].nodePort: Duplicate value: 30080",
                'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,'
                '"TargetPort":0,"NodePort":0}',
            ],
            id="nodePort twice",
        ),
        pytest.param(
            {"ports": [port(name="a"), port(name="b")]},
            [
                'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,'
                '"TargetPort":0,"NodePort":0}'
            ],
            id="port twice",
        ),
        pytest.param(
            {"ports": [port(nodePort=30080)]},
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
            id="nodePort on ClusterIP",
        ),
        pytest.param(
            {"ports": [port(name="a"), port(port=81)]},
            ["spec.ports[1].name: Required value"],
            id="two ports one unnamed",
        ),
        pytest.param(
            {"ports": [port(), port(port=81)]},
            ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
            id="two ports both unnamed",
        ),
        pytest.param(
            {"ports": [port(name="http"), port(name="http", port=81)]},
            ['spec.ports[1].name: Duplicate value: "http"'],
            id="port name twice",
        ),
        pytest.param(
            {"ports": [port(name="Bad_Name")]},
            [f'spec.ports[0].name: Invalid value: "Bad_Name": {LABEL}'],
            id="bad port name",
        ),
        pytest.param(
            {"ports": [port(protocol="ICMP")]},
            ['spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
            id="bad protocol",
        ),
        pytest.param({"ports": []}, ["spec.ports: Required value"], id="no ports"),
        pytest.param(
            {"clusterIP": "1.1.1.1"},
            [
                'spec.clusterIPs: Invalid value: ["1.1.1.1"]: failed to allocate IP 1.1.1.1: '
                "the provided network does not match the current range"
            ],
            id="clusterIP outside the CIDR",
        ),
        pytest.param(
            {"clusterIP": "foo"},
            ['spec.clusterIPs[0]: Invalid value: "foo": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
            id="clusterIP that is none",
        ),
        pytest.param(
            {"clusterIP": "127.96.0.7", "clusterIPs": ["127.96.0.8"]},
            ['spec.clusterIPs: Invalid value: ["127.96.0.8"]: first value must match `clusterIP`'],
            id="clusterIP and clusterIPs differ",
        ),
        pytest.param(
            {"type": "NodePort", "clusterIP": "None"},
            ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
            id="headless NodePort",
        ),
        pytest.param(
            {"type": "LoadBalancer", "clusterIP": "None"},
            ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services"],
            id="headless LoadBalancer",
        ),
        pytest.param({"type": "ExternalName"}, ["spec.externalName: Required value"], id="ExternalName without a name"),
        pytest.param(
            {"type": "ExternalName", "externalName": "a.example.", "clusterIP": "127.96.0.9", "ipFamilies": ["IPv4"]},
            [
                "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
                "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
            ],
            id="ExternalName with addresses",
        ),
        pytest.param(
            {"type": "Foo"},
            [
                'spec.type: Unsupported value: "Foo": supported values: '
                '"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
            ],
            id="bad type",
        ),
        pytest.param(
            {"sessionAffinity": "Foo"},
            ['spec.sessionAffinity: Unsupported value: "Foo": supported values: "ClientIP", "None"'],
            id="bad affinity",
        ),
        *(
            pytest.param(
                {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}}},
                [
                    f"spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: {seconds}: "
                    "must be greater than 0 and less than 86400"
                ],
                id=f"affinity for {seconds} s",
            )
            for seconds in (0, 86401)
        ),
        pytest.param(
            {"externalTrafficPolicy": "Local"},
            ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
            id="external policy on plain ClusterIP",
        ),
        pytest.param(
            {"type": "NodePort", "externalTrafficPolicy": "Foo"},
            ['spec.externalTrafficPolicy: Unsupported value: "Foo": supported values: "Cluster", "Local"'],
            id="bad external policy",
        ),
        pytest.param(
            {"internalTrafficPolicy": "Foo"},
            ['spec.internalTrafficPolicy: Unsupported value: "Foo": supported values: "Cluster", "Local"'],
            id="bad internal policy",
        ),
        pytest.param(
            {"healthCheckNodePort": 30555},
            [
                "spec.healthCheckNodePort: Invalid value: 30555: may only be set when `type` is 'LoadBalancer' and "
                "`externalTrafficPolicy` is 'Local'"
            ],
            id="health-check port without need",
        ),
        pytest.param(
            {"loadBalancerSourceRanges": ["10.0.0.0/8"]},
            [f"spec.LoadBalancerSourceRanges: Forbidden: {ONLY_LB}"],
            id="source ranges on ClusterIP",
        ),
        pytest.param(
            {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8 ", "10.0.0.1"]},
            [
                'spec.LoadBalancerSourceRanges[1]: Invalid value: "10.0.0.1": must be a valid CIDR value, '
                "(e.g. 10.9.8.0/24 or 2001:db8::/64)"
            ],
            id="bad source range beside one with a blank",
        ),
        pytest.param(
            {"allocateLoadBalancerNodePorts": False},
            [f"spec.allocateLoadBalancerNodePorts: Forbidden: {ONLY_LB}"],
            id="allocateLoadBalancerNodePorts on ClusterIP",
        ),
        pytest.param(
            {"loadBalancerClass": "x/y"}, [f"spec.loadBalancerClass: Forbidden: {ONLY_LB}"], id="class on ClusterIP"
        ),
        pytest.param(
            {"trafficDistribution": "Foo"},
            [
                'spec.trafficDistribution: Unsupported value: "Foo": supported values: '
                '"PreferClose", "PreferSameZone", "PreferSameNode"'
            ],
            id="bad distribution",
        ),
        pytest.param(
            {"externalIPs": ["0.0.0.0", "169.254.1.1", "224.0.0.5", "x"]},
            [
                'spec.externalIPs[0]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
                'spec.externalIPs[1]: Invalid value: "169.254.1.1": may not be in the link-local range '
                "(169.254.0.0/16, fe80::/10)",
                'spec.externalIPs[2]: Invalid value: "224.0.0.5": may not be in the link-local multicast range '
                "(224.0.0.0/24, ff02::/10)",
                'spec.externalIPs[3]: Invalid value: "x": must be a valid IP address, '
                "(e.g. 10.9.8.7 or 2001:db8::ffff)",
            ],
            id="special external addresses",
        ),
        pytest.param(
            {"externalIPs": ["::1", "239.1.1.1", "::", "fe80::1", "ff02::1", "127.0.0.1", "127.168.0.1"]},
            [
                'spec.externalIPs[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
                'spec.externalIPs[2]: Invalid value: "::": may not be unspecified (::)',
                'spec.externalIPs[3]: Invalid value: "fe80::1": may not be in the link-local range '
                "(169.254.0.0/16, fe80::/10)",
                'spec.externalIPs[4]: Invalid value: "ff02::1": may not be in the link-local multicast range '
                "(224.0.0.0/24, ff02::/10)",
                'spec.externalIPs[5]: Invalid value: "127.0.0.1": may not be in the loopback range '
                "(127.0.0.0/8, ::1/128)",
            ],
            id="special external IPv6 addresses and loopback",
        ),
    ],
)
def test_a_faulty_spec_is_refused_in_kubernetes_words(spec: JSON, faults: list[str]) -> None:
    assert faults_of(SERVICES, service(**spec)) == faults


@pytest.mark.parametrize(
    ("metadata", "fault"),
    [
        ({"name": "1Bad"}, f'metadata.name: Invalid value: "1Bad": {LABEL}'),
        ({"name": "a.b"}, 'metadata.name: Invalid value: "a.b": must not contain dots'),
        ({"name": "a" * 64}, f'metadata.name: Invalid value: "{"a" * 64}": must be no more than 63 characters'),
        (
            {"annotations": {"kubesvc.dev/balancer": "foo"}},
            'metadata.annotations[kubesvc.dev/balancer]: Unsupported value: "foo": supported values: "fair", "quick"',
        ),
        (
            {
                "annotations": {
                    "service.kubernetes.io/topology-mode": "Auto",
                    "service.kubernetes.io/topology-aware-hints": "Disabled",
                }
            },
            'metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "Auto": must match '
            "annotations[service.kubernetes.io/topology-aware-hints] when both are specified",
        ),
    ],
    ids=["capital letter", "dots", "too long", "unknown balancer", "contradicting topology annotations"],
)
def test_faulty_metadata_is_refused(metadata: JSON, fault: str) -> None:
    registry = new_registry(balancers={"fair": (), "quick": ()}, default_balancer="fair")
    assert faults_of(SERVICES, service(metadata=metadata), registry) == [fault]


CHOICES = Option("choices", 2, "how many", 2, 10)
FACTOR = Option("factor", 1.25, "how much", 1)
SIZE = Option("size", 1024, "points", 0.5, 8_388_608)
HASH = Option("hash", "crc32", "by which", allowed=("crc32", "sdbm"))


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("", None),
        ('{"choices": 10, "factor": 2, "hash": "sdbm", "strict": true}', None),
        ("{choices: 2}", "must be a JSON object: Expecting property name enclosed in double quotes"),
        ("[]", 'must be a JSON object, such as {"choices": 3}'),
        ('{"choices": 11}', "choices: must be between 2 and 10, inclusive"),
        ('{"choices": 2.5}', "choices: must be a whole number"),
        ('{"choices": true}', "choices: must be a whole number"),
        ('{"factor": 0.5}', "factor: must be at least 1"),
        ('{"factor": NaN}', "factor: must be at least 1"),
        ('{"size": 8388609}', "size: must be between 0.5 and 8388608, inclusive"),
        ('{"strict": 1}', "strict: must be true or false"),
        ('{"hash": "md5"}', "hash: supported values: crc32, sdbm"),
        ('{"hash_on": "header:X-User"}', None),
        ('{"hash_on": "path"}', None),
        ('{"hash_on": "path:x"}', "hash_on: supported values: source, source_port, destination, header:NAME, coo"),
        ('{"hash_on": "header:"}', "hash_on: supported values: source, source_port, destination, header:NAME, coo"),
        ('{"hash_on": "cookie:a b"}', "hash_on: supported values: source, source_port, destination, header:NAME, coo"),
        (
            '{"choice": 2}',
            'choice: unknown option, did you mean "choices"?; supported options: choices, factor, hash, hash_on, si',
        ),
    ],
)
def test_options_of_a_balancer_are_judged_by_what_the_balancer_declares(options: str, fault: str | None) -> None:
    known = (CHOICES, FACTOR, SIZE, HASH, hash_on(), Option("strict", False, "whether"))
    registry = new_registry(balancers={"fair": known, "plain": ()}, default_balancer="plain")
    annotations = {"kubesvc.dev/balancer": "fair", "kubesvc.dev/balancer-options": options}
    found = faults_of(SERVICES, service(metadata={"annotations": annotations}), registry)
    start = f"metadata.annotations[kubesvc.dev/balancer-options]: Invalid value: {json.dumps(options)}: fair: {fault}"
    assert [each[: len(start)] for each in found] == ([start] if fault else [])


def test_an_option_that_needs_another_one_is_refused_without_it() -> None:
    known = (Option("eject", False, "whether"), Option("failures", 5, "how many", 1, needs="eject"))
    with pytest.raises(OptionsError, match=r'^failures: has no effect without "eject"$'):
        read_options('{"failures": 3}', known)
    assert read_options('{"failures": 3, "eject": false}', known) == {"eject": False, "failures": 3}


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ('{"most": 5}', 'most: must be at least "least", which is 10'),
        ('{"least": 30}', 'most: must be at least "least", which is 30'),
        ('{"of": 1, "number": 1}', 'of: must be above "number", which is 1'),
        ('{"most": 10, "of": 2, "number": 1}', ""),
    ],
)
def test_an_option_is_refused_beside_one_that_it_does_not_fit(options: str, fault: str) -> None:
    bounds = Option("least", 10, "at least"), Option("most", 20, "at most", at_least="least")
    known = (*bounds, Option("number", 0, "which"), Option("of", 1, "how many", above="number"))
    try:
        read_options(options, known)
    except OptionsError as error:
        assert str(error) == fault
    else:
        assert not fault


def test_options_without_a_balancer_are_those_of_the_default() -> None:
    registry = new_registry(balancers={"plain": ()}, default_balancer="plain")
    annotations = {"kubesvc.dev/balancer-options": '{"choices": 2}'}
    (fault,) = faults_of(SERVICES, service(metadata={"annotations": annotations}), registry)
    assert fault.endswith("plain: choices: unknown option; this algorithm has no options")


def test_several_wrong_options_are_several_faults_and_right_ones_are_read_with_the_defaults() -> None:
    with pytest.raises(
        OptionsError, match=r"^choices: must be between 2 and 10, inclusive; hash: supported values: crc32"
    ):
        read_options('{"choices": 0, "hash": "x"}', (CHOICES, HASH))
    assert read_options('{"factor": 2}', (CHOICES, FACTOR, HASH)) == {"choices": 2, "factor": 2.0, "hash": "crc32"}


def test_any_balancer_is_accepted_where_the_proxys_are_not_known() -> None:
    assert faults_of(SERVICES, service(metadata={"annotations": {"kubesvc.dev/balancer": "foo"}})) == []


def test_all_faults_come_at_once() -> None:
    spec: JSON = {
        "type": "Foo",
        "sessionAffinity": "Foo",
        "ports": [port(protocol="X")],
        "internalTrafficPolicy": "Foo",
    }
    assert [fault.partition(":")[0] for fault in faults_of(SERVICES, service(name="1Bad", **spec))] == [
        "metadata.name",
        "spec.ports[0].protocol",
        "spec.sessionAffinity",
        "spec.type",
        "spec.internalTrafficPolicy",
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {"externalIPs": ["127.0.0.5"]},
        {"ports": [], "clusterIP": "None"},
        {"type": "ExternalName", "externalName": "a.example.", "ports": []},
        {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86400}}},
        {"sessionAffinity": "None", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}}},
        {"ports": [port(name="d", protocol="UDP"), port(name="t")]},
        {"ports": [port(targetPort="http", appProtocol="kubernetes.io/h2c")]},
        {"selector": {"app.example.com/name": "x_1"}},
        {"trafficDistribution": "PreferSameZone"},
    ],
    ids=str,
)
def test_a_good_spec_is_accepted(spec: JSON) -> None:
    assert faults_of(SERVICES, service(**spec)) == []


def test_a_cluster_ip_may_not_change() -> None:
    registry = new_registry()
    stored = registry.create(SERVICES, service(clusterIP="127.96.0.20"))
    changed = {**stored, "spec": {**stored["spec"], "clusterIP": "127.96.0.21", "clusterIPs": ["127.96.0.21"]}}
    assert update_faults_of(SERVICES, changed, registry) == [
        'spec.clusterIPs[0]: Invalid value: ["127.96.0.21"]: may not change once set'
    ]


@pytest.mark.parametrize(("before", "after"), [("None", "127.96.0.9"), ("127.96.0.9", "None")])
def test_headless_and_not_headless_do_not_become_each_other(before: str, after: str) -> None:
    registry = new_registry()
    registry.create(SERVICES, service(clusterIP=before, selector={"app": "web"}))
    assert update_faults_of(SERVICES, service(clusterIP=after, selector={"app": "web"}), registry) == [
        f'spec.clusterIPs[0]: Invalid value: ["{after}"]: may not change once set'
    ]


def test_the_primary_cluster_ip_may_not_be_unset() -> None:
    old = {"spec": {"type": "ClusterIP", "clusterIP": "127.96.0.9", "clusterIPs": ["127.96.0.9"]}}
    assert [str(each) for each in validate_service_update({"spec": {"type": "ClusterIP"}}, old)] == [
        "spec.clusterIPs[0]: Invalid value: null: primary clusterIP can not be unset"
    ]


def test_a_health_check_port_in_use_may_not_change() -> None:
    registry = new_registry()
    stored = registry.create(SERVICES, service(type="LoadBalancer", externalTrafficPolicy="Local"))
    changed = {**stored, "spec": {**stored["spec"], "healthCheckNodePort": 31999}}
    assert update_faults_of(SERVICES, changed, registry) == ["spec.healthCheckNodePort: Forbidden: field is immutable"]


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        pytest.param({}, {}, [], id="none, none"),
        pytest.param({"loadBalancerClass": "a"}, {"loadBalancerClass": "a"}, [], id="the same"),
        pytest.param(
            {"loadBalancerClass": "a"},
            {"loadBalancerClass": "b"},
            ['spec.loadBalancerClass: Invalid value: "b": may not change once set'],
            id="another",
        ),
        pytest.param(
            {"loadBalancerClass": "a"},
            {},
            ["spec.loadBalancerClass: Invalid value: null: may not change once set"],
            id="taken away",
        ),
        pytest.param(
            {},
            {"loadBalancerClass": "b"},
            ['spec.loadBalancerClass: Invalid value: "b": may not change once set'],
            id="given late",
        ),
        pytest.param({"type": "NodePort"}, {"loadBalancerClass": "b"}, [], id="with the type"),
        pytest.param({"loadBalancerClass": "a"}, {"type": "NodePort"}, [], id="dropped with the type"),
    ],
)
def test_the_class_of_a_load_balancer_may_not_change(before: JSON, after: JSON, faults: list[str]) -> None:
    registry = new_registry()
    registry.create(SERVICES, service(**{"type": "LoadBalancer", **before}))
    assert update_faults_of(SERVICES, service(**{"type": "LoadBalancer", **after}), registry) == faults


RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


@pytest.mark.parametrize(
    ("text", "spec", "faults"),
    [
        ("10.0.0.0/8, 192.168.0.0/16", {"type": "LoadBalancer"}, []),
        (" ", {"type": "LoadBalancer"}, []),
        (
            "10.0.0.0/8,foo",
            {"type": "LoadBalancer"},
            ['Invalid value: "foo": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
        ),
        ("10.0.0.0/8", {}, ["Forbidden: may only be used when `type` is 'LoadBalancer'"]),
        ("foo", {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]}, []),
    ],
    ids=["ranges", "empty", "no range", "another type", "the field counts"],
)
def test_ranges_of_clients_may_come_in_an_annotation(text: str, spec: JSON, faults: list[str]) -> None:
    obj = service(metadata={"annotations": {RANGES: text}}, **spec)
    assert faults_of(SERVICES, obj) == [f"metadata.annotations[{RANGES}]: {fault}" for fault in faults]

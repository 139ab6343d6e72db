from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from kubeapi.meta import JSON, key_of
from kubeapi.scheme import DEPLOYMENTS, SERVICES
from kubeproxy.balancers import BALANCERS, NAMES
from kubeproxy.balancers.random_choice import RandomChoice
from kubesvc.run.input.prepare import Prepared, prepare

CONFIGURATION = """
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
networking: {serviceSubnet: 127.113.0.0/16, serviceNodePortRange: 31000-31001}
"""
WEB = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}"


def prepared(*documents: str) -> Prepared:
    return prepare(["-"], StringIO("\n---\n".join(documents)))


def faults(*documents: str) -> list[str]:
    """Return the faults without their source and position."""
    return [f"{each.field}: {each.message}" if each.field else each.message for each in prepared(*documents).faults]


def stored(result: Prepared) -> list[JSON]:
    return result.registry.store.list(SERVICES)


def cluster_ip(result: Prepared, name: str) -> str:
    [found] = [each for each in stored(result) if each["metadata"]["name"] == name]
    return str(found["spec"]["clusterIP"])


def node_port(name: str, port: int = 0, cluster_ip: str = "") -> str:
    spec = {"type": "NodePort", "ports": [{"port": 80, **({"nodePort": port} if port else {})}]}
    extra = {"clusterIP": cluster_ip} if cluster_ip else {}
    return f"{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {spec | extra}}}"


def test_good_input_is_a_registry_with_every_object() -> None:
    result = prepared(CONFIGURATION, WEB)
    assert (result.faults, result.warnings(has_sandboxes=False)) == ([], [])
    assert result.configuration.networking.service_subnet == "127.113.0.0/16"
    assert {str(key_of(each)) for each in stored(result)} == {
        "default/kubernetes",
        "kube-system/kube-dns",
        "default/web",
    }


def test_an_algorithm_that_is_added_to_the_proxy_works_by_configuration_and_by_annotation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configuration = CONFIGURATION + "proxy: {balancer: added}\n"
    web = WEB.replace("name: web", "name: web, annotations: {kubesvc.dev/balancer: added}")
    supported = ", ".join(f'"{each}"' for each in sorted(NAMES))
    refusal = f'Unsupported value: "added": supported values: {supported}'
    assert faults(configuration) == [f"proxy.balancer: {refusal}"]
    assert faults(CONFIGURATION, web) == [f"metadata.annotations[kubesvc.dev/balancer]: {refusal}"]
    monkeypatch.setitem(BALANCERS, "added", RandomChoice)
    result = prepared(configuration, web)
    assert result.faults == []
    assert result.configuration.proxy.balancer == "added"


def test_addresses_come_from_the_configured_subnet() -> None:
    result = prepared(CONFIGURATION, WEB)
    assert cluster_ip(result, "kubernetes") == "127.113.0.1"
    assert cluster_ip(result, "kube-dns") == "127.113.0.10"
    assert cluster_ip(result, "web").startswith("127.113.")


def test_kube_dns_has_the_address_at_which_dns_answers() -> None:
    result = prepared(CONFIGURATION.replace("{serviceSubnet", "{dnsAddress: 127.113.0.53, serviceSubnet"))
    assert result.faults == []
    assert cluster_ip(result, "kube-dns") == result.configuration.networking.dns_address == "127.113.0.53"


def test_what_a_pod_asks_for_in_vain_is_said_where_it_is_written() -> None:
    spec = "{containers: [{name: c, image: nginx, securityContext: {runAsUser: 0}}]}"
    result = prepared(f"{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {spec}}}")
    [warning] = result.warnings(has_sandboxes=False)
    assert result.warnings(has_sandboxes=True) == []
    assert (warning.field, warning.line, warning.column) == ("spec.containers[0].securityContext", 1, 94)
    assert warning.message.startswith("kubesvc does not act on runAsUser: ")


def test_an_address_outside_127_moves_there_and_the_user_is_told() -> None:
    result = prepared(CONFIGURATION, node_port("web", cluster_ip="10.113.0.9"))
    assert cluster_ip(result, "web") == "127.113.0.9"
    assert [(each.field, each.message) for each in result.warnings(has_sandboxes=False)] == [
        ("spec.clusterIP", "10.113.0.9 is 127.113.0.9 on this machine")
    ]


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        pytest.param(
            [node_port("a", 31000), node_port("b", 31000)],
            ["spec.ports[0].nodePort: Invalid value: 31000: provided port is already allocated"],
            id="node-port-twice",
        ),
        pytest.param(
            [node_port("a", 30000)],
            [
                "spec.ports[0].nodePort: Invalid value: 30000: "
                "provided port is not in the valid range. The range of valid ports is 31000-31001"
            ],
            id="node-port-out-of-range",
        ),
        pytest.param(
            [node_port("a", cluster_ip="127.113.0.1")],
            [
                'spec.clusterIPs: Invalid value: ["127.113.0.1"]: '
                "failed to allocate IP 127.113.0.1: provided IP is already allocated"
            ],
            id="address-of-the-api",
        ),
    ],
)
def test_what_collides_is_a_fault_before_anything_starts(documents: list[str], expected: list[str]) -> None:
    assert faults(CONFIGURATION, *documents) == expected


def test_explicit_choices_are_served_before_free_ones() -> None:
    result = prepared(CONFIGURATION, node_port("free"), node_port("own", 31000))
    assert result.faults == []
    ports = {each["metadata"]["name"]: each["spec"]["ports"][0].get("nodePort") for each in stored(result)}
    assert (ports["own"], ports["free"]) == (31000, 31001)


def test_faults_of_reading_and_of_judging_come_together() -> None:
    unknown = WEB.replace("spec: {", "spec: {prots: 1, ").replace("web", "other")
    assert faults(CONFIGURATION, node_port("web", 30000), unknown) == [
        "spec.ports[0].nodePort: Invalid value: 30000: "
        "provided port is not in the valid range. The range of valid ports is 31000-31001",
        'spec.prots: unknown field "spec.prots"',
    ]


def test_a_workload_is_stored_as_it_will_run() -> None:
    deployment = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
"""
    [stored] = prepared(CONFIGURATION, deployment).registry.store.list(DEPLOYMENTS)
    assert stored["spec"]["replicas"] == 1


def test_the_position_of_a_fault_is_the_files(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: -1\n    targetPort: 80\n"
    )
    [fault] = prepare([str(file)], StringIO()).faults
    assert (fault.source, fault.line) == (str(file), 7)


def test_two_preparations_share_nothing() -> None:
    first, second = prepared(CONFIGURATION, WEB), prepared(CONFIGURATION)
    assert len(stored(first)) == len(stored(second)) + 1


LOST = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}}"
SHOP = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"
MISSED = 'metadata.namespace: namespaces "shop" not found'


@pytest.mark.parametrize(
    ("other", "is_said"),
    [
        pytest.param(WEB.replace("port: 80", "prot: 80"), True, id="a field that is unknown"),
        pytest.param(WEB.replace("80", "-1"), True, id="a value that is wrong"),
        pytest.param(SHOP.replace("Namespace", "Namespce"), False, id="a kind that is unknown"),
        pytest.param(SHOP.replace("name:", "nam:"), False, id="no name"),
        pytest.param(SHOP.replace("}}", ""), False, id="no YAML"),
    ],
)
def test_a_missing_namespace_is_said_unless_it_may_be_what_cannot_be_read(other: str, is_said: bool) -> None:
    found = faults(LOST, other)
    assert (MISSED in found) == is_said
    assert len(found) > is_said


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: labelled}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [services]}]
  validations: [{expression: has(object.metadata.labels), message: say whose it is}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: labelled}
spec: {policyName: labelled, validationActions: [ACTION]}
"""
WEBHOOK = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hook}
webhooks:
  - name: hook.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    clientConfig: {url: "https://127.0.0.1:1/"}
    rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [namespaces]}]
"""
SHOP = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"
IN_SHOP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: prices, namespace: shop}}"


def test_a_policy_of_the_input_denies_what_is_written_after_it_as_with_kubectl() -> None:
    denied = POLICY.replace("ACTION", "Deny")
    [fault] = prepared(denied, WEB).faults
    assert (fault.line, fault.column) == (16, 1)
    assert fault.message == (
        "ValidatingAdmissionPolicy 'labelled' with binding 'labelled' denied request: say whose it is"
    )
    assert faults(WEB, denied) == []


def test_what_a_cluster_that_runs_is_given_is_reviewed_there() -> None:
    documents = StringIO("\n---\n".join((POLICY.replace("ACTION", "Deny"), WEB)))
    assert prepare(["-"], documents, is_running=True).faults == []


def test_a_policy_that_warns_lets_the_object_through_and_says_so() -> None:
    result = prepared(POLICY.replace("ACTION", "Warn"), WEB)
    assert (result.faults, cluster_ip(result, "web") != "") == ([], True)
    [said] = result.rehearsed.warnings
    assert str(said).endswith(
        "Validation failed for ValidatingAdmissionPolicy 'labelled' with binding 'labelled': say whose it is"
    )


def test_what_a_webhook_has_to_be_asked_about_and_what_is_in_it_waits_for_the_cluster() -> None:
    result = prepared(WEBHOOK, IN_SHOP, SHOP, WEB)
    assert result.faults == []
    assert [each.name for each in result.rehearsed.postponed] == ["shop", "prices"]
    assert cluster_ip(result, "web")


def test_what_waits_for_a_webhook_keeps_back_what_may_need_it() -> None:
    hook = WEBHOOK.replace("[namespaces]", "[serviceaccounts]")
    robot = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}"
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {serviceAccountName: robot, containers: [{name: c}]}}"
    pod = pod.replace("{name: c}", "{name: c, image: busybox}")
    assert [each.name for each in prepared(hook, pod, robot).rehearsed.postponed] == ["robot", "p"]
    assert len(faults(hook, pod)) == 1


LISTENERS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: listeners.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: listeners, singular: listener, kind: Listener}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
LISTENER = "{apiVersion: example.com/v1, kind: Listener, metadata: {name: web}}"


def test_no_object_of_a_kind_is_written_before_its_definition() -> None:
    hook = WEBHOOK.replace("[namespaces]", "[customresourcedefinitions]").replace('""', "apiextensions.k8s.io")
    assert [each.name for each in prepared(hook, LISTENER, LISTENERS).rehearsed.postponed] == [
        "listeners.example.com",
        "web",
    ]


MUTATING = """
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: owned}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [services]}]
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: {expression: 'Object{metadata: Object.metadata{labels: {"owner": "shop"}}}'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: owned}
spec: {policyName: owned}
"""


def test_a_policy_of_the_input_changes_what_is_written_after_it() -> None:
    before, after = WEB.replace("web", "before"), WEB.replace("web", "after")
    result = prepared(before, MUTATING, after)
    assert result.faults == []
    labels = {each["metadata"]["name"]: each["metadata"].get("labels") for each in stored(result)}
    assert (labels["before"], labels["after"]) == (None, {"owner": "shop"})

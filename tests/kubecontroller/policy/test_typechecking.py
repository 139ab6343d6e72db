"""What the status of a ValidatingAdmissionPolicy says of its expressions."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapiserver.crds import CustomClient, crd, obj, version

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import VALIDATINGADMISSIONPOLICIES
from kubecontroller.change import UpdateStatus
from kubecontroller.listers import Listers
from kubecontroller.policy.typechecking import PolicyStatusController

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


def status_of(group: str, resource: str, *validations: JSON, variables: list[JSON] | None = None) -> JSON:
    """Return the status that the controller gives a policy."""
    client = CustomClient()
    client.define(crd(version(schema=obj(spec=obj(replicas={"type": "integer"}, **{"a-b": {"type": "string"}})))))
    rule = {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["*"], "resources": [resource]}
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": list(validations),
        "variables": variables or [],
    }
    reply = client.post(POLICIES, {"metadata": {"name": "p"}, "spec": spec})
    assert reply.status == 201, reply.text
    controller = PolicyStatusController(Listers(client.registry.store))
    [change] = controller.reconcile(ObjectKey("", "p"), 0)
    assert isinstance(change, UpdateStatus)
    client.registry.update_status(VALIDATINGADMISSIONPOLICIES, change.obj)
    assert controller.reconcile(ObjectKey("", "p"), 0) == []
    status: JSON = client.get(f"{POLICIES}/p").json["status"]
    return status


def test_expressions_that_fit_have_no_warnings() -> None:
    checks = [
        {"expression": "object.metadata.creationTimestamp > timestamp('2020-01-01T00:00:00Z')"},
        {"expression": "object.spec.template.spec.containers.all(c, c.image.startsWith('x'))"},
        {"expression": "object.metadata.__namespace__ == 'a' && object.spec.strategy.rollingUpdate.maxSurge == 1"},
        {"expression": "variables.n > 1"},
    ]
    status = status_of("apps", "deployments", *checks, variables=[{"name": "n", "expression": "object.spec.replicas"}])
    assert status == {"observedGeneration": 1, "typeChecking": {}}


@pytest.mark.parametrize(
    ("group", "resource", "check", "field", "warning"),
    [
        (
            "apps",
            "deployments",
            {"expression": "object.spec.replicas > '1'"},
            "expression",
            "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to "
            "'(int, string)'\n | object.spec.replicas > '1'\n | .....................^\n",
        ),
        (
            "apps",
            "deployments",
            {"expression": "true", "messageExpression": "'got ' + object.spec.replicas"},
            "messageExpression",
            "apps/v1, Kind=Deployment: ERROR: <input>:1:8: found no matching overload for '_+_' applied to "
            "'(string, int)'\n | 'got ' + object.spec.replicas\n | .......^\n",
        ),
        (
            "apps",
            "deployments",
            {"expression": "object.metadata.namespace == 1"},
            "expression",
            "apps/v1, Kind=Deployment: ERROR: <input>:1:27: found no matching overload for '_==_' applied to "
            "'(string, int)'\n | object.metadata.namespace == 1\n | ..........................^\n",
        ),
        (
            "example.com",
            "tabs",
            {"expression": "object.spec.maxRetries < 10"},
            "expression",
            "example.com/v1, Kind=Tab: ERROR: <input>:1:12: undefined field 'maxRetries'\n"
            " | object.spec.maxRetries < 10\n | ...........^\n",
        ),
    ],
)
def test_an_expression_that_does_not_fit_has_a_warning(
    group: str, resource: str, check: JSON, field: str, warning: str
) -> None:
    found = status_of(group, resource, check)["typeChecking"]["expressionWarnings"]
    assert found == [{"fieldRef": f"spec.validations[0].{field}", "warning": warning}]


def test_a_policy_of_all_resources_is_not_checked() -> None:
    assert status_of("*", "*", {"expression": "object.nope == 1"})["typeChecking"] == {}

"""The faults of configurations of admission webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapi.validation.webhooks import validate_webhooks

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"], "scope": "*"}
WEBHOOK = {
    "name": "a.example.com",
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "clientConfig": {"url": "https://a.example.com/x"},
    "rules": [RULE],
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": ""}, "name: Required value"),
        ({"name": "a.b"}, 'name: Invalid value: "a.b": should be a domain with at least three segments'),
        ({"rules": [{**RULE, "operations": []}]}, "rules[0].operations: Required value"),
        ({"rules": [{**RULE, "operations": ["GET"]}]}, 'rules[0].operations[0]: Unsupported value: "GET"'),
        ({"failurePolicy": "Maybe"}, 'failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"'),
        ({"sideEffects": None}, "sideEffects: Required value: must specify one of None, NoneOnDryRun"),
        ({"sideEffects": "Some"}, 'sideEffects: Unsupported value: "Some"'),
        ({"timeoutSeconds": 31}, "timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30"),
        ({"clientConfig": {}}, "clientConfig: Required value: exactly one of url or service is required"),
        ({"clientConfig": {"url": "http://a"}}, "clientConfig.url: Invalid value: \"http\": 'https' is the only"),
        ({"clientConfig": {"service": {"name": "a"}}}, "clientConfig.service.name: Required value"),
        ({"admissionReviewVersions": []}, "admissionReviewVersions: Required value: must specify one of v1, v1beta1"),
        ({"admissionReviewVersions": ["v2"]}, "admissionReviewVersions: Invalid value: "),
    ],
)
def test_a_webhook_that_could_not_be_called_is_refused(change: dict[str, Any], fault: str) -> None:
    [found] = validate_webhooks({"webhooks": [{**WEBHOOK, **change}]})
    assert str(found).startswith(f"webhooks[0].{fault}")


def test_a_whole_webhook_has_no_faults() -> None:
    assert list(validate_webhooks({"webhooks": [WEBHOOK]})) == []

"""The selectors of a new pod, to which matchLabelKeys and mismatchLabelKeys add its own labels."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import new_registry, pod
from tests.helpers.objects import build_pod

from kubeapi.meta import JSON
from kubeapi.podspec.labelkeys import merge_label_keys
from kubeapi.scheme import PODS
from kubeapi.status import Invalid

HASH = {"key": "hash", "operator": "In", "values": ["1"]}


def merged(**spec: Any) -> JSON:
    made = build_pod("web", {"name": "c", "image": "i"}, metadata={"labels": {"app": "web", "hash": "1"}}, **spec)
    merge_label_keys(made)
    found: JSON = made["spec"]
    return found


def constraint(**fields: Any) -> JSON:
    return {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **fields}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"matchLabelKeys": ["hash"], "labelSelector": {}}, {"matchExpressions": [HASH]}, id="its own value"
        ),
        pytest.param({"matchLabelKeys": ["hash"]}, None, id="no selector"),
        pytest.param({"matchLabelKeys": ["other"], "labelSelector": {}}, {}, id="a label that it has not"),
        pytest.param({"labelSelector": {"matchLabels": {"a": "b"}}}, {"matchLabels": {"a": "b"}}, id="no keys"),
    ],
)
def test_a_constraint_selects_pods_with_the_same_labels(fields: JSON, expected: JSON | None) -> None:
    spec = merged(topologySpreadConstraints=[constraint(**fields)])
    assert spec["topologySpreadConstraints"][0].get("labelSelector") == expected


def test_affinity_selects_pods_with_the_same_labels_or_with_others() -> None:
    term = {"topologyKey": "zone", "labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [{**term, "matchLabelKeys": ["hash"]}]}
    weighted = {"weight": 1, "podAffinityTerm": {**term, "mismatchLabelKeys": ["hash"]}}
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [weighted]}
    affinity = merged(affinity={"podAffinity": required, "podAntiAffinity": preferred})["affinity"]
    one = affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    other = affinity["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]
    exists = {"key": "a", "operator": "Exists"}
    assert one["labelSelector"]["matchExpressions"] == [exists, HASH]
    assert other["labelSelector"]["matchExpressions"] == [exists, {**HASH, "operator": "NotIn"}]


def test_a_key_that_is_selected_twice_is_a_fault_of_the_pod() -> None:
    twice = constraint(matchLabelKeys=["hash"], labelSelector={"matchLabels": {"hash": "1"}})
    own = pod(topologySpreadConstraints=[twice])
    with pytest.raises(Invalid) as refused:
        new_registry().create(PODS, {**own, "metadata": {**own["metadata"], "labels": {"hash": "1"}}})
    text = 'Invalid value: "hash": exists in both matchLabelKeys and labelSelector'
    assert f"spec.topologySpreadConstraints[0][0]: {text}" in str(refused.value)

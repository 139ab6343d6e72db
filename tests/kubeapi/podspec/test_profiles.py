"""Annotations of seccomp and AppArmor: what they may be, which fields they make, and what their writer is told."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import container, deployment, faults_of, new_registry, pod

from kubeapi.meta import JSON
from kubeapi.podspec.warnings.advice import pod_advice
from kubeapi.scheme import DEPLOYMENTS, PODS
from kubeapi.validation.warnings import warning_text

POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP = "container.seccomp.security.alpha.kubernetes.io/c"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/c"
OF = "metadata.annotations"
SECCOMP_TOLD = 'non-functional in v1.27+; use the "seccompProfile" field instead'
APPARMOR_TOLD = 'deprecated since v1.30; use the "appArmorProfile" field instead'
FIELD = "spec.containers[0].securityContext"


def noted(annotations: dict[str, str], context: JSON | None = None, **spec: Any) -> JSON:
    own = {"securityContext": context} if context else {}
    return pod(metadata={"annotations": annotations}, containers=[container(name="c", **own)], **spec)


@pytest.mark.parametrize(
    ("annotations", "context", "faults"),
    [
        ({POD: "runtime/default", SECCOMP: "localhost/a/b", APPARMOR: "localhost/a"}, {}, []),
        ({POD: "docker/default", SECCOMP: "unconfined", APPARMOR: "unconfined"}, {}, []),
        ({POD: "a"}, {}, [f'{OF}.{POD}: Invalid value: "a": must be a valid seccomp profile']),
        ({SECCOMP: "localhost/../a"}, {}, [f"{OF}.{SECCOMP}: Invalid value: \"../a\": must not contain '..'"]),
        ({SECCOMP: "localhost//a"}, {}, [f'{OF}.{SECCOMP}: Invalid value: "/a": must be a relative path']),
        ({APPARMOR: "a"}, {}, [f'{OF}[{APPARMOR}]: Invalid value: "a": invalid AppArmor profile name: "a"']),
        ({f"{APPARMOR}d": "unconfined"}, {}, [f'{OF}[{APPARMOR}d]: Invalid value: "cd": container not found']),
        (
            {SECCOMP: "docker/default", APPARMOR: "unconfined"},
            {"seccompProfile": {"type": "RuntimeDefault"}, "appArmorProfile": {"type": "Unconfined"}},
            [],
        ),
        (
            {SECCOMP: "unconfined", APPARMOR: "localhost/a"},
            {
                "seccompProfile": {"type": "RuntimeDefault"},
                "appArmorProfile": {"type": "Localhost", "localhostProfile": "b"},
            },
            [
                f"{FIELD}.seccompProfile.type: Forbidden: seccomp type in annotation and field must match",
                f"{FIELD}.appArmorProfile.localhostProfile: Forbidden: apparmor profile in annotation and field"
                " must match",
            ],
        ),
    ],
)
def test_an_annotation_names_a_profile_and_contradicts_no_field(
    annotations: dict[str, str], context: JSON, faults: list[str]
) -> None:
    assert faults_of(PODS, noted(annotations, context)) == faults


def test_a_template_has_the_same_annotations() -> None:
    obj = deployment("web")
    obj["spec"]["template"]["metadata"]["annotations"] = {POD: "a"}
    assert faults_of(DEPLOYMENTS, obj) == [
        f'spec.template.annotations.{POD}: Invalid value: "a": must be a valid seccomp profile'
    ]


@pytest.mark.parametrize(
    ("annotation", "spec", "profile"),
    [
        ("unconfined", {}, {"type": "Unconfined"}),
        ("runtime/default", {}, {"type": "RuntimeDefault"}),
        ("localhost/a", {}, {"type": "Localhost", "localhostProfile": "a"}),
        ("localhost/", {}, None),
        ("", {}, None),
        ("unconfined", {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, None),
        ("unconfined", {"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}}, {"type": "Unconfined"}),
        ("unconfined", {"os": {"name": "windows"}}, None),
    ],
)
def test_an_annotation_of_apparmor_becomes_the_field_of_its_container(
    annotation: str, spec: JSON, profile: JSON | None
) -> None:
    made = new_registry().create(PODS, noted({APPARMOR: annotation}, **spec))
    assert made["spec"]["containers"][0].get("securityContext", {}).get("appArmorProfile") == profile


def told(annotations: dict[str, str], path: str = "", **spec: Any) -> list[str]:
    given = {"containers": [{"name": "c"}], **spec}
    return [warning_text(each) for each in pod_advice({"annotations": annotations}, given, path)]


def test_the_writer_of_an_annotation_is_told_to_use_the_field() -> None:
    every = {APPARMOR: "unconfined", SECCOMP: "unconfined", POD: "unconfined"}
    texts = [f"[{POD}]: {SECCOMP_TOLD}", f"[{SECCOMP}]: {SECCOMP_TOLD}", f"[{APPARMOR}]: {APPARMOR_TOLD}"]
    assert told(every) == [f"{OF}{each}" for each in texts]
    assert told(every, "spec.template.") == [f"spec.template.{OF}{each}" for each in texts]


def test_who_has_the_field_is_told_nothing_but_that_a_pod_got_it_from_the_annotation() -> None:
    profile = {"type": "Unconfined"}
    context = {"seccompProfile": profile, "appArmorProfile": profile}
    every = {APPARMOR: "unconfined", SECCOMP: "unconfined", POD: "unconfined"}
    has_fields: dict[str, Any] = {"securityContext": context, "containers": [{"name": "c", "securityContext": context}]}
    assert told(every, path="spec.template.", **has_fields) == []
    assert told(every, **has_fields) == [f"{OF}[{APPARMOR}]: {APPARMOR_TOLD}"]
    assert told({APPARMOR: "unconfined"}, securityContext=context) == []
    assert told({APPARMOR: "unconfined"}, os={"name": "windows"}) == []

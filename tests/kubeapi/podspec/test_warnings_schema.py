"""Every field of a pod's spec is acted on, makes no difference, or is spoken of: by Kubernetes' own schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeapi.podspec.warnings.combined import event_text, not_emulated
from kubeapi.registryconfig import RegistryConfig
from kubeapi.schema import struct

BARE, SANDBOXED = RegistryConfig(has_all_ids=True), RegistryConfig(has_sandboxes=True, has_all_ids=True)
ONE_ID = RegistryConfig(has_sandboxes=True)

ACTED_ON = {
    "PodSpec": """activeDeadlineSeconds affinity containers dnsConfig dnsPolicy enableServiceLinks
        ephemeralContainers hostAliases hostNetwork hostname initContainers nodeName nodeSelector preemptionPolicy
        priority priorityClassName readinessGates restartPolicy schedulerName schedulingGates shareProcessNamespace
        subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints""",
    "Container": """args command env envFrom image lifecycle livenessProbe name ports readinessProbe restartPolicy
        startupProbe stdin stdinOnce terminationMessagePolicy tty workingDir""",
    "Volume": "name configMap downwardAPI secret hostPath persistentVolumeClaim ephemeral",
    "VolumeMount": "mountPath name readOnly recursiveReadOnly subPath subPathExpr",
    "ContainerPort": "containerPort name protocol hostIP",
    "Lifecycle": "postStart preStop stopSignal",
    "SecurityContext": "",
    "PodSecurityContext": "",
    "EmptyDirVolumeSource": "sizeLimit",
    "VolumeProjection": "configMap downwardAPI secret",
    "ResourceRequirements": "requests",
}
"""In both modes; a field of a volume or a mount where there are sandboxes, as without them the volumes are named."""
HARMLESS = {
    "PodSpec": """imagePullSecrets overhead serviceAccount""",
    "Container": "imagePullPolicy resizePolicy",
    "Volume": "",
    "PodSecurityContext": "fsGroupChangePolicy seLinuxChangePolicy supplementalGroupsPolicy",
    "ResourceRequirements": "claims",
}
"""Nothing is pulled; overhead and claims come with fields that are spoken of."""

CONTAINER: JSON = {"name": "c", "image": "i"}
OLD_VOLUMES = (
    *("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume"),
    *("flocker", "gcePersistentDisk", "gitRepo", "glusterfs", "iscsi", "nfs"),
    *("photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"),
)

SPOKEN_OF: dict[str, list[tuple[str, Any, str]]] = {
    "PodSpec": [
        ("automountServiceAccountToken", True, "bare"),
        ("evictionResponders", [{"name": "x"}], "both"),
        ("hostIPC", True, "sandboxed"),
        ("hostPID", True, "sandboxed"),
        ("hostUsers", False, "both"),
        ("hostnameOverride", "other", "bare"),
        ("os", {"name": "windows"}, "both"),
        ("resourceClaims", [{"name": "gpu"}], "both"),
        ("resources", {"limits": {"cpu": "1"}}, "both"),
        ("runtimeClassName", "gvisor", "both"),
        ("securityContext", {"seLinuxOptions": {"level": "s0"}}, "both"),
        ("schedulingGroup", {"podGroupName": "x"}, "both"),
        ("serviceAccountName", "robot", "bare"),
        ("setHostnameAsFQDN", True, "bare"),
        ("volumes", [{"name": "v", "emptyDir": {}}], "bare"),
    ],
    "Container": [
        ("resources", {"limits": {"cpu": "1"}}, "both"),
        ("restartPolicyRules", [{"action": "RestartAllContainers"}], "both"),
        ("securityContext", {"readOnlyRootFilesystem": True}, "bare"),
        ("terminationMessagePath", "/dev/why", "bare"),
        ("volumeDevices", [{"name": "v", "devicePath": "/dev/x"}], "both"),
        ("volumeMounts", [{"name": "v", "mountPath": "/x", "mountPropagation": "HostToContainer"}], "sandboxed"),
    ],
    "SecurityContext": [
        ("allowPrivilegeEscalation", False, "bare"),
        ("appArmorProfile", {"type": "RuntimeDefault"}, "both"),
        ("capabilities", {"drop": ["ALL"]}, "bare"),
        ("privileged", True, "bare"),
        ("procMount", "Unmasked", "bare"),
        ("readOnlyRootFilesystem", True, "bare"),
        ("runAsGroup", 5, "bare"),
        ("runAsNonRoot", True, "both"),
        ("runAsUser", 5, "bare"),
        ("seLinuxOptions", {"level": "s0"}, "both"),
        ("seccompProfile", {"type": "RuntimeDefault"}, "both"),
        ("windowsOptions", {"hostProcess": True}, "both"),
    ],
    "PodSecurityContext": [
        ("appArmorProfile", {"type": "RuntimeDefault"}, "both"),
        ("fsGroup", 5, "bare"),
        ("runAsGroup", 5, "bare"),
        ("runAsNonRoot", True, "both"),
        ("runAsUser", 5, "bare"),
        ("seLinuxOptions", {"level": "s0"}, "both"),
        ("seccompProfile", {"type": "RuntimeDefault"}, "both"),
        ("supplementalGroups", [5], "bare"),
        ("sysctls", [{"name": "net.ipv4.tcp_syncookies", "value": "1"}], "bare"),
        ("windowsOptions", {"hostProcess": True}, "both"),
    ],
    "Volume": [
        ("emptyDir", {"sizeLimit": "1Mi"}, "bare"),
        ("image", {"reference": "nginx"}, "bare"),
        ("projected", {"sources": [{"serviceAccountToken": {"path": "token"}}]}, "bare"),
        *((each, {}, "both") for each in OLD_VOLUMES),
    ],
    "VolumeMount": [
        ("bindMountOptions", ["noexec"], "sandboxed"),
        ("mountPropagation", "Bidirectional", "sandboxed"),
    ],
    "ContainerPort": [("hostPort", 80, "bare")],
    "EmptyDirVolumeSource": [("medium", "HugePages", "both"), ("mode", 0o700, "both")],
    "VolumeProjection": [
        ("clusterTrustBundle", {"path": "x"}, "bare"),
        ("podCertificate", {"keyPath": "x"}, "bare"),
        ("serviceAccountToken", {"path": "x"}, "bare"),
    ],
    "ResourceRequirements": [("limits", {"cpu": "1"}, "both")],
}
"""A value of each that asks for something, and in which mode that is not acted on."""


def spec_with(name: str, field: str, value: Any) -> JSON:
    """Return a pod's spec that has this field of a struct."""
    match name:
        case "PodSpec":
            return {"containers": [CONTAINER], field: value}
        case "Container":
            return {"containers": [{**CONTAINER, field: value}]}
        case "SecurityContext" | "PodSecurityContext":
            inner = spec_with(
                "Container" if name == "SecurityContext" else "PodSpec", "securityContext", {field: value}
            )
        case "ResourceRequirements":
            inner = spec_with("Container", "resources", {field: value})
        case "ContainerPort":
            inner = spec_with("Container", "ports", [{"containerPort": 80, field: value}])
        case "VolumeMount":
            inner = spec_with("Container", "volumeMounts", [{"name": "v", "mountPath": "/x", field: value}])
        case "Volume":
            inner = spec_with("PodSpec", "volumes", [{"name": "v", field: value}])
        case "EmptyDirVolumeSource":
            inner = spec_with("Volume", "emptyDir", {field: value})
        case _:
            inner = spec_with("Volume", "projected", {"sources": [{field: value}]})
    return inner


def rows() -> Iterator[Any]:
    for name, fields in SPOKEN_OF.items():
        for field, value, mode in fields:
            yield pytest.param(spec_with(name, field, value), mode, id=f"{name}.{field}")


@pytest.mark.parametrize("name", sorted(SPOKEN_OF.keys() | ACTED_ON.keys()))
def test_every_field_of_the_schema_is_accounted_for(name: str) -> None:
    spoken = [field for field, _, _ in SPOKEN_OF.get(name, [])]
    accounted = [*ACTED_ON.get(name, "").split(), *HARMLESS.get(name, "").split(), *spoken]
    assert sorted(accounted) == sorted(struct(f"core.v1.{name}").fields)


def test_an_ephemeral_container_has_but_one_field_more() -> None:
    fields, others = struct("core.v1.EphemeralContainer").fields, struct("core.v1.Container").fields
    assert fields.keys() - others.keys() == {"targetContainerName"} and others.keys() <= fields.keys()
    spec = {"containers": [CONTAINER], "ephemeralContainers": [{**CONTAINER, "targetContainerName": "c"}]}
    assert not_emulated({"spec": spec}, BARE) == not_emulated({"spec": spec}, SANDBOXED) == []


@pytest.mark.parametrize(("spec", "mode"), list(rows()))
def test_a_field_is_spoken_of_where_it_is_not_acted_on(spec: JSON, mode: str) -> None:
    found = {
        name: bool(not_emulated({"spec": spec}, each)) for name, each in (("bare", BARE), ("sandboxed", SANDBOXED))
    }
    assert found == {"bare": mode in ("both", "bare"), "sandboxed": mode in ("both", "sandboxed")}


@pytest.mark.parametrize(
    "spec",
    [
        {"securityContext": {"runAsUser": 5, "runAsNonRoot": True}},
        {"securityContext": {"runAsUser": 5}, "containers": [{**CONTAINER, "securityContext": {"runAsNonRoot": True}}]},
        {
            "securityContext": {"runAsNonRoot": True},
            "containers": [{**CONTAINER, "securityContext": {"runAsUser": 5}}],
        },
    ],
)
def test_a_user_that_is_not_root_needs_no_word_wherever_it_is_named(spec: JSON) -> None:
    assert not_emulated({"spec": {"containers": [CONTAINER], **spec}}, SANDBOXED) == []


def test_only_root_gives_more_groups() -> None:
    spec = {"containers": [CONTAINER], "securityContext": {"fsGroup": 5, "supplementalGroups": [6]}}
    [found] = not_emulated({"spec": spec}, ONE_ID)
    assert found.parts == "fsGroup, supplementalGroups"


def test_limits_of_the_disk_are_enforced_in_sandboxes() -> None:
    spec = {"containers": [{**CONTAINER, "resources": {"limits": {"cpu": "1", "ephemeral-storage": "1Mi"}}}]}
    assert [each.parts for each in not_emulated({"spec": spec}, SANDBOXED)] == ["limits.cpu"]
    assert [each.parts for each in not_emulated({"spec": spec}, BARE)] == ["limits"]


def test_the_event_of_a_pod_names_all_of_them_once() -> None:
    volumes = [
        {"name": "v", "nfs": {"server": "x", "path": "/"}},
        {"name": "w", "emptyDir": {"medium": "HugePages"}},
    ]
    spec = {"containers": [{**CONTAINER, "resources": {"limits": {"cpu": "1"}}}], "volumes": volumes}
    text = (
        "kubesvc does not emulate spec.volumes (nfs of volume v), "
        "spec.volumes (medium of volume w), "
        "spec.containers[0].resources (limits); the pod runs without"
    )
    assert event_text(not_emulated({"spec": spec}, SANDBOXED)) == text

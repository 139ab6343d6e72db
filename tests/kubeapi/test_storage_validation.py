"""What StatefulSets, DaemonSets, claims, volumes and StorageClasses must be, in Kubernetes' words."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import new_registry
from tests.helpers.objects import build

from kubeapi.kinds import kind_of, resource_for
from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import DAEMONSETS, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STATEFULSETS, STORAGECLASSES
from kubeapi.status import Invalid, StatusError
from kubeapi.validation.claim import claim_warnings
from kubeapi.validation.warnings import warning_text

LABELS = {"app": "web"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/srv"}}


def workload(kind: str, **spec: Any) -> JSON:
    return build(kind, "web", "default", spec={"selector": {"matchLabels": LABELS}, "template": TEMPLATE, **spec})


def claim(**spec: Any) -> JSON:
    return build("PersistentVolumeClaim", "web", "default", spec={**CLAIM, **spec})


def volume(**spec: Any) -> JSON:
    return build("PersistentVolume", "web", spec={**VOLUME, **spec})


def storage_class(**fields: Any) -> JSON:
    return build("StorageClass", "web", **{"provisioner": "x/y", **fields})


def faults_of(write: Any, obj: JSON) -> list[str]:
    resource = resource_for(obj["apiVersion"], obj["kind"])
    assert resource is not None
    with pytest.raises(Invalid) as raised:
        write(resource, obj)
    return [str(each) for each in raised.value.causes]


@pytest.mark.parametrize(
    ("obj", "faults"),
    [
        pytest.param(
            workload("StatefulSet", podManagementPolicy="Random"),
            ["spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'"],
            id="policy",
        ),
        pytest.param(
            workload("StatefulSet", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}),
            ["spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0"],
            id="none unavailable",
        ),
        pytest.param(
            workload("StatefulSet", persistentVolumeClaimRetentionPolicy={"whenScaled": "Drop"}),
            [
                "spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "
                '"Drop": supported values: "Retain", "Delete"'
            ],
            id="retention",
        ),
        pytest.param(
            workload("StatefulSet", ordinals={"start": -1}),
            ["spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0"],
            id="ordinals",
        ),
        pytest.param(
            workload("StatefulSet", volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": {}}]),
            [
                "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
                "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
            ],
            id="claim template",
        ),
        pytest.param(
            workload("DaemonSet", updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}),
            [
                "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: "
                "may not be set when maxUnavailable is non-zero"
            ],
            id="surge and unavailable",
        ),
        pytest.param(
            workload("DaemonSet", updateStrategy={"rollingUpdate": {"maxUnavailable": 0}}),
            ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
            id="neither",
        ),
        pytest.param(
            claim(accessModes=["ReadWriteOncePod", "ReadWriteOnce"]),
            ["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"],
            id="modes",
        ),
        pytest.param(
            claim(resources={"requests": {"storage": "0"}}),
            ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
            id="nothing",
        ),
        pytest.param(volume(hostPath=None), ["spec: Required value: must specify a volume type"], id="no source"),
        pytest.param(
            volume(hostPath=None, local={"path": "/x"}),
            ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
            id="local",
        ),
        pytest.param(
            volume(nfs={"server": "x", "path": "/"}),
            ["spec.nfs: Forbidden: may not specify more than 1 volume type"],
            id="two sources",
        ),
        pytest.param(
            storage_class(volumeBindingMode="Later"),
            ['volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"'],
            id="binding mode",
        ),
        pytest.param(storage_class(provisioner=""), ["provisioner: Required value"], id="no provisioner"),
    ],
)
def test_a_fault_is_told_as_kubernetes_tells_it(obj: JSON, faults: list[str]) -> None:
    assert faults_of(new_registry().create, obj) == faults


@pytest.mark.parametrize(
    ("obj", "change", "faults"),
    [
        pytest.param(
            workload("StatefulSet", serviceName="a"),
            {"serviceName": "b"},
            ['spec.serviceName: Invalid value: "b": field is immutable'],
            id="serviceName",
        ),
        pytest.param(
            claim(storageClassName="a"),
            {"accessModes": ["ReadWriteMany"]},
            [
                "spec: Forbidden: spec is immutable after creation except resources.requests and "
                "volumeAttributesClassName for bound claims\n"
            ],
            id="claim",
        ),
        pytest.param(
            volume(),
            {"hostPath": {"path": "/other"}},
            ["spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n"],
            id="source",
        ),
    ],
)
def test_what_may_not_change_is_told(obj: JSON, change: JSON, faults: list[str]) -> None:
    registry = new_registry()
    resource = resource_for(obj["apiVersion"], obj["kind"])
    assert resource is not None
    stored = registry.create(resource, obj)
    assert faults_of(registry.update, {**stored, "spec": {**stored["spec"], **change}}) == faults


def bound_claim(registry: Registry, class_name: str) -> JSON:
    stored = registry.create(PERSISTENTVOLUMECLAIMS, claim(storageClassName=class_name))
    status = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    return registry.update_status(PERSISTENTVOLUMECLAIMS, {**stored, "status": status})


@pytest.mark.parametrize(("allows", "expected"), [(True, "2Gi"), (False, "1Gi")])
def test_a_bound_claim_may_grow_if_its_class_says_so(allows: bool, expected: str) -> None:
    registry = new_registry()
    registry.create(STORAGECLASSES, storage_class(allowVolumeExpansion=allows))
    stored = bound_claim(registry, "web")
    larger = {**stored, "spec": {**stored["spec"], "resources": {"requests": {"storage": "2Gi"}}}}
    if allows:
        registry.update(PERSISTENTVOLUMECLAIMS, larger)
    else:
        with pytest.raises(StatusError, match="must support resize"):
            registry.update(PERSISTENTVOLUMECLAIMS, larger)
    found = registry.store.get(PERSISTENTVOLUMECLAIMS, "default", "web")
    assert found["spec"]["resources"]["requests"]["storage"] == expected


def test_a_claim_that_is_not_bound_stays_as_large_as_it_is() -> None:
    registry = new_registry()
    registry.create(STORAGECLASSES, storage_class(allowVolumeExpansion=True))
    stored = registry.create(PERSISTENTVOLUMECLAIMS, claim(storageClassName="web"))
    larger = {**stored, "spec": {**stored["spec"], "resources": {"requests": {"storage": "2Gi"}}}}
    [fault] = faults_of(registry.update, larger)
    assert fault.startswith("spec: Forbidden: spec is immutable after creation except resources.requests")


def test_a_storage_class_keeps_its_provisioner() -> None:
    registry = new_registry()
    stored = registry.create(STORAGECLASSES, storage_class())
    changed = {**stored, "provisioner": "other"}
    assert faults_of(registry.update, changed) == ["provisioner: Invalid value: null: field is immutable"]


def test_defaults_are_those_of_the_real_server() -> None:
    registry = new_registry()
    templates = [{"metadata": {"name": "d"}, "spec": CLAIM}]
    stateful = registry.create(STATEFULSETS, workload("StatefulSet", volumeClaimTemplates=templates))
    spec = stateful["spec"]
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 1}}
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert (spec["podManagementPolicy"], spec["revisionHistoryLimit"], spec["replicas"]) == ("OrderedReady", 10, 1)
    [template] = spec["volumeClaimTemplates"]
    assert (template["kind"], template["status"], template["spec"]["volumeMode"]) == (
        "PersistentVolumeClaim",
        {"phase": "Pending"},
        "Filesystem",
    )
    assert stateful["status"] == {"replicas": 0, "availableReplicas": 0}
    daemon = registry.create(DAEMONSETS, workload("DaemonSet"))
    assert daemon["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    made = registry.create(PERSISTENTVOLUMES, volume())
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    assert (made["spec"]["persistentVolumeReclaimPolicy"], made["status"]["phase"]) == ("Retain", "Pending")


def test_the_generation_of_a_daemon_sets_template_counts_its_changes() -> None:
    registry = new_registry()
    stored = registry.create(DAEMONSETS, workload("DaemonSet"))
    name = "deprecated.daemonset.template.generation"
    assert stored["metadata"]["annotations"] == {name: "1"}
    same = registry.update(DAEMONSETS, {**stored, "spec": {**stored["spec"], "minReadySeconds": 5}})
    assert (same["metadata"]["annotations"][name], same["metadata"]["generation"]) == ("1", 2)
    template = {**TEMPLATE, "spec": {"containers": [{"name": "c", "image": "other"}]}}
    changed = registry.update(DAEMONSETS, {**same, "spec": {**same["spec"], "template": template}})
    assert (changed["metadata"]["annotations"][name], changed["metadata"]["generation"]) == ("2", 3)


@pytest.mark.parametrize("has_sandboxes", [True, False])
def test_claims_of_a_stateful_set_are_told_to_be_unmounted_without_sandboxes(has_sandboxes: bool) -> None:
    stored = new_registry().create(STATEFULSETS, workload("StatefulSet", volumeClaimTemplates=[claim()]))
    config = RegistryConfig(has_sandboxes=has_sandboxes)
    told = [warning_text(each) for each in kind_of(STATEFULSETS).warnings(None, stored, config)]
    said = "spec.volumeClaimTemplates: kubesvc does not act on it: nothing is mounted"
    assert any(each.startswith(said) for each in told) is not has_sandboxes


@pytest.mark.parametrize(("size", "count"), [("1Gi", 0), ("100m", 1), ("8Pi", 0), ("500Pi", 1)])
def test_a_claim_is_warned_of_sizes_that_int64_thousandths_do_not_hold(size: str, count: int) -> None:
    told = list(claim_warnings({"resources": {"requests": {"storage": size}}}, "spec"))
    wanted = f'spec.resources.requests[storage]: fractional byte value "{size}" is invalid, must be an integer'
    assert [warning_text(each) for each in told] == [wanted] * count

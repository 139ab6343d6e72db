"""PersistentVolume (pkg/apis/core/validation, pkg/registry/core/persistentvolume/strategy.go)."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import normpath

from kubeapi.kind import STATUS, Kind, Objects
from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.storage import CLASS_ANNOTATION
from kubeapi.podspec.scheduling import validate_node_selector
from kubeapi.podspec.volumes.defaults import set_source_defaults
from kubeapi.podspec.volumes.paths import no_backsteps
from kubeapi.podspec.volumes.validation import validate_host_path
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import PERSISTENTVOLUMES
from kubeapi.serialization.quantity import amount_of
from kubeapi.status import FieldError
from kubeapi.validation.claim import VOLUME_MODES, validate_access_modes
from kubeapi.validation.faults import Faults, each_invalid, forbidden, invalid, required, unsupported
from kubeapi.validation.names import dns1123_subdomain
from kubeapi.validation.warnings import verbatim

PROTECTION = "kubernetes.io/pv-protection"
_POLICIES = frozenset(("Delete", "Recycle", "Retain"))
_SOURCES = (
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
)
"""In the order in which the real server looks for them: the first one counts."""
_DEPRECATED = {
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_DEPRECATED_ANNOTATIONS = {
    CLASS_ANNOTATION: 'deprecated since v1.8; use "storageClassName" attribute instead',
    "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
}


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    for name, value in (("persistentVolumeReclaimPolicy", "Retain"), ("volumeMode", "Filesystem")):
        if not spec.get(name):
            spec[name] = value
    set_source_defaults(spec)
    if "claimRef" in spec:
        for name, value in (("kind", "PersistentVolumeClaim"), ("apiVersion", "v1")):
            spec["claimRef"].setdefault(name, value)


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": obj["metadata"]["creationTimestamp"]}


def _admit(new: JSON, old: JSON | None, objects: Objects) -> None:
    finalizers = list_at(new, "metadata", "finalizers")
    if old is None and PROTECTION not in finalizers:
        new["metadata"]["finalizers"] = [*finalizers, PROTECTION]


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a PersistentVolume but those of its metadata."""
    spec = obj["spec"]
    modes = list_at(spec, "accessModes")
    if not modes:
        yield required("spec.accessModes")
    yield from validate_access_modes(modes, "spec.accessModes")
    yield from _validate_capacity(map_at(spec, "capacity"))
    policy = spec["persistentVolumeReclaimPolicy"]
    if policy not in _POLICIES:
        yield unsupported("spec.persistentVolumeReclaimPolicy", policy, _POLICIES)
    if spec.get("nodeAffinity") is not None:
        yield from _validate_affinity(spec["nodeAffinity"])
    yield from _validate_sources(spec)
    if policy == "Recycle" and "hostPath" in spec and normpath(map_at(spec, "hostPath").get("path") or "") == "/":
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        yield forbidden("spec.persistentVolumeReclaimPolicy", detail)
    if name := spec.get("storageClassName"):
        yield from each_invalid("spec.storageClassName", name, dns1123_subdomain(name))
    if spec["volumeMode"] not in VOLUME_MODES:
        yield unsupported("spec.volumeMode", spec["volumeMode"], VOLUME_MODES)


def _validate_capacity(capacity: dict[str, str]) -> Faults:
    if not capacity:
        yield required("spec.capacity")
    if capacity.keys() != {"storage"}:
        yield unsupported("spec.capacity", capacity, ("storage",))
    for name, size in capacity.items():
        if amount_of(size) <= 0:
            yield invalid(f"spec.capacity[{name}]", size, "must be greater than zero")


def _validate_affinity(affinity: JSON) -> Faults:
    if affinity.get("required") is None:
        yield required("spec.nodeAffinity.required", "must specify required node constraints")
    else:
        yield from validate_node_selector(affinity["required"], "spec.nodeAffinity.required")


def _validate_sources(spec: JSON) -> Faults:
    given = [each for each in _SOURCES if spec.get(each) is not None]
    if not given:
        yield required("spec", "must specify a volume type")
        return
    if given[0] == "hostPath":
        yield from validate_host_path(spec["hostPath"], "spec.hostPath")
    elif given[0] == "local":
        yield from _validate_local(spec)
    elif given[0] == "csi":
        for name in ("driver", "volumeHandle"):
            if not spec["csi"].get(name):
                yield required(f"spec.csi.{name}")
    for each in given[1:]:
        yield forbidden(f"spec.{each}", "may not specify more than 1 volume type")


def _validate_local(spec: JSON) -> Faults:
    path = spec["local"].get("path")
    if not path:
        yield required("spec.local.path")
    else:
        yield from no_backsteps(path, "spec.local.path")
    if spec.get("nodeAffinity") is None:
        yield required("spec.nodeAffinity", "Local volume requires node affinity")


def _validate_update(new: JSON, old: JSON) -> Faults:
    after, before = new["spec"], old["spec"]
    if any(after.get(each) != before.get(each) for each in _SOURCES):
        yield forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation\n")
    if after["volumeMode"] != before["volumeMode"]:
        yield invalid("volumeMode", after["volumeMode"], "field is immutable")
    if before.get("nodeAffinity") is not None and after.get("nodeAffinity") != before["nodeAffinity"]:
        yield invalid("nodeAffinity", after.get("nodeAffinity"), "field is immutable")


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    spec = after["spec"]
    for name, text in _DEPRECATED_ANNOTATIONS.items():
        if name in annotations_of(after):
            yield verbatim(f"metadata.annotations[{name}]", f"metadata.annotations[{name}]: {text}")
    if spec["persistentVolumeReclaimPolicy"] == "Recycle":
        path = "spec.persistentVolumeReclaimPolicy"
        text = "The Recycle reclaim policy is deprecated."
        yield verbatim(path, f"{path}: {text} Instead, the recommended approach is to use dynamic provisioning.")
    for name, text in _DEPRECATED.items():
        if name in spec:
            yield verbatim(f"spec.{name}", f"spec.{name}: {text}")
    if not {"hostPath", "local"} & spec.keys():
        name = next((each for each in _SOURCES if each in spec), "source")
        yield FieldError(
            "NotEmulated", f"spec.{name}", "kubesvc mounts hostPath and local volumes only; pods wait for this one"
        )


KIND = Kind(
    resource=PERSISTENTVOLUMES,
    subresources=(STATUS,),
    set_defaults=_set_defaults,
    admit=_admit,
    prepare_for_create=_set_first_status,
    validate=_validate,
    validate_update=_validate_update,
    warnings=_warnings,
    returns_deleted=True,
    apply_rank=20,
    requires_spec=True,
)

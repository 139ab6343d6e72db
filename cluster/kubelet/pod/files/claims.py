"""From a pod's volume that names a claim to the folder of the claim's PersistentVolume. Pure.

Follows k8s.io/kubernetes ``pkg/kubelet/volumemanager/populator`` (createVolumeSpec, getPVCExtractPV), with its texts.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.claim import FOLDER_PROVISIONER, PodClaim, claims_of, is_made_for, read_claim
from kubeapi.objects.parts import map_at, spec_of
from kubeapi.objects.persistentvolume import read_volume
from kubelet.pod.files.volumes import Volume

_MOUNTED = ("hostPath", "local")


class ClaimError(Exception):
    """The claim of a volume does not have its folder yet; the text is the kubelet's event."""


def claimed(volume: Volume, pod: JSON, objects: Mapping[str, Mapping[ObjectKey, JSON]]) -> Volume:
    """Return a claim's volume as the hostPath of its PersistentVolume; ClaimError. ``objects`` are by their kinds."""
    source = next(each for each in claims_of(pod) if each.volume == volume.name)
    key = ObjectKey(pod["metadata"]["namespace"], source.name)
    claim = objects.get("PersistentVolumeClaim", {}).get(key)
    if why := _not_usable(claim, pod, source):
        raise _error(volume, key, why)
    assert claim is not None, "a claim that is not there is not usable"
    name = read_claim(claim).volume_name
    found = objects.get("PersistentVolume", {}).get(ObjectKey("", name))
    if found is None:
        raise _error(volume, key, f'failed to fetch PV {name} from API server: persistentvolumes "{name}" not found')
    if map_at(spec_of(found), "claimRef").get("uid") != claim["metadata"]["uid"]:
        raise _error(volume, key, f"PV {name} spec.claimRef is not set to this PVC's UID")
    if not read_volume(found).path:
        raise _error(volume, key, f"PV {name} is of the sort {_sort(found)}; kubesvc mounts {' and '.join(_MOUNTED)}")
    return _mounted(volume, found, is_read_only=source.is_read_only)


def _mounted(volume: Volume, persistent_volume: JSON, *, is_read_only: bool) -> Volume:
    """Return the volume of a pod as the folder of a PersistentVolume; that of a local one has to be there."""
    reading, path = read_volume(persistent_volume), map_at(spec_of(persistent_volume), "hostPath")
    return Volume(
        volume.name,
        "hostPath",
        {"path": reading.path, "type": (path.get("type") or "") if path else "Directory"},
        is_read_only=is_read_only,
        is_provisioned=reading.provisioner == FOLDER_PROVISIONER,
    )


def _sort(persistent_volume: JSON) -> str:
    """Return the field with the source of a PersistentVolume."""
    others = ("capacity", "claimRef", "nodeAffinity")
    spec = spec_of(persistent_volume)
    return next((each for each in spec if isinstance(spec[each], dict) and each not in others), "nothing")


def _not_usable(claim: JSON | None, pod: JSON, source: PodClaim) -> str:
    """Return why a pod cannot use a claim, "" if it can."""
    if claim is None:
        return f'failed to fetch PVC from API server: persistentvolumeclaims "{source.name}" not found'
    reading = read_claim(claim)
    if source.is_ephemeral and not is_made_for(pod, claim):
        pod_name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        return f"PVC {reading.key} was not created for pod {pod_name} (pod is not owner)"
    if reading.is_terminating:
        return "PVC is being deleted"
    if reading.phase != "Bound" or not reading.volume_name:
        return "PVC is not bound"
    if reading.volume_mode == "Block":
        return "kubesvc has no block devices for pods; the claim's volumeMode must be Filesystem"
    return ""


def _error(volume: Volume, key: ObjectKey, why: str) -> ClaimError:
    name = volume.name
    return ClaimError(
        f"Unable to attach or mount volumes: unmounted volumes=[{name}], unattached volumes=[], "
        f"failed to process volumes=[{name}]: error processing PVC {key}: {why}"
    )

"""Claims of ephemeral volumes: each pod gets its own, which goes with it.

Pure. Follows k8s.io/kubernetes ``pkg/controller/volume/ephemeral``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeapi.meta import JSON, ObjectKey, copy_object, owner_reference
from kubeapi.objects.claim import is_made_for
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import WARNING, Change, Create, Outcome, RecordEvent
from kubecontroller.listers import Listers


def reconcile(pod: JSON, find_claim: Callable[[str], JSON | None]) -> list[Change]:
    """Return the claims to create for a pod's ephemeral volumes."""
    changes: list[Change] = []
    for volume in list_at(pod, "spec", "volumes"):
        if volume.get("ephemeral") is None:
            continue
        name = f"{pod['metadata']['name']}-{volume['name']}"
        claim = find_claim(name)
        if claim is None:
            failed = f"ephemeral volume {volume['name']}: create PVC {name}: {{error}}"
            outcome = Outcome(pod, "FailedBinding", failed)
            changes.append(Create(PERSISTENTVOLUMECLAIMS, _new_claim(pod, volume, name), outcome))
        elif not is_made_for(pod, claim):
            key = read_pod(pod).key
            text = f"PVC {key.namespace}/{name} was not created for pod {key} (pod is not owner)"
            changes.append(RecordEvent(pod, WARNING, "FailedBinding", f"ephemeral volume {volume['name']}: {text}"))
    return changes


def _new_claim(pod: JSON, volume: JSON, name: str) -> JSON:
    template = copy_object(map_at(volume, "ephemeral", "volumeClaimTemplate"))
    metadata: JSON = {
        "name": name,
        "namespace": pod["metadata"]["namespace"],
        "ownerReferences": [owner_reference(pod)],
        **{field: value for field in ("labels", "annotations") if (value := map_at(template, "metadata").get(field))},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"]}


class EphemeralVolumeController:
    """Runs ``reconcile`` for the pods that have ephemeral volumes."""

    name = "ephemeral_volume"
    resource = PODS
    watches = (PODS, PERSISTENTVOLUMECLAIMS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the pods to look at after a change: one that is new, or whose claim is gone."""
        if resource is PODS:
            volumes = list_at(delta.new, "spec", "volumes") if delta.new is not None and delta.old is None else ()
            return [delta.key] if any(each.get("ephemeral") is not None for each in volumes) else []
        if delta.new is not None:
            return []
        return [read_pod(each).key for each in self._listers.pods_with_claim(delta.key)]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        store = self._listers.store
        pod = store.find(PODS, key)
        if pod is None or read_pod(pod).is_terminating:
            return []
        return reconcile(pod, lambda name: store.find(PERSISTENTVOLUMECLAIMS, ObjectKey(key.namespace, name)))

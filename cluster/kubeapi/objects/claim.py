"""What a PersistentVolumeClaim says of itself, and which claims a pod's volumes name.

Follows k8s.io/component-helpers ``storage/volume`` and ``storage/ephemeral``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, annotations_of, controller_of, key_of
from kubeapi.objects.parts import list_at, map_at, spec_of, status_of
from kubeapi.objects.storage import CLASS_ANNOTATION, Storage
from kubeapi.serialization.quantity import amount_of

SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""On a claim that waits for its first consumer: the node for which the scheduler asks for a volume."""
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
FOLDER_PROVISIONER = "kubesvc.dev/folder"
"""Makes the volumes of a class in the cluster's own folder."""
READ_WRITE_ONCE_POD = "ReadWriteOncePod"


class Claim(Storage):
    """A PersistentVolumeClaim, read when it is asked for."""

    __slots__ = ()

    @property
    def key(self) -> ObjectKey:
        """Its namespace and name."""
        return key_of(self.obj)

    @property
    def has_class(self) -> bool:
        """Whether it says which class it wants, be it none."""
        return CLASS_ANNOTATION in annotations_of(self.obj) or spec_of(self.obj).get("storageClassName") is not None

    @property
    def volume_name(self) -> str:
        """The volume that it has or wants, "" for any."""
        return spec_of(self.obj).get("volumeName") or ""

    @property
    def access_modes(self) -> Sequence[str]:
        """The access modes that it wants."""
        return list_at(self.obj, "spec", "accessModes")

    @property
    def requested(self) -> Decimal:
        """The bytes that it wants."""
        return amount_of(map_at(self.obj, "spec", "resources", "requests").get("storage", "0"))

    @property
    def capacity(self) -> Decimal:
        """The bytes that it has, 0 before it is bound."""
        return amount_of(map_at(self.obj, "status", "capacity").get("storage", "0"))

    @property
    def phase(self) -> str:
        """Pending, Bound or Lost."""
        return status_of(self.obj).get("phase") or "Pending"

    @property
    def is_bound(self) -> bool:
        """Whether it has its volume for good."""
        return bool(self.volume_name) and BIND_COMPLETED in annotations_of(self.obj)

    @property
    def selected_node(self) -> str:
        """The node for which the scheduler asks for a volume, "" if it has not asked."""
        return annotations_of(self.obj).get(SELECTED_NODE, "")


read_claim = Claim
"""Returns the reading of a PersistentVolumeClaim."""


class PodClaim(NamedTuple):
    """The claim of one of a pod's volumes; ``is_ephemeral``: it is made for the pod and goes with it."""

    volume: str
    name: str
    is_ephemeral: bool
    is_read_only: bool


def claims_of(pod: JSON) -> list[PodClaim]:
    """Return the claims that a pod's volumes name."""
    found = []
    for each in list_at(pod, "spec", "volumes"):
        if (source := each.get("persistentVolumeClaim")) is not None:
            found.append(PodClaim(each["name"], source.get("claimName") or "", False, bool(source.get("readOnly"))))
        elif each.get("ephemeral") is not None:
            found.append(PodClaim(each["name"], f"{pod['metadata']['name']}-{each['name']}", True, False))
    return found


def is_made_for(pod: JSON, claim: JSON) -> bool:
    """Tell whether a claim is the one of an ephemeral volume of the pod (VolumeIsForPod)."""
    controller = controller_of(claim)
    return controller is not None and controller.get("uid") == pod["metadata"].get("uid")


def is_default(storage_class: JSON) -> bool:
    """Tell whether a StorageClass is marked as that of claims which name none."""
    annotations = annotations_of(storage_class)
    return any(
        annotations.get(f"storageclass.{group}kubernetes.io/is-default-class") == "true" for group in ("", "beta.")
    )


def default_class(classes: Iterable[JSON]) -> JSON | None:
    """Return the StorageClass of claims that name none: of several the newest, then the first by name."""
    by_name = sorted(filter(is_default, classes), key=lambda each: str(each["metadata"]["name"]))
    newest_first = sorted(by_name, key=lambda each: str(each["metadata"].get("creationTimestamp", "")), reverse=True)
    return newest_first[0] if newest_first else None


def waits_for_consumer(storage_class: JSON | None) -> bool:
    """Tell whether claims of a StorageClass get their volume only when a pod is scheduled that uses them."""
    return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"

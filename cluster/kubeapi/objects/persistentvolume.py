"""What a PersistentVolume says of itself, and which volume suits a claim.

Follows k8s.io/component-helpers ``storage/volume/pv_helpers.go`` (FindMatchingVolume).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from kubeapi.meta import JSON, annotations_of, labels_of, matches_selector
from kubeapi.objects.claim import Claim, read_claim
from kubeapi.objects.parts import list_at, map_at, spec_of, status_of
from kubeapi.objects.placement import satisfies_terms
from kubeapi.objects.storage import Storage
from kubeapi.serialization.quantity import amount_of

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"


class PersistentVolume(Storage):
    """A PersistentVolume, read when it is asked for."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.obj["metadata"]["name"])

    @property
    def capacity(self) -> Decimal:
        """Its bytes."""
        return amount_of(map_at(self.obj, "spec", "capacity").get("storage", "0"))

    @property
    def access_modes(self) -> Sequence[str]:
        """Its access modes."""
        return list_at(self.obj, "spec", "accessModes")

    @property
    def phase(self) -> str:
        """Pending, Available, Bound, Released or Failed."""
        return status_of(self.obj).get("phase") or "Pending"

    @property
    def claim_reference(self) -> JSON | None:
        """The claim that it is bound to or kept for, None for none."""
        reference: JSON | None = spec_of(self.obj).get("claimRef")
        return reference

    @property
    def reclaim_policy(self) -> str:
        """What becomes of it after its claim: Retain, Delete or Recycle."""
        return spec_of(self.obj).get("persistentVolumeReclaimPolicy") or "Retain"

    @property
    def provisioner(self) -> str:
        """What has made it for a claim, "" for a person."""
        return annotations_of(self.obj).get(PROVISIONED_BY, "")

    @property
    def path(self) -> str:
        """Its folder or file on the machine (hostPath, local), "" for another sort of storage."""
        spec = spec_of(self.obj)
        return map_at(spec, "hostPath").get("path") or map_at(spec, "local").get("path") or ""

    def fits_node(self, node: JSON) -> bool:
        """Tell whether a Node has access to it."""
        required = map_at(self.obj, "spec", "nodeAffinity").get("required")
        return required is None or satisfies_terms(list_at(required, "nodeSelectorTerms"), node)

    def is_for(self, claim: Claim) -> bool:
        """Tell whether it is bound to a claim or kept for it."""
        reference = self.claim_reference
        if reference is None or (reference.get("namespace"), reference.get("name")) != claim.key:
            return False
        return reference.get("uid") in (None, "", claim.obj["metadata"].get("uid"))


read_volume = PersistentVolume
"""Returns the reading of a PersistentVolume."""


class Search(NamedTuple):
    """How to look for a claim's volume: ``node`` has to reach it; one that ``waits`` takes only what is kept for it."""

    node: JSON | None
    waits: bool


def find_volume(claim_obj: JSON, volumes: Iterable[JSON], search: Search) -> PersistentVolume | None:
    """Return the volume that suits a claim: one that is kept for it, or that with the fewest modes and bytes."""
    claim = read_claim(claim_obj)
    suited = [each for each in map(read_volume, volumes) if _suits(claim, each)]
    kept = [each for each in suited if each.is_for(claim)]
    if kept:
        return kept[0] if search.node is None or kept[0].fits_node(search.node) else None
    if search.waits and search.node is None:
        return None
    selector = spec_of(claim_obj).get("selector")
    free = [
        each
        for each in suited
        if each.claim_reference is None
        and each.phase == "Available"
        and each.storage_class == claim.storage_class
        and (selector is None or matches_selector(selector, labels_of(each.obj)))
        and (search.node is None or each.fits_node(search.node))
    ]
    return min(free, key=lambda each: (len(each.access_modes), each.capacity), default=None)


def _suits(claim: Claim, volume: PersistentVolume) -> bool:
    return (
        volume.capacity >= claim.requested
        and volume.volume_mode == claim.volume_mode
        and volume.attributes_class == claim.attributes_class
        and not volume.is_terminating
        and set(claim.access_modes) <= set(volume.access_modes)
    )


def mismatch(claim: Claim, volume: PersistentVolume) -> str:
    """Return why a claim cannot have the volume that it names, "" if it can (checkVolumeSatisfyClaim)."""
    if volume.is_terminating:
        return f'the volume is marked for deletion "{volume.name}"'
    if volume.capacity < claim.requested:
        return "requested PV is too small"
    if volume.storage_class != claim.storage_class:
        return "storageClassName does not match"
    if volume.attributes_class != claim.attributes_class:
        return "volumeAttributesClassName does not match"
    if volume.volume_mode != claim.volume_mode:
        return "incompatible volumeMode"
    return "" if set(claim.access_modes) <= set(volume.access_modes) else "incompatible accessMode"

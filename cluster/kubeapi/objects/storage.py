"""What a claim and a volume say alike of the storage that they want or are."""

from __future__ import annotations

from kubeapi.meta import annotations_of, is_terminating
from kubeapi.objects.parts import Reading, spec_of

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
"""The class of a claim or a volume before it had a field."""


class Storage(Reading):
    """A PersistentVolumeClaim or a PersistentVolume, read when it is asked for."""

    __slots__ = ()

    @property
    def storage_class(self) -> str:
        """The name of its class, "" for none."""
        annotation = annotations_of(self.obj).get(CLASS_ANNOTATION)
        return spec_of(self.obj).get("storageClassName") or "" if annotation is None else annotation

    @property
    def volume_mode(self) -> str:
        """Filesystem or Block."""
        return spec_of(self.obj).get("volumeMode") or "Filesystem"

    @property
    def attributes_class(self) -> str:
        """The name of its VolumeAttributesClass, "" for none."""
        return spec_of(self.obj).get("volumeAttributesClassName") or ""

    @property
    def is_terminating(self) -> bool:
        """Whether its deletion has begun."""
        return is_terminating(self.obj)

"""What of a pod's volumes is not emulated, as ``warnings`` names it. Pure."""

from __future__ import annotations

from typing import Any

from kubeapi.objects.parts import map_at
from kubeapi.objects.serviceaccount import is_token_volume

_CLAIMS = ("persistentVolumeClaim", "ephemeral")
_SIMPLE = ("emptyDir", "hostPath", "configMap", "secret", "downwardAPI", "projected", "image", *_CLAIMS)


def unknown_volumes(volumes: Any) -> list[str]:
    """Return the kinds of volumes that are no folders of this machine."""
    kinds = ((each["name"], [kind for kind in each if kind != "name"]) for each in volumes)
    return [f"{', '.join(found)} of volume {name}" for name, found in kinds if found and not set(found) & set(_SIMPLE)]


def folders_with_a_medium(volumes: Any) -> list[str]:
    """Return the folders that ask for a medium other than memory, and lie on the disk."""
    media = ((each["name"], map_at(each, "emptyDir").get("medium", "")) for each in volumes)
    return [f"medium of volume {name}" for name, medium in media if medium not in ("", "Memory")]


def folders_with_modes(volumes: Any) -> list[str]:
    """Return the folders that are to have permissions of their own."""
    return [f"mode of volume {each['name']}" for each in volumes if map_at(each, "emptyDir").get("mode") is not None]


def has_options(mounts: Any) -> bool:
    """Tell whether a mount has options of mount(8)."""
    return any(each.get("bindMountOptions") for each in mounts or ())


def propagates(mounts: Any) -> bool:
    """Tell whether a mount is to spread out of its container, or into it."""
    return any(each.get("mountPropagation", "None") != "None" for each in mounts or ())


def mounts_any(volumes: Any) -> bool:
    """Tell whether a pod has volumes beside the one with a token that admission gives to it."""
    return not all(is_token_volume(each) for each in volumes)

"""A pod's volumes: what each is, and the files of those that the API's objects fill. Pure.

Follows k8s.io/kubernetes ``pkg/volume`` (configmap, secret, projected, downwardapi: MakePayload, CollectData). What a
volume's files lie in is ``runtime.volumes``'; where a container has it is ``roots``'.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.serviceaccount import is_token_volume
from kubeapi.serialization.quantity import amount_of
from kubelet.pod.downward import FieldError, field_value, resource_value
from kubelet.pod.environment import Sources
from kubelet.pod.files.trust import TrustError, trust_anchors

DEFAULT_MODE = 0o644
SUPPORTED = ("emptyDir", "hostPath", "configMap", "secret", "downwardAPI", "projected", "image")
_CLAIMS = ("persistentVolumeClaim", "ephemeral")
"""Volumes that claims stand for."""


class VolumeError(Exception):
    """The volume cannot be set up yet; the text is the kubelet's, after ``MountVolume.SetUp failed ... :``."""


class Volume(NamedTuple):
    """One entry of spec.volumes; ``kind`` is the field that says what it is, and ``source`` its value.

    That of a claim becomes the hostPath of the claim's volume (``claims.claimed``): ``is_read_only`` for all containers
    if the pod says so, and ``is_provisioned`` if the cluster has made its folder.
    """

    name: str
    kind: str
    source: JSON
    is_read_only: bool = False
    is_provisioned: bool = False

    @property
    def has_files(self) -> bool:
        """Whether its files come from objects of the API; no container may write them."""
        return self.kind in _PAYLOADS

    @property
    def is_claim(self) -> bool:
        """Whether it stands for a claim."""
        return self.kind in _CLAIMS

    @property
    def image(self) -> str:
        """The reference of the image that it shows, else ""."""
        return self.source.get("reference") or "" if self.kind == "image" else ""

    @property
    def is_in_memory(self) -> bool:
        """Whether it is a tmpfs."""
        return self.kind == "emptyDir" and self.source.get("medium") == "Memory"

    @property
    def size(self) -> int:
        """Bytes that a tmpfs may have, 0 for the kernel's default."""
        return int(amount_of(str(self.source.get("sizeLimit") or 0)))

    @property
    def host_path(self) -> str:
        """The path of a hostPath, else ""."""
        return self.source.get("path") or "" if self.kind == "hostPath" else ""


class VolumeFile(NamedTuple):
    """One file of a volume."""

    content: bytes
    mode: int


Files = Mapping[str, VolumeFile]
"""The files of a volume, by their paths in it."""


def read_volumes(pod: JSON, *, has_tokens: bool = True) -> tuple[Volume, ...]:
    """Return the volumes of a Pod object; if it gets no tokens, without the one that admission has given to it."""
    volumes = list_at(pod, "spec", "volumes")
    return tuple(_read_volume(each) for each in volumes if has_tokens or not is_token_volume(each))


def _read_volume(volume: JSON) -> Volume:
    kinds = [each for each in volume if each != "name"]
    kind = next((each for each in (*SUPPORTED, *_CLAIMS) if each in volume), kinds[0] if kinds else "emptyDir")
    return Volume(volume["name"], kind, map_at(volume, kind))


def volume_files(volume: Volume, sources: Sources) -> Files:
    """Return the files of a volume that has some; VolumeError."""
    mode = volume.source.get("defaultMode")
    return _PAYLOADS[volume.kind](volume.source, sources, DEFAULT_MODE if mode is None else mode)


def _config_map_files(source: JSON, sources: Sources, mode: int) -> Files:
    found = _find("ConfigMap", source, sources)
    texts = {key: text.encode() for key, text in map_at(found, "data").items()}
    binary = {key: base64.b64decode(text) for key, text in map_at(found, "binaryData").items()}
    return _chosen(texts | binary, source, mode, "configmap references non-existent config key")


def _secret_files(source: JSON, sources: Sources, mode: int) -> Files:
    named = source if "name" in source else {**source, "name": source.get("secretName")}
    found = _find("Secret", named, sources)
    values = {key: base64.b64decode(text) for key, text in map_at(found, "data").items()}
    return _chosen(values, source, mode, "references non-existent secret key")


def _find(kind: str, source: JSON, sources: Sources) -> JSON:
    """Return the object that a volume names; an empty one if it is optional and missing."""
    name = source.get("name") or ""
    found = sources.objects.get(kind, {}).get(ObjectKey(sources.pod.key.namespace, name))
    if found is not None:
        return found
    if source.get("optional"):
        return {}
    raise VolumeError(f'{kind.lower()} "{name}" not found')


def _chosen(values: Mapping[str, bytes], source: JSON, mode: int, missing: str) -> Files:
    """Return the files of an object's values: each by its key, or the ``items`` by their paths."""
    items = list_at(source, "items")
    if not items:
        return {key: VolumeFile(content, mode) for key, content in values.items()}
    files: dict[str, VolumeFile] = {}
    for item in items:
        if item["key"] in values:
            files[item["path"]] = VolumeFile(values[item["key"]], _mode(item, mode))
        elif not source.get("optional"):
            raise VolumeError(f"{missing}: {item['key']}")
    return files


def _mode(item: JSON, default: int) -> int:
    mode = item.get("mode")
    return default if mode is None else int(mode)


def _downward_files(source: JSON, sources: Sources, mode: int) -> Files:
    return {
        each["path"]: VolumeFile(_downward_value(each, sources).encode(), _mode(each, mode))
        for each in list_at(source, "items")
    }


def _downward_value(item: JSON, sources: Sources) -> str:
    pod = sources.pod
    try:
        if "resourceFieldRef" in item:
            return resource_value(pod, pod.containers[0], item["resourceFieldRef"], sources.place.allocatable)
        return field_value(pod, sources.place, map_at(item, "fieldRef").get("fieldPath") or "")
    except FieldError as error:
        raise VolumeError(str(error)) from None
    except KeyError as error:
        raise VolumeError(f"container {error.args[0]} not found") from None


def _token_files(source: JSON, sources: Sources, mode: int) -> Files:
    return {source.get("path", ""): VolumeFile(sources.token(source).encode(), mode)}


def _trust_files(source: JSON, sources: Sources, mode: int) -> Files:
    try:
        text = trust_anchors(source, sources.objects.get("ClusterTrustBundle", {}))
    except TrustError as error:
        raise VolumeError(str(error)) from None
    return {source.get("path", ""): VolumeFile(text.encode(), mode)}


def _certificate_files(source: JSON, sources: Sources, mode: int) -> Files:
    found = sources.certificate(source)
    if found is None:
        return {}
    key, chain = found
    contents = {"credentialBundlePath": key + chain, "keyPath": key, "certificateChainPath": chain}
    return {source[name]: VolumeFile(content, mode) for name, content in contents.items() if source.get(name)}


def _projected_files(source: JSON, sources: Sources, mode: int) -> Files:
    """Return the files of all sources of a projected volume; of two with one path the later counts."""
    files: dict[str, VolumeFile] = {}
    faults: list[str] = []
    for kind, projection in _projections(source):
        try:
            files |= _PROJECTED[kind](projection, sources, mode)
        except VolumeError as error:
            faults.append(str(error))
    if faults:
        raise VolumeError(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
    return files


def _projections(source: JSON) -> Iterator[tuple[str, JSON]]:
    for projection in list_at(source, "sources"):
        yield from ((kind, projection[kind]) for kind in _PROJECTED if projection.get(kind) is not None)


_PAYLOADS: Mapping[str, Callable[[JSON, Sources, int], Files]] = {
    "configMap": _config_map_files,
    "secret": _secret_files,
    "downwardAPI": _downward_files,
    "projected": _projected_files,
}
_PROJECTED: Mapping[str, Callable[[JSON, Sources, int], Files]] = {
    **{kind: files for kind, files in _PAYLOADS.items() if kind != "projected"},
    "serviceAccountToken": _token_files,
    "clusterTrustBundle": _trust_files,
    "podCertificate": _certificate_files,
}
"""The sources of a projected volume."""

"""What the volumes of a pod must be (pkg/apis/core/validation ValidateVolumes), though nothing mounts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kubeapi.meta import JSON
from kubeapi.podspec.volumes.files import validate_downward_file, validate_item, validate_mode
from kubeapi.podspec.volumes.paths import no_backsteps
from kubeapi.podspec.volumes.projected import validate_projected
from kubeapi.serialization.quantity import amount_of
from kubeapi.status import FieldError
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    one_of,
    required,
    too_long,
    unsupported,
)
from kubeapi.validation.names import dns1123_label, dns1123_subdomain

_SOURCES = (
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
)
"""In the order in which the real server looks for them: the first one counts."""
_NAMED_OTHERWISE = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""Sources that the real server's message for a second one misspells."""
_HOST_PATH_TYPES = frozenset(
    ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
)
_PULL_POLICIES = frozenset(("Always", "IfNotPresent", "Never"))
_LONGEST_DRIVER = 63


def validate_volumes(volumes: Sequence[JSON], path: str) -> Iterator[FieldError]:
    """Yield the faults of a pod's volumes."""
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        where, name = f"{path}[{index}]", volume.get("name", "")
        faults = list(_validate_source(volume, where))
        faults.extend(each_invalid(f"{where}.name", name, dns1123_label(name)) if name else [required(f"{where}.name")])
        if name in names:
            faults.append(duplicate(f"{where}.name", name))
        if not faults:
            names.add(name)
        yield from faults


def mountable_names(volumes: Sequence[JSON]) -> frozenset[str]:
    """Return the names of the volumes that have no fault."""
    return frozenset(
        each["name"]
        for each in volumes
        if each.get("name") and not dns1123_label(each["name"]) and not any(True for _ in _validate_source(each, ""))
    )


def _validate_source(volume: JSON, path: str) -> Faults:
    given = [each for each in _SOURCES if each in volume]
    if not given:
        yield required(path, "must specify a volume type")
        return
    rule = _RULES.get(given[0])
    if rule is not None:
        yield from rule(volume[given[0]], f"{path}.{given[0]}")
    for each in given[1:]:
        yield forbidden(f"{path}.{_NAMED_OTHERWISE.get(each, each)}", "may not specify more than 1 volume type")


def _validate_empty_dir(source: JSON, path: str) -> Faults:
    if "sizeLimit" in source and amount_of(source["sizeLimit"]) < 0:
        yield forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def validate_host_path(source: JSON, path: str) -> Faults:
    """Yield the faults of a hostPath."""
    if not source.get("path"):
        yield required(f"{path}.path")
        return
    yield from no_backsteps(source["path"], f"{path}.path")
    if source.get("type", "") not in _HOST_PATH_TYPES:
        yield unsupported(f"{path}.type", source["type"], _HOST_PATH_TYPES)


def _validate_files(name: str) -> Callable[[JSON, str], Faults]:
    """Return the rule of a Secret or ConfigMap; ``name`` is the field with its name."""

    def rule(source: JSON, path: str) -> Faults:
        if not source.get(name):
            yield required(f"{path}.{name}")
        yield from validate_mode(source, path)
        for index, item in enumerate(source.get("items", ())):
            yield from validate_item(item, f"{path}.items[{index}]")

    return rule


def _validate_nfs(source: JSON, path: str) -> Faults:
    for field in ("server", "path"):
        if not source.get(field):
            yield required(f"{path}.{field}")
    if not source.get("path", "").startswith("/"):
        yield invalid(f"{path}.path", source.get("path", ""), "must be an absolute path")


def _validate_claim(source: JSON, path: str) -> Faults:
    if not source.get("claimName"):
        yield required(f"{path}.claimName")


def _validate_downward(source: JSON, path: str) -> Faults:
    yield from validate_mode(source, path)
    for file in source.get("items", ()):
        yield from validate_downward_file(file, path)


def _validate_csi(source: JSON, path: str) -> Faults:
    driver, secret = source.get("driver", ""), source.get("nodePublishSecretRef")
    if not driver:
        yield required(f"{path}.driver")
    if len(driver) > _LONGEST_DRIVER:
        yield too_long(f"{path}.driver", _LONGEST_DRIVER)
    yield from each_invalid(f"{path}.driver", driver, dns1123_subdomain(driver.lower()))
    if secret is not None and not secret.get("name"):
        yield required(f"{path}.nodePublishSecretRef.name")
    elif secret is not None:
        yield from each_invalid(f"{path}.name", secret["name"], dns1123_subdomain(secret["name"]))


def _validate_ephemeral(source: JSON, path: str) -> Faults:
    if "volumeClaimTemplate" not in source:
        yield required(f"{path}.volumeClaimTemplate")


def _validate_image(source: JSON, path: str) -> Faults:
    if not source.get("reference"):
        yield required(f"{path}.reference")
    yield from one_of(f"{path}.pullPolicy", source.get("pullPolicy"), _PULL_POLICIES)


_RULES: dict[str, Callable[[JSON, str], Faults]] = {
    "emptyDir": _validate_empty_dir,
    "hostPath": validate_host_path,
    "secret": _validate_files("secretName"),
    "nfs": _validate_nfs,
    "persistentVolumeClaim": _validate_claim,
    "downwardAPI": _validate_downward,
    "configMap": _validate_files("name"),
    "projected": validate_projected,
    "csi": _validate_csi,
    "ephemeral": _validate_ephemeral,
    "image": _validate_image,
}
"""The volumes of cloud providers and of old file systems are passed as they are."""

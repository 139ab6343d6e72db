"""A pod's ServiceAccount: which one it has, and the volume with its token (plugin/pkg/admission/serviceaccount). Pure.

A controller makes the ServiceAccount ``default`` of each namespace. The real plug-in waits for it for a second or two;
here such a pod is admitted at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from kubeapi.kind import Objects
from kubeapi.meta import JSON, NAME_SUFFIX_ALPHABET, ObjectKey, annotations_of
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.serviceaccount import (
    DEFAULT_ACCOUNT,
    ENFORCE_SECRETS,
    TOKEN_PATH,
    TOKEN_SOURCE,
    TOKEN_VOLUME,
    is_token_volume,
    mounts_token,
    secret_names,
)
from kubeapi.scheme import PODS, SERVICEACCOUNTS
from kubeapi.status import Forbidden

_MIRROR = "kubernetes.io/config.mirror"
_SUFFIX_LENGTH = 5


def give_account(pod: JSON, objects: Objects) -> None:
    """Give a new pod its ServiceAccount and a token; Forbidden if there is no such account."""
    metadata, spec = pod["metadata"], pod["spec"]
    if _MIRROR in annotations_of(pod):
        return
    if not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"] = DEFAULT_ACCOUNT
    name = spec["serviceAccountName"]
    account = _account(pod, objects)
    if account is None and name != DEFAULT_ACCOUNT:
        place = f"{metadata['namespace']}/{name}"
        detail = f'error looking up service account {place}: serviceaccount "{name}" not found'
        raise Forbidden(PODS, metadata.get("name") or metadata.get("generateName", ""), detail)
    if mounts_token(account, spec):
        _mount_token(spec, str(metadata.get("uid", "")))
    if account is not None and not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [{"name": each} for each in secret_names(account, "imagePullSecrets")]


def _account(pod: JSON, objects: Objects) -> JSON | None:
    key = ObjectKey(pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", ""))
    return objects.find(SERVICEACCOUNTS, key)


def _mount_token(spec: JSON, uid: str) -> None:
    """Mount the token in every container that has nothing in its place."""
    volumes = list_at(spec, "volumes")
    own = next((each["name"] for each in volumes if is_token_volume(each)), "")
    name = own or f"{TOKEN_VOLUME}{_suffix(uid)}"
    mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}
    is_needed = False
    for container in (*list_at(spec, "initContainers"), *list_at(spec, "containers")):
        mounts = list_at(container, "volumeMounts")
        if not any(each.get("mountPath") == TOKEN_PATH for each in mounts):
            container["volumeMounts"] = [*mounts, mount]
            is_needed = True
    if is_needed and not own:
        spec["volumes"] = [*volumes, {"name": name, "projected": TOKEN_SOURCE}]


def _suffix(uid: str) -> str:
    """Return five letters that differ from pod to pod: those of its uid, which is random."""
    number, letters = int(uid.replace("-", "") or "0", 16), len(NAME_SUFFIX_ALPHABET)
    return "".join(NAME_SUFFIX_ALPHABET[number // letters**place % letters] for place in range(_SUFFIX_LENGTH))


def check_secrets(pod: JSON, objects: Objects) -> str:
    """Return why a pod may not have one of its Secrets, "" if it may; only few ServiceAccounts restrict them."""
    account = _account(pod, objects)
    if account is None or annotations_of(account).get(ENFORCE_SECRETS, "").lower() not in ("1", "t", "true"):
        return ""
    spec, name = pod["spec"], account["metadata"]["name"]
    denied = f"is not allowed because service account {name} does not reference that"
    allowed = secret_names(account, "secrets")
    for secret, where in _used_secrets(spec):
        if secret not in allowed:
            return f'{where}secret.secretName="{secret}" {denied} secret'
    pull_secrets = secret_names(account, "imagePullSecrets")
    for index, reference in enumerate(list_at(spec, "imagePullSecrets")):
        if (pull_secret := reference.get("name", "")) not in pull_secrets:
            return f'imagePullSecrets[{index}].name="{pull_secret}" {denied} imagePullSecret'
    return ""


def _used_secrets(spec: JSON) -> Iterator[tuple[str, str]]:
    """Yield the Secrets that a pod's volumes and variables name, and what an error says before the name."""
    for volume in list_at(spec, "volumes"):
        if "secret" in volume:
            yield volume["secret"].get("secretName", ""), "volume with "
    for field, what in (("initContainers", "init container"), ("containers", "container")):
        for container in list_at(spec, field):
            yield from _secrets_of_container(container, f"{what} {container['name']} with ")


def _secrets_of_container(container: JSON, where: str) -> Iterator[tuple[str, str]]:
    sources: Collection[Any] = list_at(container, "env")
    for variable in sources:
        if reference := map_at(variable, "valueFrom", "secretKeyRef"):
            yield reference.get("name", ""), f"{where}envVar {variable['name']} referencing "
    for source in list_at(container, "envFrom"):
        if reference := map_at(source, "secretRef"):
            yield reference.get("name", ""), f"{where}envFrom referencing "

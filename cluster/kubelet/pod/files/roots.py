"""What a container sees of the file system, and as which user: from its spec to what the agent mounts. Pure.

Follows k8s.io/kubernetes ``pkg/kubelet/kubelet_pods.go`` (makeMounts) and containerd (mounts are made from the top of
the tree down).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from kubeapi.meta import JSON
from kubelet.pod.environment import ConfigError, expand
from kubelet.pod.files.volumes import Volume
from kubelet.pod.security import read_privileges
from kubelet.pod.spec import ContainerSpec, PodSpec
from kubelet.spec.sandbox import Mount, Root

TMP_PATH = "/tmp"  # noqa: S108 - the folder of that name that each container has for itself
RUN_PATH = "/run"
SHARED_MEMORY_PATH = "/dev/shm"  # noqa: S108 - as TMP_PATH
ETC = ("resolv.conf", "hosts", "hostname")
"""The files of /etc that are a pod's own."""


class ContainerFolders(NamedTuple):
    """Where the things that a container sees lie on this machine.

    ``volumes`` has a folder for each volume by its name, ``etc`` the pod's files of /etc by their names. ``tmp`` is the
    container's /tmp, ``message`` the file of its last message, ``shared_memory`` the /dev/shm of all containers, "" for
    its own. ``programs`` are paths that it must find where they are, though they may lie in the machine's /tmp or /run:
    its program, the cluster's own files.
    """

    volumes: str
    etc: str
    etc_files: frozenset[str]
    tmp: str
    message: str
    shared_memory: str = ""
    programs: tuple[str, ...] = ()


def container_root(
    pod: PodSpec,
    container: ContainerSpec,
    volumes: Iterable[Volume],
    folders: ContainerFolders,
    environment: Mapping[str, str],
) -> Root:
    """Return the root of a container; ConfigError. Its working directory is not set."""
    privileges = read_privileges(pod, container)
    by_name = {each.name: each for each in volumes}
    mounted = [each for each in container.mounts if each["name"] in by_name]  # all, but for a token that is left out
    asked = [_mount(each, by_name[each["name"]], folders.volumes, environment) for each in mounted]
    taken = {each.target for each in asked}
    own = [each for each in _own_mounts(container, folders, privileges.is_read_only) if each.target not in taken]
    mounts = sorted((*own, *asked), key=_depth)
    return Root(
        mounts=tuple(mounts),
        is_read_only=privileges.is_read_only,
        is_privileged=privileges.is_privileged,
        is_proc_unmasked=privileges.is_proc_unmasked,
        user=privileges.user,
        group=privileges.group,
        groups=privileges.groups,
        capabilities=privileges.capabilities,
        has_no_new_privileges=privileges.has_no_new_privileges,
    )


def _own_mounts(container: ContainerSpec, folders: ContainerFolders, is_read_only: bool) -> list[Mount]:
    """Return what each container has for itself.

    Its /run is empty: there the machine's programs have their sockets, and the resolver's answers for the C library
    (nss-resolve, nscd) without the cluster's names.
    """
    tops = [Mount(TMP_PATH, folders.tmp, is_read_only), Mount(RUN_PATH, is_read_only=is_read_only)]
    kept = [Mount(each, each, is_read_only) for top in (TMP_PATH, RUN_PATH) for each in _kept_in(top, folders.programs)]
    shared = [Mount(SHARED_MEMORY_PATH, folders.shared_memory)] if folders.shared_memory else []
    files = [Mount(f"/etc/{each}", f"{folders.etc}/{each}") for each in ETC if each in folders.etc_files]
    return [*tops, *kept, *files, *shared, Mount(container.message.path, folders.message)]


def _kept_in(top: str, paths: Iterable[str]) -> list[str]:
    """Return the entries of a folder such as /tmp in which these paths lie."""
    below = (each.removeprefix(f"{top}/").partition("/")[0] for each in paths if each.startswith(f"{top}/"))
    return sorted({f"{top}/{each}" for each in below if each})


def _depth(mount: Mount) -> int:
    return len(PurePosixPath(mount.target).parts)


def _mount(mount: JSON, volume: Volume, folder: str, environment: Mapping[str, str]) -> Mount:
    return Mount(
        target=str(PurePosixPath("/", mount["mountPath"])),
        source=volume.host_path or f"{folder}/{volume.name}",
        is_read_only=bool(mount.get("readOnly") or volume.has_files or volume.image or volume.is_read_only),
        sub_path=_sub_path(mount, environment),
        is_recursive_read_only=mount.get("recursiveReadOnly") in ("Enabled", "IfPossible"),
    )


def _sub_path(mount: JSON, environment: Mapping[str, str]) -> str:
    """Return a mount's subPath, with the variables of subPathExpr; ConfigError."""
    path: str = mount.get("subPath") or ""
    if pattern := mount.get("subPathExpr"):
        path = expand(pattern, lambda name: _variable(name, environment))
    if path.startswith("/"):
        raise ConfigError(f'error SubPath "{path}" must be a relative path')
    if ".." in path.split("/"):
        raise ConfigError(f"unable to provision SubPath \"{path}\": must not contain '..'")
    return path


def _variable(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name)
    if value is None:
        raise ConfigError(f'missing value for "{name}"')
    return value


def nested_folders(containers: Iterable[ContainerSpec], volume: Volume) -> set[str]:
    """Return the folders that must be in a volume, as another one is mounted there (MakeNestedMountpoints).

    Nothing could be made in it later, as it is read-only in every container.
    """
    found: set[str] = set()
    for container in containers:
        tops = [each["mountPath"] for each in container.mounts if each["name"] == volume.name and not _is_part(each)]
        for top in map(PurePosixPath, tops):
            below = (PurePosixPath(each["mountPath"]) for each in container.mounts)
            found |= {str(each.relative_to(top)) for each in below if top in each.parents}
    return found


def _is_part(mount: JSON) -> bool:
    return bool(mount.get("subPath") or mount.get("subPathExpr"))

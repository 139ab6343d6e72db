"""The volumes of one pod on this machine: set up before its containers start, and kept as the API's objects are.

A volume that cannot be set up holds the pod back, which an event says in the kubelet's words; it is tried again with
growing pauses, and at once when a ConfigMap or Secret has changed. Follows k8s.io/kubernetes ``pkg/volume`` (emptydir,
hostpath), ``pkg/kubelet/volumemanager`` and ``pkg/util/goroutinemap/exponentialbackoff``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from kubehost.errortexts import errno_text
from kubelet.images.imagevolume import image_files
from kubelet.pod.files.claims import ClaimError, claimed
from kubelet.pod.files.roots import nested_folders
from kubelet.pod.files.volumes import Volume, VolumeError, read_volumes, volume_files
from kubelet.pod.machine.state import PodPlace
from kubelet.runtime.atomicwriter import AtomicWriter
from kubelet.runtime.imagelayer import write_files
from kubelet.runtime.pods.credentials import PodCredentials
from kubelet.runtime.pods.object import PodObject
from kubelet.runtime.references import ReferencedObjects
from kubelet.spec.sandbox import Mount

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 122.0
"""Seconds between attempts: the pause doubles (initialDurationBeforeRetry, maxDurationBeforeRetry)."""
SHORTEST_WAIT = 1.0
"""Seconds until a token or certificate that is due and could not be renewed is tried again."""
SHARED_MEMORY, SHARED_MEMORY_BYTES = "_shm", 64 << 20
"""The folder of a pod's /dev/shm, a name that no volume has, and its size, that of containerd."""
DISK_MODE, MEMORY_MODE = 0o777, 0o1777
"""Of a volume's folder on disk, and in memory, where a kubelet has Secrets, the downward API and projected volumes."""
_TYPES: Mapping[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


class PodVolumes:
    """``folder`` has a folder for each; their files are made from ``references`` and ``credentials``.

    Without ``credentials`` the volume with a token that admission gives to pods is left out. ``shared_memory`` is the
    folder that all containers have as /dev/shm; "" if there is but one, which has its own.
    """

    def __init__(
        self,
        folder: Path,
        pod: PodObject,
        references: ReferencedObjects,
        place: PodPlace,
        credentials: PodCredentials | None = None,
    ) -> None:
        self.volumes = read_volumes(pod.obj, has_tokens=credentials is not None)
        self.folder = folder
        self.shared_memory = str(folder / SHARED_MEMORY) if len(pod.spec.containers) > 1 else ""
        self._pod = pod
        self._references = references
        self._place = place
        self._group: int | None = pod.spec.security.get("fsGroup")
        self._writers: dict[str, AtomicWriter] = {}
        self._wake = asyncio.Event()
        self._has_begun = False
        self._credentials = credentials
        self._renewal: asyncio.Handle | None = None
        if credentials is not None:
            credentials.certificates.changed = self.update

    @property
    def memory(self) -> tuple[Mount, ...]:
        """The volumes that are memory, which the pod's sandbox has."""
        volumes = [each for each in self.volumes if each.is_in_memory]
        mounts = [Mount(str(self.folder / each.name), size=each.size, group=self._group) for each in volumes]
        if self.shared_memory:
            mounts.append(Mount(self.shared_memory, size=SHARED_MEMORY_BYTES))
        return tuple(mounts)

    async def wait_until_mounted(self) -> None:
        """Return once all volumes are there."""
        waiting, pause = self._not_set_up(self.volumes), FIRST_PAUSE
        while waiting or not self._has_shared_memory():
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            waiting, pause = self._not_set_up(waiting), min(2 * pause, LONGEST_PAUSE)
        self._has_begun = True
        self._plan_renewal()

    def _plan_renewal(self) -> None:
        wait = self._credentials.wait if self._credentials is not None else None
        if self._renewal is not None:
            self._renewal.cancel()
        if wait is not None:
            self._renewal = asyncio.get_running_loop().call_later(max(wait, SHORTEST_WAIT), self.update)

    def close(self) -> None:
        """Renew no more tokens and certificates."""
        if self._renewal is not None:
            self._renewal.cancel()
        if self._credentials is not None:
            self._credentials.certificates.close()

    def update(self) -> None:
        """Write the files again of which the objects have changed, and try those volumes again that failed."""
        self._wake.set()
        if self._has_begun:
            for each in self.volumes:
                if each.has_files:
                    self._is_set_up(each)
            self._plan_renewal()

    def _is_set_up(self, volume: Volume) -> bool:
        try:
            self._set_up(self._claimed(volume))
        except ClaimError as error:
            self._pod.report("Warning", "FailedMount", str(error))
            return False
        except (VolumeError, OSError) as error:
            reason = _go_text(error) if isinstance(error, OSError) else str(error)
            self._report(volume, reason)
            return False
        return True

    def _not_set_up(self, volumes: Iterable[Volume]) -> tuple[Volume, ...]:
        return tuple(each for each in volumes if not self._is_set_up(each))

    def _has_shared_memory(self) -> bool:
        """Make the folder on which the agent mounts the containers' /dev/shm; return whether it is there."""
        try:
            if self.shared_memory:
                Path(self.shared_memory).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._pod.report("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {_go_text(error)}")
            return False
        return True

    def _report(self, volume: Volume, reason: str) -> None:
        text = f'MountVolume.SetUp failed for volume "{volume.name}" : {reason}'
        self._pod.report("Warning", "FailedMount", text)

    def _claimed(self, volume: Volume) -> Volume:
        """Return the volume of a claim in place of the claim, which the pod has from now on; ClaimError."""
        if not volume.is_claim:
            return volume
        found = claimed(volume, self._pod.obj, self._references.objects)
        self.volumes = tuple(found if each.name == found.name else each for each in self.volumes)
        return found

    def _set_up(self, volume: Volume) -> None:
        if volume.is_provisioned:
            folder = Path(volume.host_path)
            if not folder.is_dir():
                folder.mkdir(parents=True)
                self._open(folder, DISK_MODE)
            return
        if volume.host_path:
            _check_host_path(volume)
            return
        folder = self.folder / volume.name
        if volume.has_files:
            sources = self._references.sources(self._pod.spec, self._place)
            if (own := self._credentials) is not None:
                certificate = partial(own.certificates.bundle, volume.name)
                sources = sources._replace(token=own.tokens.token, certificate=certificate)
            self._writer(volume, folder).write(volume_files(volume, sources))
            return
        folder.mkdir(parents=True, exist_ok=True)
        if volume.image:
            # Of an image that is not known there is nothing, and no container that mounts it is started.
            if files := image_files(volume.image, self._references.images):
                write_files(folder, files)
            return
        self._open(folder, DISK_MODE)

    def _writer(self, volume: Volume, folder: Path) -> AtomicWriter:
        if volume.name not in self._writers:
            folder.mkdir(parents=True, exist_ok=True)
            self._open(folder, DISK_MODE if volume.kind == "configMap" else MEMORY_MODE)
            for path in sorted(nested_folders(self._pod.spec.containers, volume)):
                (folder / path).mkdir(parents=True, exist_ok=True)
            self._writers[volume.name] = AtomicWriter(folder, self._group)
        return self._writers[volume.name]

    def _open(self, folder: Path, mode: int) -> None:
        """Let all users write, as the kubelet does, and give the folder to the pod's group; OSError."""
        folder.chmod(mode)
        if self._group is not None:
            with contextlib.suppress(PermissionError):
                os.chown(folder, -1, self._group)
                folder.chmod(mode | stat.S_ISGID)


def _check_host_path(volume: Volume) -> None:
    """Check a hostPath's type, and make what may be made; VolumeError, OSError."""
    kind, path = volume.source.get("type") or "", Path(volume.host_path)
    if kind in ("", "DirectoryOrCreate") and not path.exists():
        path.mkdir(mode=0o755, parents=True)
    elif kind == "FileOrCreate" and not path.exists():
        path.touch(0o644, exist_ok=True)
    if not kind:
        return
    is_kind, name = _TYPES[kind]
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = 0
    if not is_kind(mode):
        raise VolumeError(f"hostPath type check failed: {path} is not {name}")


def _go_text(error: OSError) -> str:
    """Return an error as Go prints it."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{errno_text(error)}"

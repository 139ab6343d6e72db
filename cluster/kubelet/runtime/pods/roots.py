"""What the containers of one pod find in a sandbox, and the files that are made for each before it starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kubehost.folders import empty_place
from kubelet.config import KubeletConfig
from kubelet.images.plan import ContainerPlan
from kubelet.pod.files.roots import ETC, RUN_PATH, TMP_PATH, ContainerFolders, container_root
from kubelet.pod.security import chosen_user
from kubelet.pod.spec import ContainerSpec
from kubelet.process.logs.reader import read_end
from kubelet.process.starting import SOURCE_ROOT
from kubelet.runtime.imagelayer import write_layer
from kubelet.runtime.pods.files import write_etc
from kubelet.runtime.pods.object import PodObject
from kubelet.runtime.pods.sandbox import PodSandbox
from kubelet.runtime.pods.volumes import PodVolumes
from kubelet.spec.sandbox import Root

LAYER, TMP, MESSAGE = "_image", "_tmp", "_termination-log"
"""Entries of a container's own folder."""
_ENV_FILE_BYTES = 1 << 20
"""The most that is read of a file with variables."""
KEPT_BELOW = (f"{TMP_PATH}/", f"{RUN_PATH}/")
"""The folders that a container has for itself."""
MESSAGE_BYTES, LOG_MESSAGE_BYTES, LOG_MESSAGE_LINES = 4096, 2048, 80
"""How much of a container's last message, or of its log instead, the status shows (pkg/kubelet/container)."""


class PodRoots:
    """Belongs to one pod; its containers have a folder each below ``config.pod_dir``."""

    def __init__(self, config: KubeletConfig, pod: PodObject, volumes: PodVolumes, sandbox: PodSandbox) -> None:
        self.sandbox = sandbox
        self._config = config
        self._pod = pod
        self._volumes = volumes

    def write_etc(self) -> None:
        """Write the pod's files of /etc, as a kubelet does before each start of a container. OSError."""
        write_etc(self._config, self._pod, self.sandbox.place.pod_ips, self.sandbox.hostname)

    def read_file(self, volume: str, path: str) -> str:
        """Return the text of a file of a volume on disk, for variables; OSError, also for one outside the volume."""
        if not self.sandbox.is_used:
            raise FileNotFoundError("no volume is mounted without sandboxes")
        folder = (self._volumes.folder / volume).resolve()
        file = (folder / path).resolve()
        if not file.is_relative_to(folder):
            raise PermissionError(f"{path} leads out of the volume {volume}")
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as text:
            return text.read(_ENV_FILE_BYTES)

    def volume_images(self, container: ContainerSpec) -> list[str]:
        """Return the references of the images that the container has as volumes."""
        mounted = {each["name"] for each in container.mounts}
        return [each.image for each in self._volumes.volumes if each.image and each.name in mounted]

    def around(self, container: ContainerSpec, plan: ContainerPlan) -> ContainerPlan:
        """Return a container's plan inside its sandbox, if there are any, but for its image's files; ConfigError."""
        if not self.sandbox.is_used:
            return plan
        folder = self._folder(container)
        folders = ContainerFolders(
            volumes=str(self._volumes.folder),
            etc=str(self._config.etc_dir(self._pod.spec.uid)),
            etc_files=frozenset(ETC if self._config.cluster_dns is not None else ETC[1:]),
            tmp=str(folder / TMP),
            message=str(folder / MESSAGE),
            shared_memory=self._volumes.shared_memory,
            programs=tuple(self._programs(plan)),
        )
        process = plan.process
        root = container_root(self._pod.spec, container, self._volumes.volumes, folders, process.environment)
        is_user_chosen = chosen_user(self._pod.spec, container) is not None
        user = root.user if is_user_chosen else plan.user
        root = root._replace(working_dir=process.working_dir, user=user)
        return plan._replace(process=self.sandbox.around(process, root))

    def _programs(self, plan: ContainerPlan) -> list[str]:
        """Return the paths that the container needs as they are: its program and the cluster's own files.

        What its variables name is among them (PATH, VIRTUAL_ENV, PYTHONPATH): a developer's own folders.
        """
        config, process = self._config, plan.process
        words = (*process.argv, *(part for each in process.environment.values() for part in each.split(os.pathsep)))
        own = (str(config.work_dir), str(config.log_dir), config.working_dir, process.working_dir)
        paths = (*own, SOURCE_ROOT, sys.prefix, sys.base_prefix, *words)
        return [each for each in dict.fromkeys(paths) if each.startswith(KEPT_BELOW) and Path(each).exists()]

    def prepare(self, container: ContainerSpec, plan: ContainerPlan) -> ContainerPlan:
        """Make a container's /tmp, its message and its image's files anew; return the whole plan. OSError."""
        root = plan.process.root
        if root is None:
            return plan
        self.write_etc()
        folder = self._folder(container)
        _make_tmp(folder / TMP, root)
        (folder / MESSAGE).write_text("")
        (folder / MESSAGE).chmod(0o666)
        layer = write_layer(folder / LAYER, plan.layer) if plan.layer else ()
        root = root._replace(mounts=(*layer, *root.mounts))
        return plan._replace(process=plan.process._replace(root=root))

    def message(self, container: ContainerSpec, log: Path, *, has_failed: bool) -> str:
        """Return what a container that has ended left as its message, "" for nothing."""
        try:
            with (self._folder(container) / MESSAGE).open("rb") as file:
                said = file.read(MESSAGE_BYTES)
        except OSError:
            said = b""
        if not said and has_failed and container.message.has_log:
            lines = read_end(log, 2 * LOG_MESSAGE_BYTES)[-LOG_MESSAGE_LINES:]
            said = b"\n".join(lines)[-LOG_MESSAGE_BYTES:]
        return said.decode(errors="replace")

    def _folder(self, container: ContainerSpec) -> Path:
        return self._config.pod_dir(self._pod.spec.uid) / container.name


def _make_tmp(folder: Path, root: Root) -> None:
    """Make a container's /tmp, with the places of what stays visible there: it may be read-only in the container."""
    empty_place(folder)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o1777)
    for each in root.mounts:
        if each.target.startswith(f"{TMP_PATH}/") and each.source == each.target:
            place = folder / each.target.removeprefix(f"{TMP_PATH}/")
            place.mkdir() if Path(each.source).is_dir() else place.touch()

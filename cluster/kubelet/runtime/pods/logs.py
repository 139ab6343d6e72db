"""The logs on disk of containers that nothing in this process has started: of earlier runs of the cluster.

As the kubelet after a restart, it finds them by the folder's name, and removes those of pods that are no more
(removeOldLogs in ``pkg/kubelet/kuberuntime/kuberuntime_gc.go``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from kubeapi.meta import JSON, key_of
from kubehost.folders import remove_folder
from kubelet.process.logs.writer import pod_log_dir


class PodLogs:
    """The folder ``log_dir`` of all pods' logs."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir

    def find(self, pod: JSON, container: str, restart: int) -> Path | None:
        """Return the log of a container's instance, None if there is none."""
        path = self._folder(pod) / container / f"{restart}.log"
        return path if path.exists() else None

    def retain(self, pods: Iterable[JSON]) -> None:
        """Remove the logs of all pods but these."""
        kept = {self._folder(each).name for each in pods}
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for folder in self._log_dir.iterdir():
                if folder.name not in kept:
                    remove_folder(folder)

    def remove(self, pod: JSON) -> None:
        """Remove the logs of a pod, if there are any."""
        remove_folder(self._folder(pod))

    def _folder(self, pod: JSON) -> Path:
        return pod_log_dir(self._log_dir, *key_of(pod), pod["metadata"]["uid"])


def remove_older(folder: Path, restart: int) -> None:
    """Remove from a container's folder all logs of instances before ``restart``."""
    for part in folder.glob("*.log*"):
        number = part.name.partition(".")[0]
        if number.isdecimal() and int(number) < restart:
            with contextlib.suppress(OSError):
                part.unlink()

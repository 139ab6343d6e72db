"""The kubelet's settings; the composition root fills them from the cluster configuration."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kubelet.tools.scripts import OWN_TOOLS, TOOLS, ClusterDNS

if TYPE_CHECKING:
    from kubelet.images.catalog import ImageSpec
    from kubelet.nodes import NodeConfig

HOST_VARIABLES = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV")
"""The user's own variables that a container gets: enough to find programs, nothing that could be a secret."""


def host_environment() -> dict[str, str]:
    """Return the variables of this process that containers inherit."""
    return {name: os.environ[name] for name in HOST_VARIABLES if name in os.environ}


def find_nginx() -> str:
    """Return the path of the installed nginx, "" if there is none; /usr/sbin is not on every user's PATH."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin") or ""


def find_tools() -> dict[str, str]:
    """Return the paths of the programs that pods have a script for, or use as they are, and what agnhost needs."""
    found = {name: path for name in (*TOOLS, *OWN_TOOLS) if (path := shutil.which(name)) is not None}
    if Path("/bin/sh").resolve().name == "bash":
        found.pop("busybox", None)  # in its place bash would be gone too, which this machine's own scripts may need
    return {**found, "python": sys.executable, "sources": str(Path(__file__).resolve().parent.parent)}


def _read_etc(name: str) -> str:
    """Return a file of the machine's /etc, empty if there is none."""
    try:
        return Path(os.sep, "etc", name).read_text()
    except OSError:
        return ""


@dataclass(frozen=True)
class KubeletConfig:
    """Where pods run and how.

    ``images`` adds to the built-in catalog. ``log_dir`` and ``work_dir`` are folders of this cluster alone; they are
    made when needed. ``marker`` (see ``process.orphans``) is in the environment of every pod process. A container
    without workingDir runs in ``working_dir``. ``nginx`` is the path of the real one, "" for the built-in web server.
    With ``cluster_dns``, ``tools`` find the cluster's names in pods. ``host_resolv_conf`` and
    ``host_hosts`` are the machine's files.
    """

    nodes: tuple[NodeConfig, ...]
    log_dir: Path
    work_dir: Path
    images: Mapping[str, ImageSpec] = field(default_factory=dict)
    marker: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = field(default_factory=os.getcwd)
    environment: Mapping[str, str] = field(default_factory=host_environment)
    nginx: str = field(default_factory=find_nginx)
    cluster_dns: ClusterDNS | None = None
    tools: Mapping[str, str] = field(default_factory=find_tools)
    host_resolv_conf: str = field(default_factory=partial(_read_etc, "resolv.conf"))
    host_hosts: str = field(default_factory=partial(_read_etc, "hosts"))

    @property
    def domain(self) -> str:
        """The zone of the cluster's names, "" without a DNS server."""
        return self.cluster_dns.domain if self.cluster_dns is not None else ""

    def pod_dir(self, uid: str) -> Path:
        """Return the folder of a pod, which has one folder for each container that needs one."""
        return self.work_dir / uid

    def etc_dir(self, uid: str) -> Path:
        """Return the folder of the files that a pod has in place of /etc; no container can have this name."""
        return self.pod_dir(uid) / "_etc"

    def volume_dir(self, uid: str) -> Path:
        """Return the folder of a pod's volumes, each by its name; no container can have this name."""
        return self.pod_dir(uid) / "_volumes"

    @property
    def tool_dir(self) -> Path:
        """The folder of the scripts in front of every pod's PATH."""
        return self.work_dir / "bin"

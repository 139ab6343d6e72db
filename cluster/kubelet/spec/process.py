"""What to run as a process, and how it ended. Pure; ``runner`` runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubelet.spec.sandbox import Root
from kubelet.spec.server import ServerPlan

PROGRAM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where images have their programs: the PATH of a container that says nothing else (moby, oci/defaults.go)."""


class StartError(Exception):
    """A process could not be started; the text is runc's."""


class SandboxError(Exception):
    """A pod's sandbox, or the cluster's network, could not be made; the text says why."""


class Exit(NamedTuple):
    """How a process ended. ``code`` is 128 + ``signal`` if a signal killed it; ``is_lost``: the zygote died with it."""

    code: int
    signal: int
    is_lost: bool = False


class ProcessSpec(NamedTuple):
    """What to run: ``argv``, or the server ``builtin`` on ``address``.

    ``environment`` is complete, ``working_dir`` may be "".

    With ``is_tty`` its stdin is its controlling terminal. ``container`` is the identity of the container's own process
    for a command that is run in it: what the command leaves behind then lives as long as the container.

    ``sandbox`` is the uid of the pod in whose sandbox it runs, "" for a bare process of this machine; ``root`` is what
    it sees there of the file system, of which a command sees the same as its container. With ``processes_of``, the
    identity of a container's own process, it is among the processes of that one, and ends with it. ``cgroup`` is the
    folder of the control group that bounds it, "" for none.
    """

    argv: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    working_dir: str = ""
    builtin: ServerPlan | None = None
    address: str = ""
    title: str = "pod"
    is_tty: bool = False
    container: str = ""
    sandbox: str = ""
    processes_of: str = ""
    root: Root | None = None
    cgroup: str = ""

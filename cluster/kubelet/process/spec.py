"""A process in words: what to run, and how it ended. Pure; ``processes`` runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kubelet.servers.plan import ServerPlan


class StartError(Exception):
    """A process could not be started; the text is runc's."""


class Exit(NamedTuple):
    """How a process ended: its exit code (128 + signal if one killed it), and whether it was lost with the zygote."""

    code: int
    signal: int
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What runs: ``argv``, or a ``builtin`` on ``address``. ``environment`` is complete, ``working_dir`` may be "".

    With ``is_tty`` its stdin is its controlling terminal. ``container`` is the identity of the container's own process
    for a command that is run in it: what the command leaves behind then lives as long as the container.
    """

    argv: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    builtin: ServerPlan | None = None
    address: str = ""
    title: str = "pod"
    is_tty: bool = False
    container: str = ""

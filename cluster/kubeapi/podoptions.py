"""The options of ``pods/log`` and ``pods/exec``: what a client may ask of a container. Follows core/v1. Pure."""

from __future__ import annotations

from typing import NamedTuple


class PodLogOptions(NamedTuple):
    """Which part of which log. The container "" is the pod's only one, or its default.

    ``previous`` is the log of the container's run before the latest; ``tail_lines`` and ``since_seconds`` None are no
    limit.
    """

    container: str = ""
    follow: bool = False
    previous: bool = False
    since_seconds: float | None = None
    tail_lines: int | None = None
    timestamps: bool = False


class PodExecOptions(NamedTuple):
    """A command to run in a container, with or without a stdin and a terminal."""

    container: str
    command: tuple[str, ...]
    has_stdin: bool = False
    is_tty: bool = False

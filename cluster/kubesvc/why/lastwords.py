"""The last lines of containers that fail, for who asks why a cluster is not ready."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator

from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.objects.conditions import is_condition_true
from kubeapi.scheme import PODS
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubesvc.terminal.escaping import escaped

NAME = "kubesvc (last words)"
LINES = 10
"""Of each container."""
MOST_CONTAINERS = 10
"""Containers whose lines are told; those of one Deployment mostly say the same."""

ReadLog = Callable[[ObjectKey, str, bool], AsyncGenerator[bytes, None]]
"""Returns the last LINES of a container's log, of the run before its last restart if that is True; StatusError."""


async def last_words(store: Store, read: ReadLog) -> list[str]:
    """Return the last lines that failing containers have written, each container's under a line that names it."""
    told: list[str] = []
    for pod, container in itertools.islice(failing_containers(store), MOST_CONTAINERS):
        lines = await _lines(read, pod, container, is_previous=False)
        lines = lines or await _lines(read, pod, container, is_previous=True)
        if lines:
            told += [f"container {container} of pod {pod} wrote last:", *(f"    {line}" for line in lines)]
    return told


def failing_containers(store: Store) -> Iterator[tuple[ObjectKey, str]]:
    """Yield the containers that have ended and keep their pod from being ready."""
    for failing in store.faults.read_each(NAME, PODS, store.list(PODS), _failing):
        yield from failing


def _failing(pod: JSON) -> list[tuple[ObjectKey, str]]:
    status: JSON = pod.get("status") or {}
    if status.get("phase") == "Succeeded" or is_condition_true(pod, "Ready") or is_terminating(pod):
        return []
    containers = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    return [(key_of(pod), each["name"]) for each in containers if _has_failed(each)]


def _has_failed(container: JSON) -> bool:
    ended, before = ((container.get(name) or {}).get("terminated") for name in ("state", "lastState"))
    if ended is not None:
        return bool(ended.get("exitCode"))
    return before is not None and not container.get("ready")


async def _lines(read: ReadLog, pod: ObjectKey, container: str, *, is_previous: bool) -> list[str]:
    text = b""
    with contextlib.suppress(StatusError):  # it has never run, or not twice
        async with contextlib.aclosing(read(pod, container, is_previous)) as chunks:
            async for chunk in chunks:
                text += chunk
    return [escaped(line) for line in text.decode(errors="replace").splitlines()]

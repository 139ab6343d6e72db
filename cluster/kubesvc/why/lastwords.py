"""The last log lines of failing containers, for the report that a cluster is not ready."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.container import ContainerStatus
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import PODS
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubesvc.escaping import escaped
from kubesvc.why.readiness import is_awaited

NAME = "kubesvc (last words)"
LINES = 10
"""Lines of each container."""
MOST_CONTAINERS = 10
"""Most containers that are quoted; those of one Deployment mostly write the same."""

ReadLog = Callable[[ObjectKey, str, bool], AsyncGenerator[bytes, None]]
"""Returns the last LINES of a container's log, of the previous run if the third argument is true; StatusError."""


async def last_words(store: Store, read: ReadLog) -> list[str]:
    """Return the last lines of failing containers, those of each container below a line with its name."""
    told: list[str] = []
    for pod, container in itertools.islice(failing_containers(store), MOST_CONTAINERS):
        lines = await _lines(read, pod, container, is_previous=False)
        lines = lines or await _lines(read, pod, container, is_previous=True)
        if lines:
            told += [f"container {container} of pod {pod} wrote last:", *(f"    {line}" for line in lines)]
    return told


def failing_containers(store: Store) -> Iterator[tuple[ObjectKey, str]]:
    """Yield the containers that have failed and keep their pod from being ready."""
    for failing in store.failures.read_each(NAME, PODS, store.list(PODS), _failing):
        yield from failing


def _failing(obj: JSON) -> list[tuple[ObjectKey, str]]:
    pod = read_pod(obj)
    if not is_awaited(pod):
        return []
    containers = (*pod.init_container_statuses, *pod.container_statuses)
    return [(pod.key, each.name) for each in containers if _is_failing(each)]


def _is_failing(container: ContainerStatus) -> bool:
    """Tell whether a container has failed, or has been restarted and is not ready."""
    if container.terminated is not None:
        return container.has_failed
    return container.last_terminated is not None and not container.is_ready


async def _lines(read: ReadLog, pod: ObjectKey, container: str, *, is_previous: bool) -> list[str]:
    text = b""
    with contextlib.suppress(StatusError):  # no log: it has never run, or has no previous run
        async with contextlib.aclosing(read(pod, container, is_previous)) as chunks:
            async for chunk in chunks:
                text += chunk
    return [escaped(line) for line in text.decode(errors="replace").splitlines()]

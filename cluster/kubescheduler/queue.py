"""The pods that are to be scheduled: the most important first, and of equals the one that came first. Pure.

Follows k8s.io/kubernetes ``pkg/scheduler/framework/plugins/queuesort`` (PrioritySort).
"""

from __future__ import annotations

import heapq

from kubeapi.meta import ObjectKey


class SchedulingQueue:
    """Each pod is in it at most once."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, ObjectKey]] = []
        self._waiting: set[ObjectKey] = set()
        self._serial = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, key: ObjectKey, priority: int) -> None:
        """Add a pod, at the end of those with its priority."""
        if key not in self._waiting:
            self._serial += 1
            self._waiting.add(key)
            heapq.heappush(self._heap, (-priority, self._serial, key))

    def pop(self) -> ObjectKey:
        """Take out the first pod; IndexError without one."""
        _, _, key = heapq.heappop(self._heap)
        self._waiting.remove(key)
        return key

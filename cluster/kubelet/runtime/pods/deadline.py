"""Ends a pod whose time is over: spec.activeDeadlineSeconds, counted from when the kubelet admitted it.

Follows k8s.io/kubernetes ``pkg/kubelet/active_deadline.go``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubeapi.objects.parts import spec_of
from kubeapi.objects.pod import read_pod
from kubelet.runtime.pods.object import PodObject

REASON = "DeadlineExceeded"
MESSAGE = "Pod was active on the node longer than the specified deadline"
_WHAT = "deadline"


class PodDeadline:
    """The deadline of one pod that began at ``started``; ``clock`` gives seconds since the epoch."""

    def __init__(self, pod: PodObject, started: float, clock: Callable[[], float]) -> None:
        self._pod = pod
        self._started = started
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Fail the pod when the deadline that its object has now is over; a change may bring it nearer."""
        self.close()
        seconds = spec_of(self._pod.obj).get("activeDeadlineSeconds")
        if seconds is not None and not read_pod(self._pod.obj).is_finished:
            left = max(self._started + seconds - self._clock(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(left, self._expire)

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        try:
            self._pod.fail(REASON, MESSAGE)
        except Exception as error:  # the event loop would only log it
            self._pod.failed(_WHAT, error)

"""`kubesvc down`: asks the cluster to drain and stop, waits until it is gone, and makes sure that nothing is left."""

from __future__ import annotations

import os
import signal
import time

from kubesvc.client import ControlClient, NotRunningError
from kubesvc.state import StateDirectory

_POLL_SECONDS = 0.02


def stop_cluster(state: StateDirectory, timeout: float) -> str:
    """Stop the cluster and return what to tell the user; after ``timeout`` seconds its processes are killed."""
    try:
        ControlClient(state).stop()
    except NotRunningError:
        return _clean_up(state, f'cluster "{state.name}" is not running')
    deadline = time.monotonic() + timeout if timeout else float("inf")
    while state.owner() is not None:
        if time.monotonic() > deadline:
            return _kill(state)
        time.sleep(_POLL_SECONDS)
    return _clean_up(state, f'cluster "{state.name}" stopped')


def _kill(state: StateDirectory) -> str:
    owner = state.owner()
    if owner:
        os.kill(owner, signal.SIGKILL)
    return _clean_up(state, f'cluster "{state.name}" did not stop in time and was killed')


def _clean_up(state: StateDirectory, said: str) -> str:
    from kubelet.orphans import kill_orphans, marker

    left = kill_orphans(marker(state.name, state.path))
    return f"{said}; {len(left)} left-over processes ended" if left else said

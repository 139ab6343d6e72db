"""The state machine of one pod at work: it takes events, has actions done, and wakes up when time has to pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubelet.pod.machine.events import Action, Event, Ticked
from kubelet.pod.machine.lifecycle import next_wakeup, step
from kubelet.pod.machine.state import PodState


class PodMachine:
    """``perform`` does one action, ``changed`` is called after each event, ``failed`` with a timer's error."""

    def __init__(
        self,
        state: PodState,
        clock: Callable[[], float],
        perform: Callable[[Action], None],
        changed: Callable[[], None],
        failed: Callable[[str, BaseException], None],
    ) -> None:
        self.state = state
        self._clock = clock
        self._perform = perform
        self._changed = changed
        self._failed = failed
        self._timer: asyncio.TimerHandle | None = None

    def post(self, event: Event) -> None:
        """Make the next step, and have done what it asks for; a pod that has finished ignores events."""
        if self.state.is_finished:
            return
        self.state, actions = step(self.state, event, self._clock())
        for action in actions:
            self._perform(action)
        self._arm_timer()
        self._changed()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm_timer(self) -> None:
        self.close()
        wakeup = next_wakeup(self.state)
        if wakeup is not None:
            delay = max(wakeup - self._clock(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        try:
            self.post(Ticked())
        except Exception as error:
            self._failed("timer", error)

"""How long a Job waits before it replaces failed pods: 10 s, doubled for each failure in a row, up to 10 minutes. Pure.

Follows k8s.io/kubernetes ``pkg/controller/job/backoff_utils.go``; as there, a new controller knows of no failures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.meta import JSON
from kubecontroller.batch.job.pods import all_failures, ended_at

FIRST_SECONDS = 10.0
LAST_SECONDS = 600.0


class Backoff(NamedTuple):
    """The failures of a Job's pods since the last success, and when the last of them was."""

    failures: int = 0
    last_failure: float = 0.0

    def after(self, succeeded: Sequence[JSON], failed: Sequence[JSON]) -> Backoff:
        """Return the failures after some more pods have ended."""
        ends = sorted(ended_at(each) for each in failed)
        if not succeeded:
            return Backoff(self.failures + len(ends), ends[-1]) if ends else self
        last_success = max(ended_at(each) for each in succeeded)
        later = [each for each in ends if each > last_success]
        return Backoff(len(later), later[-1]) if later else Backoff()

    def remaining(self, now: float) -> float:
        """Return the seconds that are left to wait, 0 if a pod may be created now."""
        if not self.failures:
            return 0.0
        wait = min(FIRST_SECONDS * 2.0 ** min(self.failures - 1, 30), LAST_SECONDS)
        return max(0.0, wait - (now - self.last_failure))


def index_backoff(replaced: JSON | None) -> Backoff:
    """Return the failures of an index of which the last pod has failed; None if none has."""
    return Backoff() if replaced is None else Backoff(all_failures(replaced) + 1, ended_at(replaced))

"""What outlier detection knows of one endpoint: its failures in a row, its answers in this interval, its ejections.

How failures count is that of ``DetectorHostMonitorImpl``: every 5xx counts among ``consecutive_5xx``, 502, 503 and 504
also among ``consecutive_gateway_failure``. No connection, a reset and a time-out count as a 503, unless errors of local
origin are split off; then they count among ``consecutive_local_origin_failure`` alone. Pure.
"""

from __future__ import annotations

from math import inf

from kubeapi.balancing import Option, duration_fault
from kubeapi.serialization.duration import parse_duration
from kubeproxy.balancers.balancer import Options
from kubeproxy.telemetry.outcomes import Result

_LONGEST = "5m"
_ROUNDING = 1e-6
"""Seconds by which sums of intervals may miss an ejection's end."""
HOST_OPTIONS = (
    Option("consecutive_5xx", 5, "outlier detection: 5xx answers in a row that eject", 1),
    Option("enforcing_consecutive_5xx", 100, "percentage of such detections that eject", 0, 100),
    Option("consecutive_gateway_failure", 5, "outlier detection: 502, 503 and 504 in a row that eject", 1),
    Option("enforcing_consecutive_gateway_failure", 0, "percentage of such detections that eject", 0, 100),
    Option("split_external_local_origin_errors", False, "whether failed connections are no 5xx, but counted apart"),
    Option("consecutive_local_origin_failure", 5, "outlier detection: split errors in a row that eject", 1),
    Option("enforcing_consecutive_local_origin_failure", 100, "percentage of such detections that eject", 0, 100),
    Option("base_ejection_time", "30s", "how long the first ejection is, the second twice that", check=duration_fault),
    Option(
        "max_ejection_time",
        _LONGEST,
        "how long an ejection is at most; 5m is no less than the first",
        check=duration_fault,
    ),
)


def seconds(options: Options, name: str) -> float:
    """Return a duration among options in seconds."""
    found = parse_duration(str(options[name]))
    assert found is not None
    return found


class HostRules:
    """When an endpoint is to be ejected for failures in a row, and for how long."""

    def __init__(self, options: Options) -> None:
        self.is_split = bool(options["split_external_local_origin_errors"])
        self.limits = {
            each: int(options[each])
            for each in ("consecutive_5xx", "consecutive_gateway_failure", "consecutive_local_origin_failure")
        }
        self.base = seconds(options, "base_ejection_time")
        self.longest = seconds(options, "max_ejection_time")
        if options["max_ejection_time"] == _LONGEST:
            self.longest = max(self.longest, self.base)


class Host:
    """One endpoint; times are those of the clock."""

    __slots__ = ("_in_row", "_rules", "_times", "ejected_at", "requests", "successes")

    def __init__(self, rules: HostRules) -> None:
        self._rules = rules
        self._in_row = dict.fromkeys(rules.limits, 0)
        self._times = 0
        self.ejected_at: float | None = None
        self.requests = self.successes = 0

    def count(self, result: Result) -> list[str]:
        """Count a result and return the limits that it reached."""
        if self._rules.is_split:
            if result is Result.LOCAL_ERROR:
                return self._failed("consecutive_local_origin_failure")
            self._in_row["consecutive_local_origin_failure"] = 0
        self.requests += 1
        if result is Result.SUCCESS:
            self.successes += 1
            self._in_row["consecutive_5xx"] = self._in_row["consecutive_gateway_failure"] = 0
            return []
        if result is Result.SERVER_ERROR:
            self._in_row["consecutive_gateway_failure"] = 0
            return self._failed("consecutive_5xx")
        return self._failed("consecutive_gateway_failure", "consecutive_5xx")

    def _failed(self, *limits: str) -> list[str]:
        for each in limits:
            self._in_row[each] += 1
        return [each for each in limits if self._in_row[each] == self._rules.limits[each]]

    def forget(self, limit: str) -> None:
        """Count from 0 again, as after each detection."""
        self._in_row[limit] = 0

    def eject(self, now: float) -> None:
        """Leave the endpoint out from now on: the longer the more often that happened lately."""
        self.ejected_at = now
        if self._rules.base * self._times < self._rules.longest + self._rules.base:
            self._times += 1

    def returns(self, now: float) -> bool:
        """Tell at the end of an interval whether the endpoint comes back; one that was not ejected is trusted more."""
        if self.ejected_at is None:
            self._times = max(0, self._times - 1)
            return False
        if now < self.back_at - _ROUNDING:
            return False
        self.ejected_at = None
        self._in_row = dict.fromkeys(self._in_row, 0)
        return True

    @property
    def back_at(self) -> float:
        """When an ejected endpoint's time is over; it comes back at the end of the interval then."""
        assert self.ejected_at is not None
        return self.ejected_at + min(self._rules.base * self._times, self._rules.longest)

    @property
    def unchanged_until(self) -> float:
        """Until when the ends of intervals change nothing."""
        if self.requests or (self._times and self.ejected_at is None):
            return -inf
        return inf if self.ejected_at is None else self.back_at - _ROUNDING

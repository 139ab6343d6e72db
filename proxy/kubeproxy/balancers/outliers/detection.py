"""Outlier detection (Envoy's ``outlier_detection``): endpoints that fail are ejected for a while, from any algorithm.

An endpoint is ejected for a number of failures in a row, or at the end of an interval for its rate of success. It comes
back at the end of the interval after base_ejection_time * ejections (``outlier_detection_impl.cc``). No more than
``max_ejection_percent`` are ejected, so that with the default of 10 % nothing happens among fewer than ten.

What is ejected or comes back is left out or gets something at once, but for what follows within
``update_merge_window`` after that: it waits for the window's length (Envoy's cluster manager). Times are looked at when
a pick is made. Each worker of the proxy judges by what it has seen itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import ceil, inf

from kubeapi.balancing import Option, duration_fault
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Inputs, Options
from kubeproxy.balancers.outliers.hosts import HOST_OPTIONS, Host, HostRules, seconds
from kubeproxy.balancers.outliers.rates import RATE_OPTIONS, outliers
from kubeproxy.balancers.panic import PANIC_THRESHOLD, is_panic
from kubeproxy.balancers.wrapper import Wrapper
from kubeproxy.telemetry.outcomes import Result

_SWITCH = Option("outlier_detection", False, "whether endpoints that fail are ejected for a while")
_NUMBERS = (
    Option("interval", "10s", "how often outlier detection judges rates and lets back", check=duration_fault),
    Option("max_ejection_percent", 10, "outlier detection ejects no greater part", 0, 100),
    Option("always_eject_one_host", False, "outlier detection may eject one, whatever part of all that is"),
    *HOST_OPTIONS,
    *RATE_OPTIONS,
    Option("update_merge_window", "1s", "ejections so close to the one before wait so long", check=duration_fault),
    PANIC_THRESHOLD,
)
OUTLIER_OPTIONS = (_SWITCH, *(each._replace(needs=_SWITCH.name) for each in _NUMBERS))


class OutlierDetection(Wrapper):
    """Has the algorithm inside choose among those that are not ejected, or among all in a panic."""

    def __init__(self, inner: Balancer, inputs: Inputs, options: Options) -> None:
        super().__init__(inner)
        self.follows = True
        self._options = options
        self._clock, self._random = inputs.clock, inputs.rng.random
        self._rules = HostRules(options)
        self._interval = max(seconds(options, "interval"), 0.001)
        self._window = seconds(options, "update_merge_window")
        self._hosts: dict[Backend, Host] = {}
        self._interval_end = self._clock() + self._interval
        self._told: Collection[Backend] = ()
        self._is_panic = False
        self._told_at, self._tell_at = -inf, inf

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        is_first = not self._hosts
        self._hosts = {each: self._hosts.get(each) or Host(self._rules) for each in backends}
        self._tell(self._clock())
        if is_first:
            # The proxy first hears of a route from its first client, Envoy of a cluster long before.
            self._told_at = -inf

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        self._settle()
        return self._inner.pick(ask, avoid)

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return what ``pick`` would return now."""
        self._settle()
        return self._inner.upcoming(ask)

    def refuses(self, ask: Ask) -> bool:
        """Tell whether nothing is left, or the algorithm refuses."""
        self._settle()
        return not any(each.weight for each in self._told) or self._inner.refuses(ask)

    def remark(self) -> str:
        """Return in a clause which backends are left out."""
        self._settle()
        left_out = [each.address for each in self._hosts if each not in self._told]
        said = f"outlier detection leaves out {', '.join(left_out)}" if left_out else ""
        if self._is_panic:
            said = "so many have failed that outlier detection leaves out none"
        return "; ".join(each for each in (said, self._inner.remark()) if each)

    def left_out(self, backend: Backend) -> str:
        """Return for how long a backend is ejected, "" if it is not, or gets something all the same."""
        self._settle()
        host = self._hosts.get(backend)
        if host is None or host.ejected_at is None or backend in self._told:
            return super().left_out(backend)
        return f"ejected by outlier detection, for {max(1, ceil(host.back_at - self._clock()))} s more"

    def completed(self, backend: Backend, result: Result) -> None:
        """Count how one went, and eject the backend if that was one failure too many."""
        super().completed(backend, result)
        self._settle()
        host = self._hosts.get(backend)
        if host is None:
            return
        for limit in host.count(result):
            if host.ejected_at is None:
                self._eject(host, limit, self._clock())
                host.forget(limit)

    def _settle(self) -> None:
        """Do what the time has come for."""
        now = self._clock()
        while min(self._interval_end, self._tell_at) <= now:
            if self._tell_at <= self._interval_end:
                self._tell(self._tell_at)
            else:
                self._end_interval(now)

    def _end_interval(self, now: float) -> None:
        """Let back those whose time is over, and judge the rates of the interval that has ended."""
        end = self._interval_end
        # Intervals in which nothing happens are passed over: there may be hours of them.
        until = min([now, *(each.unchanged_until for each in self._hosts.values())])
        end += max(0, (until - end) // self._interval) * self._interval
        self._interval_end = end + self._interval
        if [each for each in self._hosts.values() if each.returns(end)]:
            self._changed(end)
        for host, cause in outliers(tuple(self._hosts.values()), self._options):
            self._eject(host, cause, end)
        for host in self._hosts.values():
            host.requests = host.successes = 0

    def _eject(self, host: Host, cause: str, now: float) -> None:
        ejected = sum(1 for each in self._hosts.values() if each.ejected_at is not None)
        part = 100 * (ejected + 1) / len(self._hosts)
        is_first = not ejected and self._options["always_eject_one_host"]
        enforced = float(self._options[f"enforcing_{cause}"])
        if host.ejected_at is not None or not (part <= float(self._options["max_ejection_percent"]) or is_first):
            return
        if enforced >= 100 or self._random() * 100 < enforced:
            host.eject(now)
            self._changed(now)

    def _changed(self, now: float) -> None:
        if now - self._told_at > self._window:
            self._tell(now)
        elif self._tell_at == inf:
            self._tell_at = now + self._window

    def _tell(self, now: float) -> None:
        """Tell the algorithm among which backends it chooses."""
        self._told_at, self._tell_at = now, inf
        left = [each for each, host in self._hosts.items() if host.ejected_at is None]
        threshold = float(self._options[PANIC_THRESHOLD.name])
        among = sum(1 for each in self._hosts if each.weight)
        healthy = sum(1 for each in left if each.weight)
        self._is_panic = is_panic(healthy, among, threshold)
        self._told = self._hosts.keys() if self._is_panic else frozenset(left)
        self._inner.update(tuple(self._hosts) if self._is_panic else left)

"""Slow start: an endpoint that has just come gets less than its share at first (Envoy's ``slow_start_config``).

The share grows from the least one to all of it: weight * max(least, (age / window)^(1 / aggression)), with an age of
at least a millisecond. Envoy knows this for ROUND_ROBIN and LEAST_REQUEST, here exactly so; around any other algorithm
an endpoint keeps that fraction of the picks that fall to it, and the algorithm picks again among the others for the
rest. Endpoints that have come together start together and get full shares of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from kubeapi.balancing import Option, duration_fault
from kubeapi.serialization.duration import parse_duration
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Options, Rng
from kubeproxy.balancers.wrapper import Wrapper

SLOW_START_OPTIONS = (
    Option("slow_start", "0s", "how long a new endpoint takes to its full share", check=duration_fault),
    Option("slow_start_aggression", 1.0, "above 1 the share grows faster at first", 0.01, needs="slow_start"),
    Option("slow_start_min_weight_percent", 10.0, "the share at first, in percent", 1, 100, needs="slow_start"),
)


class Youth:
    """How much of its share each backend gets, by the time since it came."""

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        seconds = parse_duration(str(options["slow_start"]))
        assert seconds is not None
        self.window = seconds
        self._power = 1 / float(options["slow_start_aggression"])
        self._least = float(options["slow_start_min_weight_percent"]) / 100
        self._clock = clock
        self._born: dict[Backend, float] = {}
        self._first = self._last = 0.0

    def update(self, backends: Sequence[Backend]) -> None:
        """Remember when each of ``backends`` came, and nothing of others."""
        now = self._clock()
        self._born = {each: self._born.get(each, now) for each in backends}
        self._first = min(self._born.values(), default=now)
        self._last = max(self._born.values(), default=now)

    def is_over(self) -> bool:
        """Tell whether all have their full share."""
        return self._clock() - self._last > self.window

    def weight(self, backend: Backend) -> float:
        """Return the weight of a backend now, 0 only where that is its weight."""
        age = self._clock() - self._born.get(backend, self._first)
        return backend.weight * self._factor(age) if age < self.window else backend.weight

    def young(self) -> Iterator[tuple[Backend, float]]:
        """Yield the backends that get less than their share, with the fraction of it that they get."""
        shares = ((each, self.fraction(each)) for each in self._born)
        yield from ((each, share) for each, share in shares if share < 1)

    def fraction(self, backend: Backend) -> float:
        """Return the fraction of its share that a backend gets, beside the one that came first."""
        now = self._clock()
        return self._factor(now - self._born.get(backend, self._first)) / self._factor(now - self._first)

    def _factor(self, age: float) -> float:
        if age >= self.window:
            return 1.0
        grown: float = (max(age, 0.001) / self.window) ** self._power
        return min(1.0, max(self._least, grown))


class _Informed(Wrapper):
    """Around an algorithm that reads the weight for each pick: only tells when which backend came."""

    def __init__(self, inner: Balancer, youth: Youth) -> None:
        super().__init__(inner)
        self._youth = youth

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._youth.update(backends)
        self._inner.update(backends)

    def remark(self) -> str:
        """Return in a clause which backends get less than their share for now."""
        slow = [f"{each.address} starts slowly, with {share:.0%} of its share" for each, share in self._youth.young()]
        return "; ".join(each for each in (*slow, super().remark()) if each)


class _Rejecting(_Informed):
    """Around any other algorithm: rejects a part of what falls to a new backend."""

    def __init__(self, inner: Balancer, youth: Youth, rng: Rng) -> None:
        super().__init__(inner, youth)
        self._rng = rng

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if self._youth.is_over():
            return self._inner.pick(ask, avoid)
        shunned, rejected = set(avoid), None
        while (backend := self._inner.pick(ask, shunned)) is not None:
            if backend.address in shunned:
                # There is no other; one that was rejected is better than one that has failed.
                return rejected if rejected is not None and backend.address in avoid else backend
            fraction = self._youth.fraction(backend)
            if fraction >= 1 or self._rng.random() < fraction:
                return backend
            rejected = backend
            shunned.add(backend.address)
        return rejected

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return what ``pick`` would return now, None where chance decides whether it is rejected."""
        backend = self._inner.upcoming(ask)
        if backend is None or self._youth.is_over() or self._youth.fraction(backend) >= 1:
            return backend
        return None


def youth_of(options: Options, clock: Callable[[], float]) -> Youth | None:
    """Return what ``options`` say of new endpoints, None if they start as all others."""
    if "slow_start" not in options or not parse_duration(str(options["slow_start"])):
        return None
    return Youth(options, clock)


def start_slowly(inner: Balancer, youth: Youth, rng: Rng, *, is_exact: bool) -> Balancer:
    """Return an algorithm with slow start around it; ``is_exact``: it reads the weights of ``youth``."""
    return _Informed(inner, youth) if is_exact else _Rejecting(inner, youth, rng)

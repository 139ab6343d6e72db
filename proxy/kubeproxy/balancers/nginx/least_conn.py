"""nginx' ``least_conn``: the fewest connections for the weight; those that are equal take turns by weight."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available


class NginxLeastConn(Balancer):
    """Looks at every backend. Only equals gain value in a turn (smooth weighted round robin among them), as in nginx.

    Workers of a proxy see all connections, but each has its own turns.
    """

    name = "nginx_least_conn"
    shares_counts = True
    has_weights = True
    card = Card("the fewest connections by weight, equals in turn by weight", "connections now", "O(n)", "nginx")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._load = inputs.load
        self._values: dict[Backend, int] = {}

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the fewest connections for its weight"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._values = {each: self._values.get(each, 0) for each in available(backends)}

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        equal = self._least(avoid)
        if not equal:
            return self.pick(ask) if avoid else None
        if len(equal) == 1:
            return equal[0]
        values = self._values
        for each in equal:
            values[each] += each.weight
        best = max(equal, key=values.__getitem__)
        values[best] -= sum(each.weight for each in equal)
        return best

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn among those with the least load now."""
        return max(self._least(()), key=lambda each: self._values[each] + each.weight, default=None)

    def _least(self, avoid: Collection[str]) -> list[Backend]:
        """Return the backends with the fewest connections for their weight, in the order of the list."""
        equal: list[Backend] = []
        least, weight = 0, 1
        for each in self._values:
            if avoid and each.address in avoid:
                continue
            load = self._load(each)
            # Compares load / weight without a division.
            difference = load * weight - least * each.weight
            if difference < 0 or not equal:
                equal, least, weight = [each], load, each.weight
            elif difference == 0:
                equal.append(each)
        return equal

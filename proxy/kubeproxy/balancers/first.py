"""HAProxy's ``first``: the first endpoint by address that has room, so that the others stay idle."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available


class First(Balancer):
    """Fills one backend after the other. When all are full they take turns, where HAProxy has clients wait."""

    name = "first"
    aliases = ("haproxy_first",)
    options = (Option("max_connections", 0, "how many one may have, 0 for any number", low=0),)
    shares_counts = True
    card = Card("the first by address that is not full", "connections now", "O(those that are full)", "HAProxy first")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self._load = inputs.load
        self._turns = inputs.turns
        self._most = int(options["max_connections"])
        self._usable: Sequence[Backend] = ()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the first of {count} that has room"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._usable = available(backends)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        usable = available(self._usable, avoid) if avoid else self._usable
        found = self._first(usable)
        if found is None and usable:
            found = usable[self._turns.taken() % len(usable)]
            self._turns.take(1)
        return found

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the first backend that has room, or the one that has the next turn."""
        usable = self._usable
        return self._first(usable) or (usable[self._turns.taken() % len(usable)] if usable else None)

    def _first(self, usable: Sequence[Backend]) -> Backend | None:
        most = self._most
        return next((each for each in usable if not most or self._load(each) < most), None)

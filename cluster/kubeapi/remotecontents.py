"""What extension API servers still have of a namespace that is being deleted. Pure.

The namespace controller asks; ``kubeaggregator`` has the servers delete it, and tells what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RemoteContents:
    """What is left after a deletion.

    ``undiscovered`` are the versions (``GROUP/VERSION``) whose server does not say what it has, ``faults`` what else
    went wrong. ``counts`` are numbers of objects by resource (``flunders.wardle.example.com``), ``finalizers`` numbers
    of objects by what they wait for. One that ``is_pending`` is being found out.
    """

    is_pending: bool = False
    undiscovered: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    finalizers: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left, for certain."""
        return not (self.is_pending or self.undiscovered or self.faults or self.counts)


NOTHING = RemoteContents()
Sweep = Callable[[str], RemoteContents]
"""Tells what extension API servers have of a namespace, which it has them delete."""


def no_servers(namespace: str) -> RemoteContents:
    """Find nothing: there is no extension API server."""
    return NOTHING


class LateSweep:
    """Asks ``source``, which is set once the servers are known."""

    def __init__(self) -> None:
        self.source: Sweep = no_servers

    def __call__(self, namespace: str) -> RemoteContents:
        """Tell what extension API servers have of a namespace."""
        return self.source(namespace)

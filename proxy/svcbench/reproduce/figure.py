"""A published result and its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from svcbench.results import Run


@dataclass(frozen=True)
class Figure:
    """One number: what it is, what was published of it, the band that it must be in, and what came out.

    A ``low`` and ``high`` that are both infinite only show a number.
    """

    what: str
    published: str
    value: float
    low: float = -inf
    high: float = inf
    unit: str = ""

    @property
    def is_reproduced(self) -> bool:
        """Whether the number is in its band."""
        return self.low <= self.value <= self.high

    @property
    def has_band(self) -> bool:
        """Whether it must be anywhere."""
        return self.low > -inf or self.high < inf


@dataclass(frozen=True)
class Setup:
    """A run on sockets: pods that behave as ``models`` say, behind one Service, and evenly spaced or Poisson arrivals.

    ``connections`` bounds what is under way at once, 0 does not. With ``closed`` so many clients wait for their
    answers, whatever the rate. With ``server`` there is one pod more, which runs Python with these arguments and serves
    HTTP at port 8080. The pods are new: their seconds begin with the load.
    """

    algorithm: str
    models: Sequence[str]
    rate: float
    seconds: float
    options: str = ""
    is_poisson: bool = False
    connections: int = 0
    closed: int = 0
    server: Sequence[str] = ()

    @property
    def load(self) -> str:
        """The load in words."""
        return f"by {self.closed} clients that wait" if self.closed else f"at {self.rate:g}/s"


Measure = Callable[[Setup], Run]
"""Makes a run on sockets."""


@dataclass(frozen=True)
class Reproduction:
    """A published result: ``source`` names the publication, ``remark`` says what to know before quoting it.

    ``figures(thorough)`` makes the figures in seconds; thorough ones take up to a minute more. ``on_sockets(measure)``
    makes those that real pods and clients have to give as well, None where they would tell nothing more.
    """

    name: str
    title: str
    source: str
    figures: Callable[[bool], Iterator[Figure]]
    remark: str = ""
    on_sockets: Callable[[Measure], Iterator[Figure]] | None = None

"""Published results about balancing, each with the number that it must come out at: `kubesvc bench --reproduce`. Pure.

A ``Reproduction`` makes ``Figure``s, each with a band. Bands come from the publication or from theory, never from what
a run has given; where a run misses one and it is known why, the figure says so.
"""

from svcbench.reproduce.bounded_loads import BOUNDED_LOADS
from svcbench.reproduce.coordinated_omission import COORDINATED_OMISSION
from svcbench.reproduce.figure import Figure, Measure, Reproduction, Setup
from svcbench.reproduce.maglev import MAGLEV
from svcbench.reproduce.prequal import PREQUAL
from svcbench.reproduce.reuseport import REUSEPORT
from svcbench.reproduce.slow_backend import SLOW_BACKEND
from svcbench.reproduce.subsets import SUBSETS
from svcbench.reproduce.two_choices import TWO_CHOICES
from svcbench.reproduce.unevenness import UNEVENNESS

__all__ = ["REPRODUCTIONS", "Figure", "Measure", "Reproduction", "Setup"]

_ALL = (
    SLOW_BACKEND,
    TWO_CHOICES,
    PREQUAL,
    MAGLEV,
    BOUNDED_LOADS,
    COORDINATED_OMISSION,
    UNEVENNESS,
    SUBSETS,
    REUSEPORT,
)
REPRODUCTIONS = {each.name: each for each in _ALL}
"""All of them by name: R1 and so on."""

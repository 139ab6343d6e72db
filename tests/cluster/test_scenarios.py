"""What a Service does: kubesvc's proxy and name server, kube-proxy and CoreDNS, row by row of one table.

`Rules.decide`, from which `trace` speaks, is asked beside the packets that go through kube-proxy's rules.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from benchmarks.cluster.controlplane import ControlPlane
from tests.helpers.realcluster.deciding import Decided
from tests.helpers.realcluster.judging import AnswersProbes, Named, Proxied, misses
from tests.helpers.realcluster.objects import Stage
from tests.helpers.realcluster.rows import Row, read_rows


@pytest.fixture
def stage(plane: ControlPlane, row: Row) -> Iterator[Stage]:
    """Have a row's namespace, and leave no objects there."""
    found = Stage(plane.api(), row)
    yield found
    found.clear()


@pytest.mark.parametrize("row", read_rows(), ids=lambda row: row.name.replace(" ", "-"))
def test_everybody_does_what_the_table_says(
    plane: ControlPlane, row: Row, stage: Stage, proxied: list[Proxied], named: list[Named]
) -> None:
    all_proxies: list[AnswersProbes] = [*proxied, Decided(plane.api(), row.namespace)]
    for number, step in enumerate(row.steps, 1):
        stage.show(step)
        assert misses(row, step, all_proxies, named) == [], f"step {number}"

"""What a Service does: kubesvc's proxy and name server, kube-proxy and CoreDNS, row by row of one table.

`Rules.decide`, from which `trace` speaks, is asked beside the packets that go through kube-proxy's rules.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from benchmarks.cluster.controlplane import ControlPlane
from tests.helpers.cluster.cli import eventually
from tests.helpers.realcluster.deciding import Decided
from tests.helpers.realcluster.judging import AnswersProbes, Named, Proxied, misses
from tests.helpers.realcluster.objects import Stage
from tests.helpers.realcluster.rows import Row, read_rows

LONGEST_PAUSE = 90.0
"""Seconds until a client asks again for sure after an outage (client-go: 30 s, and as much by chance)."""


@pytest.fixture(scope="module", autouse=True)
def everybody_follows(plane: ControlPlane, proxied: list[Proxied], named: list[Named]) -> None:
    """Wait until all follow the API server, which other tests have stopped."""
    row = read_rows()[0]
    stage = Stage(plane.api(), row)
    stage.show(row.steps[0])
    assert eventually(lambda: misses(row, row.steps[0], proxied, named) == [], LONGEST_PAUSE)
    stage.clear()


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

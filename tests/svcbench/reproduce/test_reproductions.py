"""Published results come out in simulation: every figure is in its band, or says why not."""

from __future__ import annotations

from functools import cache

import pytest

from svcbench.reproduce import REPRODUCTIONS, Figure


@cache
def figures_of(name: str) -> tuple[Figure, ...]:
    """Return the quick figures of a published result, which take up to a second."""
    return tuple(REPRODUCTIONS[name].figures(False))


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_a_published_result_comes_out_in_simulation(name: str) -> None:
    figures = figures_of(name)
    assert any(each.has_band for each in figures)
    assert [each for each in figures if not each.is_reproduced] == []

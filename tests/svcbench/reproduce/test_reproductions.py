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
    assert [each for each in figures if not each.is_reproduced and not each.reason] == []


def test_only_envoys_bound_is_known_not_to_hold() -> None:
    """A reason excuses a miss, so that no other one may creep in."""
    known = [each for name in ("R5", "R6") for each in figures_of(name) if each.reason]
    assert {each.reason for each in known} == {"Envoy compares with <=, so a host gets one above the bound"}
    assert all(each.value <= each.high + 1 for each in known)

"""How often the rules are synced while there are many changes."""

from __future__ import annotations

import pytest

from kubeproxy.pacing import BURST, Pace


def syncs(seconds: float, changes: list[float]) -> list[float]:
    """When each change is obeyed; one that waits takes later ones with it."""
    pace, found = Pace(seconds), list[float]()
    for change in changes:
        if found and change <= found[-1]:
            continue
        found.append(max(change, pace.due_at()))
        pace.spend(found[-1])
    return found


@pytest.mark.parametrize(
    ("seconds", "changes", "obeyed"),
    [
        pytest.param(0.0, [0.0, 0.001, 0.002], [0.0, 0.001, 0.002], id="no limit"),
        pytest.param(1.0, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], [0.0, 0.1, 0.2, 0.3, 1.0], id="a burst, then a pause"),
        pytest.param(1.0, [0.0, 9.0, 9.1, 9.2, 9.3, 9.4], [0.0, 9.0, 9.1, 9.2, 9.3, 10.0], id="a burst comes again"),
    ],
)
def test_changes_are_obeyed_at_once_until_there_are_many(
    seconds: float, changes: list[float], obeyed: list[float]
) -> None:
    assert syncs(seconds, changes) == obeyed


def test_a_flood_is_obeyed_once_in_each_period() -> None:
    assert len(syncs(0.1, [number / 100 for number in range(1000)])) == pytest.approx(100 + BURST - 1, abs=1)

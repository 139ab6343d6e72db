from __future__ import annotations

import pytest

from kubeclient.portforward.plan import MOST, SHARED_BY, Choice, Load, choose

IDLE, BUSY, STUCK = Load(0, False), Load(SHARED_BY, False), Load(1, True)


@pytest.mark.parametrize(
    ("loads", "choice"),
    [
        pytest.param([], Choice(None, opens=True), id="the-first-opens-one"),
        pytest.param([IDLE], Choice(0, opens=False), id="one-is-enough"),
        pytest.param([Load(3, False), Load(2, False)], Choice(1, opens=False), id="the-least-loaded"),
        pytest.param([BUSY], Choice(0, opens=True), id="another-is-opened-for-the-next"),
        pytest.param([STUCK], Choice(None, opens=True), id="one-that-is-held-up-is-avoided"),
        pytest.param([STUCK, BUSY], Choice(1, opens=True), id="a-busy-one-is-better"),
        pytest.param([BUSY] * MOST, Choice(0, opens=False), id="no-more-than-most"),
        pytest.param([Load(2, True)] * (MOST - 1) + [STUCK], Choice(MOST - 1, opens=False), id="all-are-held-up"),
    ],
)
def test_a_connection_is_chosen(loads: list[Load], choice: Choice) -> None:
    assert choose(loads) == choice


def test_what_waits_begins_even_where_it_will_be_held_up() -> None:
    assert choose([STUCK], most=0) == Choice(0, opens=False)

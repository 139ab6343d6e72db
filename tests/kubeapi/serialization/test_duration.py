from __future__ import annotations

import pytest

from kubeapi.serialization.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("30s", 30.0), ("1m30s", 90.0), ("500ms", 0.5), ("1.5h", 5400.0), (".5s", 0.5), ("2.s", 2.0)],
)
def test_durations_of_go_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", ".s", "5 s", "-5s", "1d", "5s!", "٣s"])
def test_other_texts_are_no_durations(text: str) -> None:
    assert parse_duration(text) is None

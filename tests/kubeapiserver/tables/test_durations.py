"""Ages as kubectl shows them."""

from __future__ import annotations

import pytest

from kubeapi.selectors.text import selector_text
from kubeapiserver.tables.texts import human_duration, since

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 86400 * 365


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (90, "90s"),
        (119.9, "119s"),
        (2 * MINUTE, "2m"),
        (130, "2m10s"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE + 30, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 5 * MINUTE, "3h5m"),
        (8 * HOUR + 5 * MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (3 * DAY + HOUR, "3d1h"),
        (8 * DAY + HOUR, "8d"),
        (2 * YEAR - DAY, "729d"),
        (2 * YEAR, "2y"),
        (3 * YEAR + 4 * DAY, "3y4d"),
        (9 * YEAR + 4 * DAY, "9y"),
    ],
)
def test_a_time_span_is_told_in_two_units_at_most(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize("timestamp", [None, "", "yesterday"])
def test_what_has_no_time_has_an_unknown_age(timestamp: str | None) -> None:
    assert since(timestamp, 0.0) == "<unknown>"


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({}, ""),
        ({"matchLabels": {"b": "1", "a": "2"}}, "a=2,b=1"),
        (
            {
                "matchLabels": {"app": "x"},
                "matchExpressions": [
                    {"key": "z", "operator": "In", "values": ["b", "a"]},
                    {"key": "y", "operator": "NotIn", "values": ["c"]},
                    {"key": "w", "operator": "Exists"},
                    {"key": "v", "operator": "DoesNotExist"},
                ],
            },
            "app=x,!v,w,y notin (c),z in (a,b)",
        ),
    ],
)
def test_a_selector_is_written_as_one_would_type_it(selector: dict[str, object], text: str) -> None:
    assert selector_text(selector) == text

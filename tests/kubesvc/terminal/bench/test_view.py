"""The picture of a run under way."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from kubesvc.bench.progress import Sight
from kubesvc.terminal.bench.view import drawn

SIGHT = Sight(2.5, 10.0, False, 250, 3, 100.4, 1200, 9000, 20_000, {"web-1": 200, "web-2": 50})


def text_of(sight: Sight) -> list[str]:
    out = StringIO()
    Console(file=out, width=100).print(drawn("svc/web:80", sight))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_picture_has_progress_rate_latencies_and_a_bar_for_each_pod() -> None:
    assert text_of(SIGHT) == [
        "svc/web:80  250 requests, 3 errors",
        "━" * 10 + "─" * 30 + " 2.5 of 10 s",
        "100 requests/s  p50 1.20 ms  p99 9.00 ms  p99.9 20.00 ms",
        "web-1 " + "━" * 40 + " 200",
        "web-2 " + "━" * 10 + "─" * 30 + " 50",
    ]


def test_a_warm_up_is_told_as_such() -> None:
    assert text_of(SIGHT._replace(is_warming_up=True, pods={}))[0] == "svc/web:80  warming up"


def test_of_many_pods_the_first_are_drawn() -> None:
    lines = text_of(SIGHT._replace(pods={f"web-{number:03}": 1 for number in range(40)}))
    assert len(lines) == 3 + 12 + 1
    assert lines[-1] == "and 28 more pods"

"""Charts of pods: requests in each second, and each pod's share. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from svcbench.report.html.axes import linear
from svcbench.report.html.chart import INNER_HEIGHT, INNER_WIDTH, Curve, Point, chart
from svcbench.report.html.latency import second_label
from svcbench.report.html.markup import Markup, element, joined
from svcbench.report.numbers import cut, percentage
from svcbench.results import UNKNOWN_POD, Run
from svcbench.statistics.fairness import transposed

MOST_LINES = 8
"""Pods that have a line each; of more the busiest, the mean and the idlest of each second."""
_MOST_BARS = 40
_BAR_WIDTH, _ROW = 300, 20
_NAME_WIDTH, _TEXT_WIDTH = 250, 150


def over_time(label: str, run: Run) -> Markup:
    """Return the requests that each pod of a run got in each second."""
    curves = _each(run) if len(run.pods) <= MOST_LINES else _ends(run)
    seconds = max((len(each.points) for each in curves), default=0)
    most = max((value for each in curves for _, value in each.points), default=0.0)
    axes = linear(seconds, INNER_WIDTH), linear(most, INNER_HEIGHT)
    return chart(f"{label}: requests of each pod in each second", axes, (second_label, "{:g}".format), curves)


def _each(run: Run) -> list[Curve]:
    return [Curve(name, place, _points(pod.windows)) for place, (name, pod) in enumerate(run.pods.items())]


def _ends(run: Run) -> list[Curve]:
    windows = transposed([pod.windows for pod in run.pods.values()])
    return [
        Curve("busiest pod", 0, _points([max(window) for window in windows])),
        Curve("mean", 1, _points([sum(window) / len(window) for window in windows])),
        Curve("idlest pod", 2, _points([min(window) for window in windows])),
    ]


def _points(counts: Sequence[float]) -> list[Point]:
    return [(second + 0.5, float(count)) for second, count in enumerate(counts)]


def bars(label: str, run: Run) -> Markup:
    """Return each pod's requests as a bar, with a line at its share by weight; of many pods the busiest."""
    pods = sorted(run.pods.items(), key=lambda each: (-each[1].requests, each[0]))[:_MOST_BARS]
    total = sum(pod.requests for pod in run.pods.values())
    most = max((pod.requests for _, pod in pods), default=0)
    weights = sum(pod.weight for name, pod in run.pods.items() if name != UNKNOWN_POD)
    due = [total * pod.weight / weights if weights and name != UNKNOWN_POD else 0.0 for name, pod in pods]
    scale = _BAR_WIDTH / max([most, *due]) if most else 0.0
    rows = [_bar(name, row, pod.requests, (scale, total)) for row, (name, pod) in enumerate(pods)]
    rows += [_line(row, _NAME_WIDTH + scale * share) for row, share in enumerate(due)]
    height = _ROW * len(pods)
    width = _NAME_WIDTH + _BAR_WIDTH + _TEXT_WIDTH
    drawing = element("svg", joined(rows), viewBox=f"0 0 {width} {height}", role="img", class_="bars")
    more = f", the {len(pods)} busiest of {len(run.pods)}" if len(pods) < len(run.pods) else ""
    caption = element(
        "figcaption", element("strong", f"{label}: requests per pod"), f"{more}; the line is the share by weight"
    )
    return element("figure", caption, element("div", drawing, class_="wide"))


def _line(row: int, at: float) -> Markup:
    return element("line", x1=at, y1=float(row * _ROW), x2=at, y2=float((row + 1) * _ROW), class_="fair")


def _bar(name: str, row: int, requests: int, scaled: tuple[float, int]) -> Markup:
    scale, total = scaled
    y, end = float(row * _ROW), _NAME_WIDTH + requests * scale
    said = f"{requests:,} ({percentage(requests / total) if total else '-'})"
    parts = [
        element("text", element("title", name), cut(name, 34), x=_NAME_WIDTH - 8.0, y=y + 14, text_anchor="end"),
        element("rect", x=float(_NAME_WIDTH), y=y + 3, width=requests * scale, height=_ROW - 6.0, class_="bar"),
        element("text", said, x=end + 6, y=y + 14),
    ]
    return joined(parts)

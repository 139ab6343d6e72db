"""The frame of a chart: axes with their lines and labels, curves, and a legend. SVG, made by hand. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from svcbench.report.html.axes import Axis
from svcbench.report.html.markup import Markup, element, joined
from svcbench.report.numbers import cut

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 44
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
COLOURS = 8
"""Curves beyond them have the same colours again, dashed in another way."""

Label = Callable[[float], str]
Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A named curve in the values of the axes; ``place`` is that of its name in the legend, which gives its colour."""

    name: str
    place: int
    points: Sequence[Point]
    is_twin: bool = False
    """Whether it is the uncorrected twin of another one: thin, dotted, and no part of the legend."""


def colour_class(place: int) -> str:
    """Return the classes of the ``place``-th name: its colour, and from the ninth on its dashes."""
    return f"c{place % COLOURS} d{min(2, place // COLOURS)}"


def chart(title: str, axes: tuple[Axis, Axis], labels: tuple[Label, Label], curves: Sequence[Curve]) -> Markup:
    """Return a chart with its title and legend as a figure; ``labels`` name the ticks of the axes."""
    x, y = axes
    parts = [*_vertical(x, labels[0]), *_horizontal(y, labels[1]), *(_curve(x, y, each) for each in curves)]
    drawing = element(
        "svg",
        element("title", title),
        joined(parts),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )
    names = [(each.name, each.place) for each in curves if not each.is_twin]
    caption = element("figcaption", element("strong", title), " ", _legend(names))
    return element("figure", caption, element("div", drawing, class_="wide"))


def _legend(names: Sequence[tuple[str, int]]) -> Markup:
    return joined([element("span", cut(name, 40), class_=f"key {colour_class(place)}") for name, place in names], " ")


def _vertical(x: Axis, label: Label) -> list[Markup]:
    found = []
    for tick in x.ticks:
        at = LEFT + x.at(tick)
        anchor = "end" if tick == x.ticks[-1] else "middle"
        found += [
            element("line", x1=at, y1=float(TOP), x2=at, y2=float(HEIGHT - BOTTOM), class_="grid"),
            element("text", label(tick), x=at, y=float(HEIGHT - BOTTOM + 18), text_anchor=anchor),
        ]
    return found


def _horizontal(y: Axis, label: Label) -> list[Markup]:
    found = []
    for tick in y.ticks:
        at = TOP + INNER_HEIGHT - y.at(tick)
        found += [
            element("line", x1=float(LEFT), y1=at, x2=float(WIDTH - RIGHT), y2=at, class_="grid"),
            element("text", label(tick), x=float(LEFT - 8), y=at + 4, text_anchor="end"),
        ]
    return found


def _curve(x: Axis, y: Axis, curve: Curve) -> Markup:
    points = " ".join(f"{LEFT + x.at(one):.1f},{TOP + INNER_HEIGHT - y.at(other):.1f}" for one, other in curve.points)
    kind = "twin" if curve.is_twin else "curve"
    name = f"{curve.name}, from actual start" if curve.is_twin else curve.name
    return element("polyline", element("title", name), points=points, class_=f"{kind} {colour_class(curve.place)}")

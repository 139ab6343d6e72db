"""The HTML report is one file that needs nothing else, shows what it should, and takes every name as text."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from tests.helpers.svcbench import run_of
from tests.helpers.svcbench_comparison import comparison_of, run_with_pods

from svcbench.compare.comparison import judge
from svcbench.histogram import Histogram
from svcbench.report.html import comparison_page, run_page
from svcbench.report.html.axes import Axis, linear, logarithmic, of_latencies, of_percentiles, percentile_label
from svcbench.report.html.latency import latency_label, spectrum_points
from svcbench.report.html.markup import Markup, element
from svcbench.report.html.pods import bars
from svcbench.results import PodFigures, Run

EVIL = "<script>alert('x')</script>\"&'"
COMPARISON = comparison_of({"round_robin": 1.0, "peak_ewma": 0.7})
PAGE = comparison_page(COMPARISON, judge(COMPARISON), "kubesvc bench svc/web --compare round_robin,peak_ewma")


class Elements(HTMLParser):
    """Collects the elements of a page, and fails where one is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_shows_the_verdicts_the_curves_the_pods_and_the_command() -> None:
    for words in (
        "faster by ",
        "Latency by percentile",
        "99.9 %",
        "peak_ewma: requests of each pod",
        "share by weight",
    ):
        assert words in PAGE
    assert "<pre><code>kubesvc bench svc/web --compare round_robin,peak_ewma</code></pre>" in PAGE
    assert "Invalid" not in PAGE


def test_a_page_is_well_formed_and_needs_nothing_from_elsewhere() -> None:
    for tag, attributes in Elements(PAGE).found:
        assert tag not in ("script", "link", "img", "iframe", "a")
        assert not {"src", "href", "style", "onload"} & attributes.keys()
    assert "default-src 'none'" in PAGE
    assert "url(" not in PAGE
    assert "prefers-color-scheme: dark" in PAGE
    assert 'name="viewport" content="width=device-width' in PAGE


def test_every_drawing_is_valid_svg_within_its_frame() -> None:
    for piece in PAGE.split("<svg")[1:]:
        drawing = ElementTree.fromstring("<svg" + piece.split("</svg>")[0] + "</svg>")
        _, _, width, height = map(float, drawing.get("viewBox", "").split())
        for line in drawing.iter():
            for pair in (line.get("points") or "").split():
                x, y = map(float, pair.split(","))
                assert 0 <= x <= width
                assert 0 <= y <= height


def test_names_and_commands_are_text_whatever_they_hold() -> None:
    run = replace(run_with_pods(EVIL, 1, pods=[EVIL, "b"]), target=EVIL, command=EVIL, is_partial=True)
    evil = comparison_of({EVIL: 1.0, "b": 1.0}, pods=[EVIL])
    for page in (run_page(run), comparison_page(evil, judge(evil), EVIL)):
        assert "<script" not in page
        assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;&#x27;" in page
        Elements(page)


def test_attributes_are_escaped_too() -> None:
    assert element("p", "<", Markup("<b></b>"), class_=EVIL) == (
        '<p class="&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;&#x27;">&lt;<b></b></p>'
    )


def test_an_invalid_run_has_an_alarm_at_its_top() -> None:
    page = run_page(replace(run_with_pods("rr", 1), is_partial=True))
    assert page.index("Invalid: these figures") < page.index("<h2>")


@pytest.mark.parametrize(
    "run", [run_of([]), run_of([0]), run_with_pods("rr", 1, pods=[f"pod-{each}" for each in range(100)])]
)
def test_a_run_of_nothing_or_of_many_pods_has_a_page(run: Run) -> None:
    assert Elements(run_page(run)).found


def test_a_comparison_of_nothing_has_a_page() -> None:
    none = comparison_of({"a": 1, "b": 1}, 0, 10)
    assert "none was finished" in comparison_page(none, judge(none), "again")


def test_the_dotted_twin_is_drawn_where_it_differs() -> None:
    run = run_of([1000, 2000])
    assert 'class="twin' not in run_page(run)
    assert 'class="twin' in run_page(replace(run, uncorrected=Histogram([10, 20])))


def test_each_pods_bar_has_a_line_at_its_share_by_weight() -> None:
    run = replace(run_of([1]), pods={"a": PodFigures(30, 0, 1, weight=3), "b": PodFigures(10, 0, 1, weight=1)})
    drawing = bars("wrr", run)
    ends = [float(x) + float(width) for x, width in re.findall(r'<rect x="([\d.]+)".* width="([\d.]+)"', drawing)]
    assert [float(at) for at in re.findall(r'<line x1="([\d.]+)"', drawing)] == ends


def test_many_pods_are_drawn_as_busiest_mean_and_idlest() -> None:
    page = run_page(run_with_pods("rr", 1, pods=[f"pod-{each}" for each in range(100)]))
    assert all(words in page for words in ("busiest pod", "idlest pod", "the 40 busiest of 100"))


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (linear(9, 100), (0, 2, 4, 6, 8, 10)),
        (linear(0, 100), (0, 1)),
        (linear(0.003, 100), (0, 0.001, 0.002, 0.003)),
        (logarithmic(3, 400, 100), (2, 5, 10, 20, 50, 100, 200, 500)),
        (logarithmic(1, 10**6, 100), tuple(10**each for each in range(7))),
        (of_percentiles(5000, 100), (1, 2, 10, 100, 1000, 10_000)),
        (of_latencies([], 100), (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (of_latencies([10, 1000], 100), (10, 20, 50, 100, 200, 500, 1000)),
    ],
)
def test_axes_have_round_lines(axis: Axis, ticks: tuple[float, ...]) -> None:
    assert axis.ticks == pytest.approx(ticks)
    assert axis.at(axis.high) == pytest.approx(100)
    assert axis.at(-1) == 0


def test_the_percentile_axis_is_that_of_hdrhistogram() -> None:
    axis = of_percentiles(5000, 400)
    assert [round(axis.at(each)) for each in (1, 10, 100, 1000, 10_000)] == [0, 100, 200, 300, 400]
    assert [percentile_label(each) for each in (1, 2, 10, 1000)] == ["0 %", "50 %", "90 %", "99.9 %"]


def test_the_spectrum_ends_at_the_slowest_request() -> None:
    points = spectrum_points(Histogram([1] * 90 + [5] * 9 + [9]))
    assert points[0] == (1.0, 1.0)
    assert points[-1] == (100.0, 9.0)
    assert points[1] == pytest.approx((10.0, 1.0))


def test_latencies_have_their_unit() -> None:
    assert [latency_label(each) for each in (0, 500, 2000, 5_000_000)] == ["0 ms", "500 µs", "2 ms", "5 s"]

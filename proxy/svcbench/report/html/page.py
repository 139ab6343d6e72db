"""The page: what was done, whether it may be believed, the verdicts, latencies, pods, and how to repeat it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from svcbench.compare.comparison import Comparison, Verdict
from svcbench.compare.wording import verdict_text
from svcbench.report import facts
from svcbench.report.html import latency, pods
from svcbench.report.html.intervals import intervals
from svcbench.report.html.markup import Markup, element, joined, table, words
from svcbench.report.html.style import STYLE
from svcbench.results import Run
from svcbench.verdict import invalidities

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_PODS = 20
_LATENCY = (
    "Latencies count from when a request was due, so a stall is charged to every request that it delays; the dotted "
    "twins, and the rows from actual start, count from when it was sent. Percentiles are of all requests together."
)
_VERDICTS = (
    "The interval of a ratio is a bootstrap over the blocks, pairs kept together; those of one percentile hold "
    "together with 95 %. Where it holds 1, the blocks do not tell which algorithm is faster."
)
_SPREAD = (
    "Jain's index is 1 where all pods get the same; beside it is what a fair die would give. In a second is the "
    "coefficient of variation among the pods within each second. A small p says that no fair die would spread "
    "requests so unevenly."
)


def run_page(run: Run) -> str:
    """Return the report of one run."""
    sections = _measured({run.algorithm: run})
    return _page(run.target, facts.run_sentence(run), invalidities(run), [*sections, _repeat(run.command)])


def comparison_page(comparison: Comparison, verdicts: Sequence[Verdict], command: str) -> str:
    """Return the report of a comparison; ``command`` repeats it."""
    runs = comparison.merged
    target = next((run.target for run in runs.values()), "nothing measured")
    sections = [_verdicts(verdicts), *_measured(runs)] if runs else []
    sentence = facts.comparison_sentence(comparison)
    if comparison.reason:
        sections = [element("p", f"Ended early: {comparison.reason}."), *sections]
    return _page(target, sentence, comparison.invalidities(), [*sections, _repeat(command)])


def _page(title: str, sentence: str, faults: Sequence[str], sections: Sequence[Markup]) -> str:
    head = element(
        "head",
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        element("title", f"kubesvc bench: {title}"),
        element("style", Markup(STYLE)),
    )
    body = [
        element("h1", f"kubesvc bench: {title}"),
        element("p", sentence, class_="faint"),
        *_alarm(faults),
        *sections,
    ]
    return f"<!doctype html>\n{element('html', head, element('body', joined(body)), lang='en')}\n"


def _alarm(faults: Sequence[str]) -> list[Markup]:
    if not faults:
        return []
    said = element("ul", *(element("li", each) for each in faults))
    return [element("div", element("strong", "Invalid: these figures are not to be believed."), said, class_="alarm")]


def _section(title: str, *content: Markup) -> Markup:
    return element("section", element("h2", title), *content)


def _explained(text: str) -> Markup:
    return element("p", text, class_="faint")


def _verdicts(verdicts: Sequence[Verdict]) -> Markup:
    rows = [(f"{each.label} {each.figure}", verdict_text(each)) for each in verdicts]
    title = f"Against {verdicts[0].reference}" if verdicts else "Verdicts"
    return _section(title, _explained(_VERDICTS), element("div", words(rows), intervals(verdicts), class_="pair"))


def _measured(runs: Mapping[str, Run]) -> list[Markup]:
    """Return the sections that one run and several have."""
    rows = table(facts.LATENCY_HEADER, facts.latency_rows(runs))
    found = [_section("Latency", _explained(_LATENCY), latency.spectrum(runs), rows)]
    if any(run.seconds_series for run in runs.values()):
        found.append(_section("Over time", latency.over_time(runs)))
    known = {label: run for label, run in runs.items() if run.pods}
    if known:
        found.append(_section("Pods", _explained(_SPREAD), table(facts.SPREAD_HEADER, facts.spread_rows(known))))
        found += [_pods(label, run) for label, run in known.items()]
    return found


def _pods(label: str, run: Run) -> Markup:
    rows = table(facts.POD_HEADER, facts.pod_rows(run, _PODS))
    return _section(label, pods.bars(label, run), pods.over_time(label, run), rows)


def _repeat(command: str) -> Markup:
    return _section("Repeat it", element("pre", element("code", command)))

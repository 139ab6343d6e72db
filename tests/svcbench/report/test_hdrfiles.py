"""A run in the formats of HdrHistogram's tools."""

from __future__ import annotations

from dataclasses import replace

from tests.helpers.svcbench import run_of

from svcbench.hdrcodec import decode
from svcbench.histogram import Histogram
from svcbench.report.hdrfiles import hdr_log, percentile_distribution
from svcbench.results import PodFigures


def test_a_log_has_an_interval_for_each_histogram_without_loss() -> None:
    run = replace(
        run_of([1000, 2000, 90_000]),
        pods={"web, 1": PodFigures(1, 0, 1, Histogram([7]))},
        command="kubesvc bench\nsvc/web",
    )
    first, comment, header, *lines = hdr_log(run).splitlines()
    assert first == "#[Histogram log format version 1.3]"
    assert comment == "#[kubesvc bench svc/web]"
    assert header == '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    tags = [line.split(",")[0] for line in lines]
    assert tags == ["Tag=corrected", "Tag=uncorrected", "Tag=pod:web__1"]
    assert decode(lines[0].split(",")[-1]) == run.corrected
    assert lines[0].split(",")[1:4] == ["0.000", "1.000", "90.047"]


def test_a_distribution_has_finer_steps_towards_the_top() -> None:
    text = percentile_distribution(Histogram(range(1000, 11_000, 10)))
    rows = [line.split() for line in text.splitlines()[2:] if not line.startswith("#")]
    shares = [float(each[1]) for each in rows]
    assert shares[:6] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert rows[5][0] == "5.991"
    assert rows[-1] == ["10.991", "1.000000000000", "1000"]


def test_the_distribution_of_nothing_is_empty() -> None:
    assert percentile_distribution(Histogram()).count("\n") == 4

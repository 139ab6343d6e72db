"""Latencies in HdrHistogram's layout and encoding; the recorded texts are those of hdrhistogram 0.10.8."""

from __future__ import annotations

import base64
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svcbench.hdrcodec import EncodingError, decode, encode
from svcbench.histogram import Histogram, bounds_of, places_of

RECORDED = {
    "HISTFAAAABx4nJNpmSzMgADMUJoRRFybvITB/gNEAABQ2gSH": ([], [0, 0, 0, 0]),
    "HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEURcm7yEwf4DVIAJAFoyBIw=": ([1], [1, 1, 1, 1]),
    "HISTFAAAACR4nJNpmSzMwMDAwgABzFCaEURcm7yEwf4DRKDX4wYLAGhKBjw=": ([12345] * 300, [12351] * 4),
    "HISTFAAAADN4nJNpmSzMwMAAwiDADKUZQcS1yUsY7D9ABJiYmL7KMzGx/OZnYtlfx7R4DyMTANU6CW0=": (
        [0, 1, 2, 2046, 2047, 2048, 2049, 4095, 4096, 4097, 1_000_000, 3_599_999_999],
        [2049, 1000447, 3600809983, 3600809983],
    ),
}
"""What the package made of values, and the percentiles 50, 90, 99 and 100 that it read."""

microseconds = st.integers(0, 2**40)


def payload(text: str) -> bytes:
    """Return what an encoded histogram says, which does not depend on zlib's version."""
    return zlib.decompress(base64.b64decode(text)[8:])


@pytest.mark.parametrize("text", RECORDED)
def test_the_encoding_is_hdrhistograms(text: str) -> None:
    values, _ = RECORDED[text]
    assert payload(encode(Histogram(values))) == payload(text)
    assert decode(text) == Histogram(values)


@pytest.mark.parametrize("text", RECORDED)
def test_percentiles_are_hdrhistograms(text: str) -> None:
    values, percentiles = RECORDED[text]
    assert Histogram(values).percentiles((50.0, 90.0, 99.0, 100.0)) == percentiles


@given(microseconds)
def test_a_bucket_holds_its_value_to_a_thousandth(value: int) -> None:
    low, high = bounds_of(places_of([value])[0])
    assert low <= value <= high
    assert high - low <= value / 1000
    assert Histogram([value]).percentile(50) == high


@given(st.integers(0, 60_000))
def test_buckets_follow_each_other_without_a_gap(index: int) -> None:
    assert bounds_of(index + 1)[0] == bounds_of(index)[1] + 1
    assert places_of([bounds_of(index)[0]]) == [index]


@given(st.lists(microseconds), st.lists(microseconds))
def test_merged_histograms_are_the_histogram_of_all_values(some: list[int], others: list[int]) -> None:
    merged = Histogram(some)
    merged.add(Histogram(others))
    assert merged == Histogram(some + others)
    assert merged.count == len(some) + len(others)


@given(st.lists(microseconds), st.integers(1, 2**50))
def test_nothing_is_lost_by_encoding(values: list[int], count: int) -> None:
    histogram = Histogram(values)
    histogram.record(7, count)
    assert decode(encode(histogram)) == histogram


def test_a_percentile_is_the_value_at_the_nearest_rank() -> None:
    values = [random.Random(3).randrange(2000) for _ in range(1000)]
    histogram = Histogram(values)
    for percent in (0.1, 50, 99, 99.9, 100):
        assert histogram.percentile(percent) == sorted(values)[round(percent * 10) - 1]


def test_the_mean_and_the_ends_are_to_a_thousandth_too() -> None:
    histogram = Histogram([100, 200, 900_000])
    assert (histogram.lowest, histogram.highest) == (100, 900_095)
    assert histogram.mean == pytest.approx(300_100, rel=1e-3)
    assert histogram.share_within(200) == pytest.approx(2 / 3)


def test_a_negative_value_counts_as_zero() -> None:
    histogram = Histogram()
    histogram.record(-5)
    assert histogram == Histogram([0])


def test_no_values_give_zeros() -> None:
    empty = Histogram()
    assert (empty.count, empty.percentile(99), empty.lowest, empty.highest, empty.mean) == (0, 0, 0, 0, 0.0)
    assert empty.share_within(0) == 1.0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no base64!", "V2 encoding"),
        ("", "V2 encoding"),
        (base64.b64encode(b"\x1c\x84\x93\x14\0\0\0\x04abcd").decode(), "V2 encoding"),
        (base64.b64encode(b"\x1c\x84\x93\x01" + base64.b64decode(next(iter(RECORDED)))[4:]).decode(), "0x1c849301"),
    ],
)
def test_a_text_that_is_no_histogram_is_refused(text: str, why: str) -> None:
    with pytest.raises(EncodingError, match=why):
        decode(text)

"""What a backend says of its load."""

from math import e

import pytest

from kubelet.servers.backend.loadmeter import LoadMeter


def test_the_latency_is_the_median_of_requests_that_found_about_as_many() -> None:
    meter = LoadMeter()
    for number, milliseconds in enumerate((16, 64, 32)):
        begin = number / 8
        meter.begin(begin, begin + milliseconds / 1024)
    meter.begin(0.5, 1.0)
    assert meter.report(0.625) == (1, 32 / 1024)
    meter.begin(0.75, 1.125)
    assert meter.report(0.875) == (2, 32 / 1024)
    meter.begin(1.125, 2.0)
    meter.begin(1.125, 2.0)
    assert meter.report(1.25) == (2, 0.375)


def test_the_last_latency_of_an_idle_backend_decays_and_nothing_is_said_of_what_is_unknown() -> None:
    meter = LoadMeter()
    assert meter.report(0.0) == (0, 0.0)
    meter.begin(0.0, 1.0)
    assert meter.report(0.5) == (1, 0.0)
    assert meter.report(1.5) == (0, 1.0)
    meter.begin(2.0, 2.25)
    assert meter.report(2.5) == (0, 0.25)
    assert meter.report(4.25)[1] == pytest.approx(0.25 / e)
    assert meter.report(50.0)[1] < 1e-9

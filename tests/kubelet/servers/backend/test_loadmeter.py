"""What a backend says of its load."""

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


def test_nothing_is_said_of_latencies_that_are_unknown_or_over_a_second_ago() -> None:
    meter = LoadMeter()
    assert meter.report(0.0) == (0, 0.0)
    meter.begin(0.0, 1.0)
    assert meter.report(0.5) == (1, 0.0)
    assert meter.report(1.5) == (0, 1.0)
    assert meter.report(2.5) == (0, 0.0)

"""What a backend says of its load."""

from kubelet.servers.backend.loadmeter import LoadMeter


def test_the_latency_is_the_median_of_requests_that_found_about_as_many() -> None:
    meter = LoadMeter()
    for number, seconds in enumerate((0.1, 0.3, 0.2)):
        meter.begin(float(number), number + seconds)
    meter.begin(3.0, 5.0)
    meter.begin(3.5, 7.0)
    assert meter.report(4.0) == (2, 0.2)
    assert meter.report(8.0) == (0, 0.3)
    meter.begin(8.0, 9.0)
    assert meter.report(8.5) == (1, 3.5)


def test_nothing_is_said_of_latencies_that_are_unknown_or_long_ago() -> None:
    meter = LoadMeter()
    assert meter.report(0.0) == (0, 0.0)
    meter.begin(0.0, 1.0)
    assert meter.report(0.5) == (1, 0.0)
    assert meter.report(10.0) == (0, 1.0)
    assert meter.report(12.0) == (0, 0.0)

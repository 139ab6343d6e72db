"""Outlier detection and panic: what Envoy 1.40.0 did, what its documentation says, and what happens later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, inputs
from tests.helpers.kubeproxy.recorded import Case, cases, is_rotation

from kubeproxy.balancers import BALANCERS, NAMES, Backend, Balancer, common_options
from kubeproxy.balancers.panic import is_panic
from kubeproxy.balancers.wrapper import Wrapper
from kubeproxy.telemetry.outcomes import Result

RECORDED = cases("envoy.json")
OUTLIERS = [each for each in RECORDED if each["name"].startswith("outlier")]
PANICS = [each for each in RECORDED if each["name"].startswith("panic")]


class Service:
    """An algorithm with outlier detection around it, and a clock in hand; ``bad`` are the numbers of what fails."""

    def __init__(self, count: int, options: Mapping[str, object], *, name: str = "weighted_edf", seed: int = 0) -> None:
        self.now = 100.0
        given = inputs(seed, clock=lambda: self.now)
        self.algorithm = balancer(name, json.dumps({"outlier_detection": True, **options}), given)
        self.among = backends(*[1] * count)
        self.algorithm.update(self.among)
        self.bad: set[int] = set()
        self.failure = Result.SERVER_ERROR

    def ask(self, count: int = 1) -> list[int]:
        """Make requests, one after another, and return which backends got them."""
        numbers = []
        for _ in range(count):
            found = self.algorithm.pick(ASK)
            number = self.among.index(found) + 1 if found else 0
            if found:
                self.report(found, self.failure if number in self.bad else Result.SUCCESS)
            numbers.append(number)
        return numbers

    def report(self, backend: Backend, *results: Result) -> None:
        for each in results:
            self.algorithm.completed(backend, each)

    def fail(self, number: int, count: int = 5, result: Result = Result.SERVER_ERROR) -> None:
        self.report(self.among[number - 1], *[result] * count)

    def left(self) -> set[int]:
        """Return which backends get requests now."""
        return set(self.ask(3 * len(self.among)))


def started_like(case: Case) -> Service:
    """Return a service whose rotation begins with the same host as Envoy's did."""
    for seed in range(100):
        service = Service(5, case["config"]["outlier_detection"], seed=seed)
        first = service.algorithm.upcoming(ASK)
        if first is service.among[case["picks"][0] - 1]:
            return service
    raise AssertionError("no rotation begins so")


@pytest.mark.parametrize("case", OUTLIERS, ids=lambda case: case["name"])
def test_those_are_ejected_that_envoy_ejects_at_the_same_request(case: Case) -> None:
    service = started_like(case)
    service.bad = set(case["bad"])
    service.now += 2
    picks, recorded = service.ask(100), case["picks"]
    gone = sorted(set(range(1, 6)) - set(recorded[-10:]))
    assert sorted(set(range(1, 6)) - set(picks[-10:])) == gone
    last = max((100 - 1 - recorded[::-1].index(each) for each in gone), default=99)
    # After an ejection both rotations begin at any place.
    assert picks[: last + 1] == recorded[: last + 1]
    rest = [each for each in range(1, 6) if each not in gone]
    assert is_rotation(picks[last + 1 :], rest)
    assert is_rotation(recorded[last + 1 :], rest)


@pytest.mark.parametrize("case", PANICS, ids=lambda case: case["name"])
def test_in_a_panic_all_get_requests_as_from_envoy(case: Case) -> None:
    threshold = case["config"].get("common_lb_config", {}).get("healthy_panic_threshold", {}).get("value", 50)
    service = Service(5, {"max_ejection_percent": 100, "panic_threshold": threshold, "update_merge_window": "0s"})
    service.now += 1
    for number, host in enumerate(case["hosts"], 1):
        service.now += 0.001
        if host["health"] == "UNHEALTHY":
            service.fail(number)
    recorded = {each for each in case["picks"] if each != "status 503"}
    assert service.left() == (recorded or {0})


@pytest.mark.parametrize(
    ("healthy", "among", "threshold", "expected"),
    [
        (5, 10, 50, False),
        (49, 100, 50, True),
        (0, 5, 50, True),
        (0, 5, 0, False),
        (0, 0, 50, False),
        # In Envoy's documentation 72 % carry 100 % of the traffic, 71 % carry 99 %.
        (72, 100, 100, False),
        (71, 100, 100, True),
    ],
)
def test_a_panic_is_where_envoys_documentation_has_it(healthy: int, among: int, threshold: int, expected: bool) -> None:
    assert is_panic(healthy, among, threshold) is expected


def ten(**options: object) -> Service:
    """Return a service with ten backends, of which nine may be ejected at once, as an interval begins."""
    service = Service(10, {"max_ejection_percent": 90, "panic_threshold": 0, "update_merge_window": "0s", **options})
    service.now += 10
    return service


@pytest.mark.parametrize(
    ("options", "results", "is_ejected"),
    [
        ({}, [Result.SERVER_ERROR] * 4, False),
        ({}, [Result.SERVER_ERROR] * 5, True),
        ({}, [Result.SERVER_ERROR] * 4 + [Result.SUCCESS] + [Result.SERVER_ERROR] * 4, False),
        ({"consecutive_5xx": 2}, [Result.SERVER_ERROR] * 2, True),
        ({"enforcing_consecutive_5xx": 0}, [Result.SERVER_ERROR] * 5, False),
        # A gateway error and an error of local origin are 5xx as well.
        ({}, [Result.GATEWAY_ERROR, Result.SERVER_ERROR, Result.LOCAL_ERROR] * 2, True),
        ({"consecutive_gateway_failure": 2}, [Result.GATEWAY_ERROR] * 3, False),
        (
            {"consecutive_gateway_failure": 2, "enforcing_consecutive_gateway_failure": 100},
            [Result.GATEWAY_ERROR, Result.SERVER_ERROR, Result.GATEWAY_ERROR],
            False,
        ),
        (
            {"consecutive_gateway_failure": 2, "enforcing_consecutive_gateway_failure": 100},
            [Result.GATEWAY_ERROR, Result.LOCAL_ERROR],
            True,
        ),
        ({"split_external_local_origin_errors": True}, [Result.SERVER_ERROR, Result.LOCAL_ERROR] * 4, False),
        ({"split_external_local_origin_errors": True}, [Result.LOCAL_ERROR] * 5, True),
        (
            {"split_external_local_origin_errors": True, "consecutive_local_origin_failure": 2},
            [Result.LOCAL_ERROR, Result.SERVER_ERROR, Result.LOCAL_ERROR],
            False,
        ),
    ],
)
def test_failures_in_a_row_eject(options: dict[str, object], results: Sequence[Result], is_ejected: bool) -> None:
    service = ten(**options)
    service.report(service.among[3], *results)
    assert (4 not in service.left()) is is_ejected


def test_each_ejection_is_longer_than_the_one_before_and_is_forgotten_in_good_times() -> None:
    service = ten()
    for expected in (30, 60, 90):
        service.fail(4)
        assert absent(service, 4) == expected
    service.now += 20
    service.left()
    service.fail(4)
    assert absent(service, 4) == 60


def absent(service: Service, number: int) -> int:
    """Return for how many seconds a backend gets nothing, to the next interval of ten."""
    for seconds in range(0, 400, 10):
        if number in service.left():
            return seconds
        service.now += 10
    raise AssertionError(f"{number} does not come back")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"base_ejection_time": "30s", "max_ejection_time": "40s"}, [30, 40, 40]),
        ({"base_ejection_time": "30s", "max_ejection_time": "10s"}, [10, 10]),
        ({"base_ejection_time": "350s"}, [350, 350]),
        ({"base_ejection_time": "140s"}, [140, 280, 300]),
    ],
)
def test_no_ejection_is_longer_than_the_longest(options: dict[str, object], expected: list[int]) -> None:
    service = ten(**options)
    for seconds in expected:
        service.fail(4)
        assert absent(service, 4) == seconds


def test_one_that_came_back_and_fails_on_is_ejected_again_after_as_many_failures() -> None:
    service = ten()
    service.bad = {4}
    assert 4 in service.ask(50)
    assert 4 not in service.left()
    service.now += 30
    assert service.ask(100).count(4) == 5


@pytest.mark.parametrize(("volume", "is_ejected"), [(100, True), (99, False)])
def test_a_rate_of_success_far_below_the_others_ejects_at_the_end_of_an_interval(volume: int, is_ejected: bool) -> None:
    service = ten(consecutive_5xx=1000)
    for each in service.among:
        failures = volume // 2 if each is service.among[3] else 0
        service.report(each, *[Result.SERVER_ERROR] * failures, *[Result.SUCCESS] * (volume - failures))
    service.now += 10
    assert (4 not in service.left()) is is_ejected


def test_a_percentage_of_failures_ejects_where_that_is_enforced() -> None:
    for enforced in (0, 100):
        service = ten(consecutive_5xx=1000, enforcing_success_rate=0, enforcing_failure_percentage=enforced)
        for each in service.among:
            failures = {service.among[3]: 43, service.among[4]: 42}.get(each, 0)
            service.report(each, *[Result.SERVER_ERROR] * failures, *[Result.SUCCESS] * (50 - failures))
        service.now += 10
        assert set(range(1, 11)) - service.left() == ({4} if enforced else set())


def test_what_was_answered_in_an_interval_before_does_not_count() -> None:
    service = ten(consecutive_5xx=1000)
    for _ in range(2):
        for each in service.among:
            failed = Result.SERVER_ERROR if each is service.among[3] else Result.SUCCESS
            service.report(each, *[failed] * 60)
        service.now += 10
        assert 4 in service.left()


def test_the_first_endpoints_open_no_window() -> None:
    service = Service(10, {})
    service.fail(3)
    assert 3 not in service.left()


def test_ejections_shortly_after_one_wait_for_the_end_of_the_window() -> None:
    service = Service(10, {"max_ejection_percent": 90, "panic_threshold": 0})
    service.now += 2
    service.fail(1)
    service.now += 0.5
    service.fail(2)
    assert service.left() == set(range(2, 11))
    service.now += 0.9
    assert 2 in service.left()
    service.now += 0.2
    assert service.left() == set(range(3, 11))


def test_an_ejected_endpoint_that_leaves_and_comes_again_is_not_ejected() -> None:
    service = ten()
    service.fail(4)
    service.algorithm.update([each for each in service.among if each is not service.among[3]])
    service.fail(4)
    service.algorithm.update(service.among)
    assert 4 in service.left()


def test_hours_without_a_request_are_passed_over() -> None:
    service = ten(interval="1ms", base_ejection_time="1h", max_ejection_time="1h")
    service.fail(4)
    service.now += 3599
    assert 4 not in service.left()
    service.now += 1.1
    assert 4 in service.left()
    service.now += 1e9
    assert 4 in service.left()


def test_an_ejection_ends_with_its_interval_however_its_times_are_rounded() -> None:
    service = ten(interval="100ms", base_ejection_time="700ms", consecutive_5xx=1000)
    for each in service.among:
        service.report(each, *[Result.SERVER_ERROR if each is service.among[3] else Result.SUCCESS] * 100)
    service.now += 0.15
    assert 4 not in service.left()
    service.now += 0.65001
    assert 4 in service.left()


def test_all_ejected_and_no_panic_leaves_nothing() -> None:
    service = Service(1, {"max_ejection_percent": 100, "panic_threshold": 0})
    service.now += 2
    service.fail(1)
    assert service.ask() == [0]
    assert service.algorithm.upcoming(ASK) is None
    assert service.algorithm.refuses(ASK)


def test_it_is_told_what_is_left_out() -> None:
    service = ten(panic_threshold=50)
    assert service.algorithm.remark() == ""
    for number in range(1, 6):
        service.fail(number)
        service.now += 0.1
    named = ", ".join(each.address for each in service.among[:5])
    assert service.algorithm.remark() == f"outlier detection leaves out {named}"
    service.fail(6)
    service.now += 0.1
    assert service.algorithm.remark() == "so many have failed that outlier detection leaves out none"
    assert not service.algorithm.refuses(ASK)


@pytest.mark.parametrize("name", NAMES)
def test_any_algorithm_leaves_out_what_is_ejected(name: str) -> None:
    service = Service(10, {"update_merge_window": "0s"}, name=name)
    service.now += 2
    service.fail(7)
    assert 7 not in service.ask(60)
    for _ in range(20):
        foretold = service.algorithm.upcoming(ASK)
        assert foretold in (None, service.algorithm.pick(ASK))


def test_no_algorithm_has_an_option_of_the_name_of_a_common_one() -> None:
    common = {each.name for each in common_options()}
    assert not {each.name for name in NAMES for each in BALANCERS[name].options} & common


def test_a_wrapper_passes_everything_on() -> None:
    asked = {name for name, value in vars(Balancer).items() if callable(value) and not name.startswith("_")}
    assert asked - {"describe"} <= set(vars(Wrapper))


def test_what_is_ejected_says_for_how_long_and_in_a_panic_nothing() -> None:
    service = Service(3, {"max_ejection_percent": 100, "consecutive_5xx": 2, "panic_threshold": 50})
    service.fail(2, 2)
    service.now += 12.5
    assert [service.algorithm.left_out(each) for each in service.among] == [
        "",
        "ejected by outlier detection, for 18 s more",
        "",
    ]
    service.fail(1, 2)
    assert not any(map(service.algorithm.left_out, service.among))

"""Slow start: the shares that Envoy 1.40.0 gave a new host, and what other algorithms give."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, inputs
from tests.helpers.kubeproxy.recorded import cases

from kubeapi.balancing import Option
from kubeproxy.balancers import NAMES, common_options

(RECORDED,) = (each["picks"] for each in cases("envoy.json") if each["name"].startswith("slow start"))
MANY = 4000


class Service:
    """Two old endpoints, and a third that has come at 0 seconds."""

    def __init__(self, name: str, **options: object) -> None:
        self.now = -100.0
        given = inputs(2, clock=lambda: self.now)
        self.algorithm = balancer(name, json.dumps({"slow_start": "20s", **options}), given)
        self.among = backends(1, 1, 1)
        self.algorithm.update(self.among[:2])
        self.now = 0.0
        self.algorithm.update(self.among)

    def share(self, count: int) -> int:
        """Return how many of the next picks are the new one's."""
        return Counter(self.algorithm.pick(ASK) for _ in range(count))[self.among[2]]


def test_a_new_endpoint_gets_what_it_gets_from_envoy() -> None:
    service = Service("weighted_edf")
    shares = []
    for begin, end, *_ in RECORDED:
        service.now = (begin + end) / 2
        shares.append(service.share(60))
    assert [abs(ours - theirs) <= 1 for ours, (*_, theirs) in zip(shares, RECORDED, strict=True)] == [True] * len(
        shares
    )
    assert abs(sum(shares) - sum(each[4] for each in RECORDED)) <= 5


@pytest.mark.parametrize(
    ("options", "seconds", "part"),
    [
        ({}, 0, 0.1),
        ({"slow_start_min_weight_percent": 1}, 2, 0.1),
        ({"slow_start_min_weight_percent": 30}, 5, 0.3),
        ({}, 10, 0.5),
        ({"slow_start_aggression": 2}, 5, 0.5),
        ({"slow_start_aggression": 0.5}, 10, 0.25),
        ({}, 20, 1.0),
    ],
)
@pytest.mark.parametrize("name", ["weighted_edf", "least_request"])
def test_the_weight_grows_as_envoys_documentation_says(
    name: str, options: dict[str, object], seconds: int, part: float
) -> None:
    service = Service(name, **options)
    service.now = seconds
    # The turns that were waiting go by the weight of their time.
    service.share(300)
    expected = MANY * part / (2 + part)
    assert abs(service.share(MANY) - expected) <= (3 if name == "weighted_edf" or part < 1 else 4 * expected**0.5)


@pytest.mark.parametrize(("seconds", "part"), [(0, 0.1), (10, 0.5), (20, 1.0)])
@pytest.mark.parametrize("name", ["random", "round_robin"])
def test_around_other_algorithms_a_part_of_the_picks_is_picked_again(name: str, seconds: int, part: float) -> None:
    service = Service(name)
    service.now = seconds
    # Round robin moves on when a pick is rejected, so its turns are more than the picks.
    expected = MANY * (part / 3 if name == "random" else part / (2 + part))
    assert abs(service.share(MANY) - expected) < 4 * expected**0.5


# While one is new, least_request takes turns instead of drawing, as Envoy does.
@pytest.mark.parametrize("name", [each for each in NAMES if each != "least_request"])
def test_endpoints_that_came_together_share_as_if_there_were_no_slow_start(name: str) -> None:
    plain, slow = (balancer(name, options, inputs(3)) for options in ("", '{"slow_start": "20s"}'))
    for each in (plain, slow):
        each.update(backends(1, 1, 1))
    for _ in range(30):
        one, other = (each.pick(ASK) for each in (plain, slow))
        assert (one and one.address) == (other and other.address)


def test_a_new_endpoint_gets_what_all_others_have_refused() -> None:
    service = Service("random", slow_start_min_weight_percent=1)
    old = {each.address for each in service.among[:2]}
    assert {service.algorithm.pick(ASK, old) for _ in range(20)} == {service.among[2]}


def test_it_is_told_what_starts_slowly() -> None:
    service = Service("least_request")
    service.now = 5.0
    assert service.algorithm.remark() == f"{service.among[2].address} starts slowly, with 25% of its share"
    service.now = 20.0
    assert service.algorithm.remark() == ""


def test_a_pick_that_may_be_rejected_is_not_foretold() -> None:
    service = Service("ring_hash")
    service.now = 1.0
    foretold = {service.algorithm.upcoming(ASK) for _ in range(3)}
    service.now = 30.0
    (then,) = {service.algorithm.upcoming(ASK) for _ in range(3)}
    assert foretold == ({None} if then is service.among[2] else {then})
    assert then is service.algorithm.pick(ASK)


@pytest.mark.parametrize("text", ["", "20", "-5s", "soon"])
def test_a_window_is_a_duration(text: str) -> None:
    option: Option = next(each for each in common_options() if each.name == "slow_start")
    assert option.fault(text) == 'must be a duration such as "20s" or "1m30s"'
    assert not option.fault("1m30s")

"""Algorithms are compared on the same arrivals, in blocks, and a verdict says no more than they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from tests.helpers.svcbench import run_of
from tests.helpers.svcbench_comparison import comparison_of

from svcbench.compare.comparison import Comparison, Verdict, gathered, judge, seconds_to_measure
from svcbench.compare.contenders import Contender, ContenderError, read_contenders
from svcbench.compare.measuring import TrialError, compare
from svcbench.compare.plan import Trial, plan
from svcbench.compare.wording import verdict_text
from svcbench.report.html import comparison_page
from svcbench.report.text import comparison_text
from svcbench.results import Run, Second
from svcbench.statistics.bootstrap import Estimate

THREE = tuple(Contender(name, name) for name in ("random", "round_robin", "first"))


def test_contenders_are_algorithms_with_options_by_colons() -> None:
    assert read_contenders("random, round_robin") == (
        Contender("random", "random"),
        Contender("round_robin", "round_robin"),
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "random,round_robbin",
            r"unknown balancer 'round_robbin': supported values: .*random.*; did you mean \"round_robin\"\?",
        ),
        ("random,", r"unknown balancer ''"),
        ("random", r"1 algorithm: name 2 to 12, such as rr,p2c"),
        ("random,random", r'"random" is named twice'),
        ("random,round_robin:3", r'"round_robin:3": write options as NAME:OPTION=VALUE'),
        ("random,round_robin:choices=3", "balancer round_robin: choices: unknown option"),
    ],
)
def test_a_wrong_list_of_contenders_says_what_may_be_written(text: str, fault: str) -> None:
    with pytest.raises(ContenderError, match=fault):
        read_contenders(text)


def test_every_block_has_every_algorithm_once_on_the_same_arrivals() -> None:
    trials = plan(THREE, 6, seed=5)
    assert [each.number for each in trials] == list(range(18))
    for block in range(6):
        mine = [each for each in trials if each.block == block]
        assert {each.contender for each in mine} == set(THREE)
        assert {each.seed for each in mine} == {5 + block}


def test_a_block_is_followed_by_its_reverse_and_the_order_is_seeded_chance() -> None:
    trials = plan(THREE, 8, seed=5)
    orders = [[each.contender for each in trials if each.block == block] for block in range(8)]
    assert all(orders[at] == orders[at + 1][::-1] for at in (0, 2, 4, 6))
    assert len({tuple(each) for each in orders}) > 2
    assert trials == plan(THREE, 8, seed=5) != plan(THREE, 8, seed=6)


def test_an_algorithm_that_is_better_in_every_block_is_told_to_be() -> None:
    verdicts = {each.figure: each for each in judge(comparison_of({"random": 1.0, "first": 0.7}))}
    assert list(verdicts) == ["p50", "p90", "p99", "errors"]
    assert verdict_text(verdicts["p50"]).startswith("faster by 3")
    assert verdicts["p99"].is_told
    assert verdict_text(verdicts["errors"]) == "no errors in both"


def test_the_same_algorithm_twice_is_seldom_told_apart() -> None:
    found = judge(comparison_of({"random": 1.0, "a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0}))
    assert not [each for each in found if each.is_told]
    assert all(each.blocks_needed is None or each.blocks_needed > 10 for each in found)
    assert {each.effect.level for each in found if each.effect} == {0.9875}


def test_verdicts_are_the_same_every_time() -> None:
    assert judge(comparison_of({"a": 1.0, "b": 0.9})) == judge(comparison_of({"a": 1.0, "b": 0.9}))


def test_a_percentile_with_few_requests_beyond_it_is_not_compared() -> None:
    assert [each.figure for each in judge(comparison_of({"a": 1.0, "b": 1.0}, blocks=1))] == ["p50", "p90", "errors"]


def test_an_error_more_in_every_block_is_told_in_points() -> None:
    comparison = comparison_of({"a": 1.0, "b": 1.0})
    failing = tuple({**block, "b": replace(block["b"], errors={"timed out": 10})} for block in comparison.blocks)
    found = judge(replace(comparison, blocks=failing))
    assert verdict_text(found[-1]) == "more by 5.00 points [5.00, 5.00]"


@pytest.mark.parametrize(
    ("figure", "effect", "words"),
    [
        ("p99", Estimate(0.69, 0.63, 0.76, 10, 0.95), "faster by 31 % [24, 37]"),
        ("p99", Estimate(0.97, 0.96, 0.981, 10, 0.95), "faster by 3 % [1.9, 4]"),
        ("p99", Estimate(1.45, 1.2, 1.8, 10, 0.95), "slower by 45 % [20, 80]"),
        ("p99", Estimate(11.2, 9.0, 14.0, 10, 0.95), "slower 11.2 times [9, 14]"),
        ("p99", Estimate(1.01, 0.97, 1.25, 10, 0.95), "can't tell [-3.0, +25] %"),
        ("p99", Estimate(1.01, 0.98, 1.04, 10, 0.95), "can't tell [-2.0, +4.0] %; they differ by less than 5 %"),
        ("p99", Estimate(1.01, None, None, 3, 0.95), "can't tell: 5 blocks are needed, 3 measured"),
        ("p99", Estimate(1.01, None, None, 9, 0.95), "can't tell: too rare"),
        ("p99", None, "can't tell: nothing was measured"),
        ("errors", Estimate(-0.012, -0.015, -0.01, 10, 0.95), "fewer by 1.20 points [1.00, 1.50]"),
        ("errors", Estimate(0.001, -0.001, 0.002, 10, 0.95), "can't tell [-0.10, +0.20] points"),
    ],
)
def test_a_verdict_in_words(figure: str, effect: Estimate | None, words: str) -> None:
    assert verdict_text(Verdict("p2c", "rr", figure, effect)) == words


def test_a_verdict_that_cannot_be_told_says_how_many_blocks_would() -> None:
    unsure = Verdict("p2c", "rr", "p99", Estimate(1.0, 0.9, 1.1, 10, 0.95), 43)
    assert verdict_text(unsure) == "can't tell [-10, +10] %; 43 blocks would tell 5 %"


def test_trials_are_made_in_the_order_of_the_plan_and_put_into_blocks() -> None:
    asked: list[Trial] = []

    def run(trial: Trial) -> Run:
        asked.append(trial)
        return run_of([1000 + trial.number], trial.contender.name)

    told: list[int] = []
    found = compare(THREE, 2, 9, run, lambda trial, _: told.append(trial.number))
    assert tuple(asked) == plan(THREE, 2, 9)
    assert told == list(range(6))
    assert found.labels == ("random", "round_robin", "first")
    assert not found.is_partial
    assert found.merged["first"].requests == 2


def test_an_interrupted_comparison_keeps_the_blocks_that_were_finished() -> None:
    def run(trial: Trial) -> Run:
        return replace(run_of([1000]), is_partial=trial.number == 4)

    found = compare(THREE, 3, 9, run, lambda *_: None)
    assert (len(found.blocks), found.planned, found.reason) == (1, 3, "it was interrupted")
    assert gathered([], 3, 9, ["a"]).merged == {}
    assert judge(gathered([], 3, 9, ["a"])) == []


@pytest.mark.parametrize("place", ["run", "tell"])
def test_ctrl_c_around_a_trial_ends_the_comparison_too(place: str) -> None:
    def interrupted(*_: object) -> Run:
        raise KeyboardInterrupt

    def told(*_: object) -> None:
        if place == "tell":
            interrupted()

    found = compare(THREE, 3, 9, interrupted if place == "run" else lambda _: run_of([1000]), told)
    assert (found.blocks, found.reason) == ((), "it was interrupted")


def test_a_trial_that_cannot_be_made_ends_the_comparison_and_says_why() -> None:
    def run(trial: Trial) -> Run:
        if trial.number == 7:
            raise TrialError("the cluster is gone")
        return run_of([1000])

    found = compare(THREE, 3, 9, run, lambda *_: None)
    assert len(found.blocks) == 2
    assert found.reason.endswith(" in block 3: the cluster is gone")
    assert f"Ended early: {found.reason}" in comparison_text(found, [], None)
    assert f"Ended early: {found.reason}." in comparison_page(found, [], "again")


def test_a_comparison_is_as_valid_as_its_runs() -> None:
    comparison = comparison_of({"a": 1.0, "b": 1.0}, blocks=4)
    assert comparison.invalidities() == []

    def late(block: Mapping[str, Run]) -> Mapping[str, Run]:
        return {**block, "b": replace(block["b"], generator=replace(block["b"].generator, lag_p99=9000))}

    said = replace(comparison, blocks=tuple(map(late, comparison.blocks))).invalidities()
    assert len(said) == 4
    assert said[0].startswith("b: the generator was late")
    assert said[-1] == "and 1 more of 8 runs"


def test_how_long_a_trial_should_be_follows_from_the_seconds_of_its_pairs() -> None:
    comparison = comparison_of({"a": 1.0, "b": 1.0}, blocks=4)
    assert seconds_to_measure(replace(comparison, blocks=comparison.blocks[:1]), 9.0) is None
    restless = [[shift * each for each in (80, 120) * 3] for shift in (100, 102, 98, 101)]
    assert seconds_to_measure(_with_medians(comparison, restless), 9.0) is None
    apart = [[shift * each for each in (80, 120) * 3] for shift in (100, 150, 70, 220)]
    assert seconds_to_measure(_with_medians(comparison, apart), 9.0) == 2


def _with_medians(comparison: Comparison, medians: Sequence[Sequence[int]]) -> Comparison:
    """Return the comparison with these medians of the seconds of b's blocks, and steady ones of a's."""
    blocks = tuple(
        {"a": _steady(block["a"], [10_000] * 6), "b": _steady(block["b"], each)}
        for block, each in zip(comparison.blocks, medians, strict=True)
    )
    return replace(comparison, blocks=blocks)


def _steady(run: Run, medians: Sequence[int]) -> Run:
    return replace(run, seconds_series=tuple(Second(at, 1, 0, p50, p50) for at, p50 in enumerate(medians)))

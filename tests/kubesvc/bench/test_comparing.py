"""A Service that algorithms are given in turns has its own again, and nobody else gives it one unnoticed."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kubesvc.bench.comparing import Contest, contending
from kubesvc.bench.measuring import Subject
from kubesvc.control.client import RefusedError
from svcbench.compare.contenders import read_contenders

BALANCER, OPTIONS, NOTE = "kubesvc.dev/balancer", "kubesvc.dev/balancer-options", "kubesvc.dev/bench-original"
RANDOM, CHOICES = read_contenders("random,least_request:choices=3")
OWN = {BALANCER: "maglev", OPTIONS: None, NOTE: None}

Annotations = dict[str, str | None]


class Service:
    """A Service, and the part of a cluster's client that gives it annotations."""

    def __init__(self, annotations: Annotations = OWN) -> None:
        self.annotations = dict(annotations)
        self.subject = Subject(cast("Any", self), "default", "web", cast("Any", SimpleNamespace()))

    def rebalance(self, namespace: str, name: str, annotations: Mapping[str, str | None]) -> Annotations:
        before = dict(self.annotations)
        self.annotations.update(annotations)
        return before


def turns(service: Service, contest: Contest) -> None:
    for each in (RANDOM, CHOICES):
        contest.give(each)
        assert service.annotations[BALANCER] == each.name
        contest.check()


def test_a_service_has_its_own_algorithm_again() -> None:
    service = Service()
    with contending(service.subject) as contest:
        turns(service, contest)
    assert service.annotations == OWN


def test_a_change_by_hand_ends_the_comparison() -> None:
    service = Service()
    with pytest.raises(RefusedError, match="changed meanwhile"), contending(service.subject) as contest:
        contest.give(RANDOM)
        service.annotations[OPTIONS] = "{}"
        contest.check()
    assert service.annotations == OWN


def test_of_two_comparisons_neither_measures_what_the_other_has_given() -> None:
    service = Service()
    with pytest.raises(RefusedError), contending(service.subject) as second:
        with pytest.raises(RefusedError), contending(service.subject) as first:
            first.give(RANDOM)
            second.give(CHOICES)
            first.check()
        second.check()
    assert service.annotations == OWN


@pytest.mark.parametrize(("by_hand", "then"), [({}, "maglev"), ({BALANCER: "sed"}, "sed")], ids=["as left", "by hand"])
def test_what_a_killed_comparison_leaves_is_put_back_unless_it_was_changed_since(
    by_hand: Annotations, then: str
) -> None:
    service = Service()
    with contending(service.subject) as contest:
        contest.give(RANDOM)
        left = service.annotations | by_hand
    service.annotations = left
    with contending(service.subject) as contest:
        turns(service, contest)
    assert service.annotations == OWN | {BALANCER: then}


def test_a_note_that_no_comparison_has_written_is_refused_and_stays() -> None:
    service = Service(OWN | {NOTE: "[]"})
    with pytest.raises(RefusedError, match="is not what a comparison writes there"), contending(service.subject):
        pass
    assert service.annotations[NOTE] == "[]"

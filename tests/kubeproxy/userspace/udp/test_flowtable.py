"""Which flows are over, and which go first: all of it by the clock."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubehost.openfiles import ENOUGH
from kubeproxy.userspace.udp.flowtable import (
    MAX_FLOWS,
    REFUSALS_AT_ONCE,
    TIMEOUTS,
    VICTIM_CANDIDATES,
    FlowState,
    FlowTable,
    RefusalBudget,
    TrackedFlow,
    flow_limit,
)


def table(limit: int = 10) -> FlowTable[TrackedFlow]:
    return FlowTable(limit)


def reply(flows: FlowTable[TrackedFlow], flow: TrackedFlow, now: float) -> None:
    """Note a datagram of the endpoint; of one of the client its time is all there is to note."""
    flow.seen_at = now
    flows.answered(flow)


@pytest.mark.parametrize(
    ("replies", "uses", "state", "timeout"),
    [
        pytest.param((), (), FlowState.UNREPLIED, 30, id="asked"),
        pytest.param((), (5, 9), FlowState.UNREPLIED, 30, id="asked-again-and-again"),
        pytest.param((1,), (), FlowState.REPLIED, 30, id="answered"),
        pytest.param((1,), (2,), FlowState.REPLIED, 30, id="answered-and-asked-again-at-once"),
        pytest.param((1,), (2.1,), FlowState.STREAM, 120, id="answered-and-asked-again-later"),
        pytest.param((1, 2.1), (), FlowState.STREAM, 120, id="answered-for-long"),
        pytest.param((8,), (), FlowState.STREAM, 120, id="answered-late"),
    ],
)
def test_a_flow_lasts_as_connection_tracking_lets_it(
    replies: tuple[float, ...], uses: tuple[float, ...], state: FlowState, timeout: float
) -> None:
    flows, flow = table(), TrackedFlow()
    flows.add(flow, 0)
    for at in sorted((*replies, *uses)):
        flow.seen_at = at
        if at in replies:
            flows.answered(flow)
    assert flow.state is state
    last = max((0, *replies, *uses))
    assert flows.expired(last + timeout - 0.01) == []
    assert flows.expired(last + timeout) == [flow]


def test_flows_last_as_long_as_the_table_is_told() -> None:
    flows, flow = table(), TrackedFlow()
    flows.timeouts = (5.0, 5.0, 50.0)
    flows.add(flow, 0)
    assert flows.expired(4) == []
    assert flows.expired(6) == [flow]


def test_an_unanswered_flow_goes_first_then_the_one_that_was_idle_the_longest() -> None:
    flows = table(4)
    streams = [TrackedFlow(), TrackedFlow()]
    answered, asked = TrackedFlow(), TrackedFlow()
    for each in (*streams, answered, asked):
        flows.add(each, 0)
    for each in streams:
        reply(flows, each, 5)
    reply(flows, answered, 1)
    streams[0].seen_at = 9
    assert flows.is_full
    gone = []
    while (victim := flows.victim()) is not None:
        flows.remove(victim)
        gone.append(victim)
    assert gone == [asked, answered, streams[1], streams[0]]
    assert not flows.is_full


def test_among_many_one_that_is_used_goes_later_than_a_few_that_are_not() -> None:
    flows = table(100)
    everybody = [TrackedFlow() for _ in range(100)]
    for each in everybody:
        flows.add(each, 0)
    everybody[0].seen_at = 1
    gone = []
    for _ in range(VICTIM_CANDIDATES):
        victim = flows.victim()
        assert victim is not None
        flows.remove(victim)
        gone.append(victim)
    assert everybody[0] not in gone
    assert len(set(gone)) == VICTIM_CANDIDATES


def test_a_reply_that_comes_late_does_not_bring_a_flow_back() -> None:
    flows, flow = table(), TrackedFlow()
    flows.add(flow, 0)
    flows.remove(flow)
    reply(flows, flow, 1)
    assert list(flows) == flows.expired(1000) == []


def test_a_flow_that_is_used_all_the_time_is_looked_at_once_in_its_time() -> None:
    flows, looks = table(), []

    class Watched(TrackedFlow):
        __slots__ = ()

        def ends_at(self, timeouts: Sequence[float]) -> float:
            looks.append(self.seen_at)
            return super().ends_at(timeouts)

    flow = Watched()
    flows.add(flow, 0)
    looks.clear()
    for second in range(1, 300):
        flow.seen_at = second
        assert flows.expired(second) == []
    assert len(set(looks)) == 300 // 30 - 1


@given(
    st.lists(st.tuples(st.sampled_from(["add", "sent", "replied", "remove", "reap"]), st.integers(0, 5)), max_size=80)
)
def test_what_expires_is_what_has_been_idle_for_its_time(steps: list[tuple[str, int]]) -> None:
    flows, known, now = table(), dict[int, TrackedFlow](), 0.0
    for verb, number in steps:
        now += number * 7
        flow = known.get(number)
        if verb == "reap":
            due = {each for each in known.values() if now - each.seen_at >= TIMEOUTS[each.state]}
            assert set(flows.expired(now)) == due
        elif verb == "add" and flow is None:
            known[number] = TrackedFlow()
            flows.add(known[number], now)
        elif flow is not None and verb == "remove":
            flows.remove(known.pop(number))
        elif flow is not None:
            flow.seen_at = now
            if verb == "replied":
                flows.answered(flow)
        assert set(flows) == set(known.values())
        assert len(flows) == len(known)


@pytest.mark.parametrize(
    ("open_files", "limit"),
    [
        pytest.param(1024, 512, id="half"),
        pytest.param(1_000_000, MAX_FLOWS, id="bounded"),
        pytest.param(ENOUGH, MAX_FLOWS, id="no-limit"),
        pytest.param(1, 1, id="never-none"),
    ],
)
def test_flows_leave_half_of_the_descriptors_to_others(open_files: int, limit: int) -> None:
    assert flow_limit(open_files) == limit


def test_refusals_are_spent_and_come_back_with_time() -> None:
    budget = RefusalBudget()
    assert sum(budget.spend(100.0) for _ in range(200)) == REFUSALS_AT_ONCE
    assert [budget.spend(100.0), budget.spend(100.03), budget.spend(100.03)] == [False, True, False]
    assert sum(budget.spend(900.0) for _ in range(200)) == REFUSALS_AT_ONCE

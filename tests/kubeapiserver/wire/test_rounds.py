"""When watches are written to: at once while that takes no time, with pauses while it does."""

from __future__ import annotations

import asyncio

import pytest

from kubeapiserver.wire import rounds as wire
from kubeapiserver.wire.rounds import LONGEST_PAUSE_SECONDS, PAUSE_FACTOR, Rounds

pytestmark = pytest.mark.looptime


class Writing:
    """Streams of one server, each of whose writes takes ``cost`` seconds of a clock that else stands as the loop's."""

    def __init__(self, cost: float) -> None:
        self.cost = cost
        self.sent: list[str] = []
        self._spent = 0.0
        self.rounds = Rounds(lambda: asyncio.get_running_loop().time() + self._spent)

    def ask(self, *names: str) -> None:
        for name in names:
            self.rounds.add(Sender(name, self))

    def take(self, name: str) -> None:
        self.sent.append(name)
        self._spent += self.cost

    def taken(self) -> list[str]:
        sent, self.sent = self.sent, []
        return sent


class Sender:
    def __init__(self, name: str, writing: Writing) -> None:
        self._name, self._writing = name, writing

    def send(self) -> None:
        self._writing.take(self._name)


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_writes_that_take_no_time_are_made_at_the_next_turn() -> None:
    writing = Writing(0.0)
    for name in ("a", "b", "c"):
        writing.ask(name)
        assert writing.taken() == []
        await turn()
        assert writing.taken() == [name]


async def test_after_a_round_nothing_is_written_for_a_multiple_of_its_time_and_then_all_at_once() -> None:
    writing = Writing(0.002)
    writing.ask("a", "b")
    await turn()
    assert writing.taken() == ["a", "b"]
    writing.ask("a")
    await asyncio.sleep(PAUSE_FACTOR * 0.004 - 0.001)
    writing.ask("b")
    assert writing.taken() == []
    await asyncio.sleep(0.002)
    assert writing.taken() == ["a", "b"]


async def test_after_the_pause_the_first_event_is_written_at_once() -> None:
    writing = Writing(0.002)
    writing.ask("a")
    await asyncio.sleep(1)
    writing.taken()
    writing.ask("a")
    await turn()
    assert writing.taken() == ["a"]


async def test_no_pause_is_longer_than_the_longest() -> None:
    writing = Writing(10.0)
    writing.ask("a")
    await turn()
    writing.ask("a")
    await asyncio.sleep(LONGEST_PAUSE_SECONDS + 0.001)
    assert writing.taken() == ["a", "a"]


async def test_other_tasks_have_their_turn_in_a_round_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "STREAMS_PER_TURN", 2)
    writing, seen = Writing(0.0), list[int]()
    writing.ask("a", "b", "c", "d", "e")
    for _ in range(4):
        await asyncio.sleep(0)
        seen.append(len(writing.sent))
    assert (seen, writing.sent) == ([2, 4, 5, 5], ["a", "b", "c", "d", "e"])

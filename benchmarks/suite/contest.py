"""The contest of one work: its peers all up, and rounds that go through them in both directions in turn."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.suite.peers import Front, Ground, backend, front, has_program
from benchmarks.suite.processes import PeerError
from benchmarks.suite.samples import Sample
from benchmarks.suite.settings import Work
from benchmarks.suite.tools import OutputError
from benchmarks.suite.trials import Trials

T = TypeVar("T")


@dataclass
class Outcome:
    """What a work brought: samples per peer, and why those who have none have none."""

    work: Work
    rounds: dict[str, list[Sample]] = field(default_factory=dict)
    gaps: dict[str, str] = field(default_factory=dict)


def turns(peers: Sequence[T], rounds: int) -> Iterator[tuple[int, T]]:
    """Yield round and peer in the order of measurement: A B C, C B A, A B C ..."""
    for number in range(rounds):
        yield from ((number, peer) for peer in (peers if number % 2 == 0 else reversed(peers)))


def contest(work: Work, ground: Ground, trials: Trials, rounds: int, tell: Callable[[str], None]) -> Outcome:
    """Measure one work. A peer that is missing, or fails, is a gap and no failure."""
    outcome = Outcome(work)
    missing = _missing_tools(work)
    if missing:
        outcome.gaps = dict.fromkeys(work.peers, f"not measured: {missing} is not installed")
        return outcome
    with contextlib.ExitStack() as stack:
        stack.enter_context(backend(work, ground))
        fronts: dict[str, Front] = {}
        for peer in work.peers:
            try:
                fronts[peer] = stack.enter_context(front(peer, work, ground))
            except PeerError as error:
                outcome.gaps[peer] = str(error)
        for number, peer in turns(list(fronts), 1 if work.is_once else rounds):
            if peer not in outcome.gaps:
                tell(f"{work.title}: round {number + 1} of {rounds}: {peer}")
                _trial(outcome, trials, peer, fronts[peer], number)
    return outcome


def _trial(outcome: Outcome, trials: Trials, peer: str, at: Front, number: int) -> None:
    try:
        outcome.rounds.setdefault(peer, []).append(trials.run(outcome.work, at, number))
    except (PeerError, OutputError, OSError, ValueError, subprocess.SubprocessError) as error:
        outcome.gaps[peer] = f"failed in round {number + 1}: {error}"
        outcome.rounds.pop(peer, None)


def _missing_tools(work: Work) -> str:
    client = {"dns": "dnsperf", "udp": ""}.get(work.protocol, "" if work.name in ("down", "up", "idle") else "wrk")
    needed = [client, "nginx" if work.protocol in ("tcp", "http") else ""]
    return " and ".join(each for each in needed if each and not has_program(each))

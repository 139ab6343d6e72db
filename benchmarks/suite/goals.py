"""The goals, and whether a run met them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.suite.samples import Ratio, Rounds, ratio
from benchmarks.suite.settings import (
    AIOHTTP,
    COREDNS,
    DIRECT,
    DNSMASQ,
    HAPROXY,
    KUBESVC,
    LOOPBACK,
    MANY,
    NGINX,
    USERSPACE,
)


@dataclass(frozen=True)
class Goal:
    """A bound on a figure of a ``peer``'s: over a ``reference``'s in the same run, or alone when that is "".

    ``per`` turns the ratio round: work per CPU second is the other side of CPU per work.
    """

    title: str
    work: str
    figure: str
    bound: float
    reference: str = ""
    is_at_least: bool = False
    per: bool = False
    unit: str = ""
    peer: str = KUBESVC

    @property
    def wanted(self) -> str:
        """What is wanted, in words."""
        sign = "≥" if self.is_at_least else "≤"
        return f"{sign} {self.bound:g} x {self.reference}" if self.reference else f"{sign} {self.bound:g} {self.unit}"


@dataclass(frozen=True)
class Verdict:
    """What became of a goal. ``measured`` is "" where nothing was measured; ``gap`` says by how much it was missed.

    The median decides; it is not ``is_clear`` where some rounds were on the other side of the bound.
    """

    goal: Goal
    measured: str
    is_met: bool | None
    gap: str
    is_clear: bool = True


GOALS = (
    Goal("keep-alive request, CPU", "keepalive", "cpu", 1.05, HAPROXY),
    Goal("connection per request, CPU", "connection", "cpu", 1.3, HAPROXY),
    Goal("bulk down, throughput", "down", "rate", 1.0, HAPROXY, is_at_least=True),
    Goal("bulk up, throughput", "up", "rate", 1.0, HAPROXY, is_at_least=True),
    Goal("p99.9 at 64 connections", "keepalive", "p999", 1.2, HAPROXY),
    Goal("HTTP request, CPU", "http", "cpu", 2.0, HAPROXY),
    Goal("HTTP request, CPU", "http", "cpu", 0.2, AIOHTTP),
    Goal("UDP request and answer, CPU", "udp", "cpu", 1.5, NGINX),
    Goal("DNS hot name, queries per CPU second", "dns-hot", "cpu", 1.0, DNSMASQ, is_at_least=True, per=True),
    Goal("DNS hot name, queries per CPU second", "dns-hot", "cpu", 2.5, COREDNS, is_at_least=True, per=True),
    Goal("DNS cold name, queries per CPU second", "dns-cold", "cpu", 1.0, COREDNS, is_at_least=True, per=True),
    Goal("pod to Service to pod by nftables, request, CPU", "pods-keepalive", "cpu", 1.1, DIRECT),
    Goal("pod to Service to pod by nftables, connection, CPU", "pods-connection", "cpu", 1.1, DIRECT),
    Goal("the same at 5,000 Services, request, CPU", "pods-keepalive", "cpu", 1.05, KUBESVC, peer=MANY),
    Goal("the same at 5,000 Services, connection, CPU", "pods-connection", "cpu", 1.05, KUBESVC, peer=MANY),
    Goal("pod to Service to pod relayed, request, CPU", "pods-keepalive", "cpu", 1.1, LOOPBACK, peer=USERSPACE),
    Goal("pod to Service to pod relayed, connection, CPU", "pods-connection", "cpu", 1.1, LOOPBACK, peer=USERSPACE),
    Goal("5,000 Services loaded by nftables", "scale", "rulesLoadSeconds@5000", 3.0, unit="s"),
    Goal("one more Service at 5,000 by nftables, serving", "scale", "rulesOneMoreMilliseconds@5000", 20.0, unit="ms"),
    Goal("50 sandboxes ready", "scale", "sandboxesReadySeconds@50", 1.5, unit="s"),
    Goal("300 sandboxes ready", "scale", "sandboxesReadySeconds@300", 8.0, unit="s"),
    Goal("private memory of a sandbox beside its program", "scale", "sandboxMiB@300", 0.6, unit="MiB"),
    Goal("tutorial, CPU of `up` with sandboxes over without", "scale", "sandboxesStartCpuRatio", 1.15, unit="x"),
    Goal("idle connection, memory", "idle", "each", 20.0, unit="KiB"),
    Goal("`up` to ready on configs/tutorial", "scale", "tutorialSeconds", 1.0, unit="s"),
    Goal("10,000 Services x 2 endpoints, ready", "scale", "readySeconds@10000", 10.0, unit="s"),
    Goal("10,000 Services x 2 endpoints, memory", "scale", "MiB@10000", 260.0, unit="MiB"),
    Goal("one more Service at 10,000, serving", "scale", "oneMoreMilliseconds@10000", 10.0, unit="ms"),
    Goal("request cost at 10,000 Services over that at 1", "scale", "costRatio@10000", 1.05, unit="x"),
    Goal("keep-alive requests of 2 workers, over 2 x one", "scale", "workersRequests", 0.9, is_at_least=True, unit="x"),
    Goal("connections of 2 workers, over 2 x one", "scale", "workersConnections", 0.9, is_at_least=True, unit="x"),
)
_UNITS = {"each": 1 / 1024}
"""Factors from a sample's units to a goal's."""


def verdict(goal: Goal, measured: Mapping[str, Rounds], alone: Mapping[str, float]) -> Verdict:
    """Judge one goal by the rounds of each work, and by the figures that stand ``alone``."""
    if goal.reference:
        found = ratio(measured.get(goal.work, {}), goal.peer, goal.reference, goal.figure)
        if found is None:
            return Verdict(goal, "", None, f"not measured: no {goal.reference} or no {goal.peer} in this run")
        found = _turned(found) if goal.per else found
        is_clear = not found.low < goal.bound < found.high
        return replace(_judged(goal, found.median, f"{found} x"), is_clear=is_clear)
    if goal.work == "scale":
        value = alone.get(goal.figure)
    else:
        samples = measured.get(goal.work, {}).get(goal.peer, ())
        values = [each for one in samples if (each := getattr(one, goal.figure)) is not None]
        value = max(values) * _UNITS.get(goal.figure, 1) if values else None
    if value is None:
        return Verdict(goal, "", None, "not measured")
    name, _, size = goal.figure.partition("@")
    at = f"@{size}" if size else ""
    low, high = (alone.get(f"{name}{end}{at}", value) for end in ("Low", "High"))
    spread = "" if low == high else f" [{low:.2f}-{high:.2f}]"
    is_clear = not low < goal.bound < high
    return replace(_judged(goal, value, f"{value:.3g}{spread} {goal.unit}"), is_clear=is_clear)


def _turned(found: Ratio) -> Ratio:
    return Ratio(1 / found.median, 1 / found.high, 1 / found.low, found.rounds) if found.low else found


def _judged(goal: Goal, value: float, text: str) -> Verdict:
    is_met = value >= goal.bound if goal.is_at_least else value <= goal.bound
    distance = abs(value / goal.bound - 1) * 100
    return Verdict(goal, text, is_met, "" if is_met else f"{distance:.0f} % {'short' if goal.is_at_least else 'over'}")


def verdicts(measured: Mapping[str, Rounds], alone: Mapping[str, float]) -> Sequence[Verdict]:
    """Judge all goals."""
    return [verdict(goal, measured, alone) for goal in GOALS]

"""IPVS' schedulers: every recorded case of the real ones, through the load balancer as a Service has it.

``recorded/ipvs.json`` has what Linux 6.1.192 answered, ``ipvs_before_6.1.190.json`` where 6.12.100 differs, in a
virtual machine with ipvsadm: ``servers`` were added in this order (weight ``W``, thresholds ``U`` and ``L``), ``picks``
are the numbers of the servers that the connections of ``script`` got.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kubeproxy.balancers import Asking
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer
from kubeproxy.rules import port_rule
from kubeproxy.rules.nodes import Nodes
from kubeproxy.telemetry.counters import EndpointCounters, ProxyCounters
from kubeproxy.types import Destination, Endpoint, Route, ServicePort, ServicePortName

WEB = ServicePortName("default", "web", "http", "TCP")
ROUTE = Route(WEB, "", is_local=False)
RECORDED = Path(__file__).parent / "recorded"
FLAGS: dict[str, tuple[str, bool | str]] = {
    "sh-fallback": ("fallback", True),
    "mh-fallback": ("fallback", True),
    "sh-port": ("hash_on", "source_port"),
    "mh-port": ("hash_on", "source_port"),
}

NO_THRESHOLDS = "a Service has no upper and lower thresholds of connections for each endpoint: kube-proxy sets none"
DIFFERENT = {
    "fo ignores load, u-threshold": NO_THRESHOLDS,
    "rr upper 2 lower 1": NO_THRESHOLDS,
    "rr upper 4 lower 0 (3/4 rule)": NO_THRESHOLDS,
    "upper 2 lower 0: reset (the closed still count)": NO_THRESHOLDS,
    "upper 2 lower 1: closed again": NO_THRESHOLDS,
    "upper 4 lower 0, server 1: reset and 11 s": NO_THRESHOLDS,
    "wlc upper reached everywhere": NO_THRESHOLDS,
    "rr persistent, expire_quiescent_template 1": "a pin of session affinity holds at weight 0, as with the default 0; "
    "kube-proxy sets 1 for endpoints that leave, which lose their pins here as well",
    "persistent timeout 2 s, all closed by reset": "a pin lasts from the last connection on, as in kube-proxy's "
    "userspace mode; a template of IPVS outlasts its connections' time-outs",
}
"""Recorded cases that come out otherwise, each with its reason; the table only gets shorter."""

Case = dict[str, Any]


def _cases(file: str) -> list[Case]:
    cases: list[Case] = json.loads((RECORDED / file).read_text())["cases"]
    return cases


CASES = {each["name"]: each for each in _cases("ipvs.json")}
BEFORE = {each["name"]: each for each in _cases("ipvs_before_6.1.190.json")}


class Replay:
    """A Service with a case's servers, a clock in hand, and the connections of its script."""

    def __init__(self, case: Case, **options: int) -> None:
        self.now = 1000.0
        self.case = case
        self.picks: list[int | str] = []
        self._options = options | dict(FLAGS[each] for each in case.get("flags", "").split(",") if each)
        self._weights = {number: each["W"] for number, each in enumerate(case["servers"], 1)}
        self._held: dict[str, EndpointCounters] = {}
        self._counters = ProxyCounters()
        self._balancer = LoadBalancer("random", self._counters, clock=lambda: self.now, rng=random.Random(1))
        self._update()

        if case["scheduler"] == "mh":
            # The algorithm of a route sees weights from its first connection on.
            self._balancer.next_endpoint(ROUTE, Asking("10.1.0.1", Destination("10.96.0.1", 80, "TCP")))

    def run(self) -> list[int | str]:
        """Do the whole script; return what the connections got."""
        for step in self.case["script"]:
            what, *words = step.split()
            getattr(self, f"_{what}")(*words)
        return self.picks

    def _update(self) -> None:
        case, port = self.case, 0 if self.case["service"] == "fwmark" else 80
        endpoints = tuple(Endpoint(f"10.0.1.{number}", port, weight=each) for number, each in self._weights.items())
        service_port = ServicePort(
            WEB,
            ("", 1),
            (case.get("vip", "10.96.0.1"),),
            80,
            affinity_seconds=case.get("persistent", 0),
            balancer=case["scheduler"],
            balancer_options=json.dumps(self._options),
        )
        self._balancer.update(WEB, port_rule(service_port, endpoints, Nodes()))

    def _open(self, name: str, *words: str) -> None:
        given = dict(word.split("=") for word in words)
        client, _, port = given.get("src", "10.1.0.1").partition(":")
        address = given.get("dst") or self.case.get("vip", "10.96.0.1")
        ask = Asking(client, Destination(address, 80, "TCP"), int(port or 0))
        choice = self._balancer.next_endpoint(ROUTE, ask)
        self.picks.append(int(choice.endpoint.ip.rpartition(".")[2]) if choice else "refused")
        if choice:
            self._held[name] = self._counters.endpoint(WEB, choice.address)
            self._counters.opened(self._held[name])

    def _close(self, name: str) -> None:
        if name in self._held:
            self._counters.closed(self._held.pop(name))

    _reset = _close

    def _cycle(self, count: str) -> None:
        for _ in range(int(count)):
            self._open("short")
            self._close("short")

    def _sleep(self, milliseconds: str) -> None:
        self.now += int(milliseconds) / 1000

    def _sysctl(self, key: str, value: str) -> None:
        """Change nothing: one of the kernel's settings."""

    def _weight(self, number: str, weight: str) -> None:
        self._weights[int(number)] = int(weight)
        self._update()

    _add = _weight

    def _del(self, number: str) -> None:
        del self._weights[int(number)]
        self._update()


@pytest.mark.parametrize("name", [each for each in CASES if each not in DIFFERENT])
def test_a_recorded_case_comes_out_the_same(name: str) -> None:
    case = CASES[name]
    assert Replay(case).run() == case["picks"]


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_case_that_is_said_to_differ_does(name: str) -> None:
    case = CASES[name]
    assert Replay(case).run() != case["picks"]


@pytest.mark.parametrize("name", [each for each in BEFORE if BEFORE[each]["scheduler"] != "twos"])
def test_the_overhead_of_older_kernels_is_an_option(name: str) -> None:
    case = BEFORE[name]
    assert Replay(case, overhead=256).run() == case["picks"] != Replay(case).run()


@pytest.mark.parametrize("name", [each for each in BEFORE if BEFORE[each]["scheduler"] == "twos"])
def test_twos_shares_as_the_kernel_does(name: str) -> None:
    case = BEFORE[name]
    real: Counter[int | str] = Counter(case["picks"])
    ours = Counter(Replay(case).run())
    # Two samples of the same size, two degrees of freedom.
    assert sum((real[each] - ours[each]) ** 2 / (real[each] + ours[each]) for each in (1, 2, 3)) < 13.82


def test_most_recorded_cases_are_alike() -> None:
    assert (len(CASES), len(DIFFERENT)) == (131, 9)

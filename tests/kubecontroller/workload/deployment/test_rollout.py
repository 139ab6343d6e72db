"""Rolling updates: the arithmetic in tables, and whole rollouts in which pods become ready in adversarial orders."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubecontroller.workload.deployment.rollout import Limits, Sized, limits_of, scale, shrink_old, size_of_new
from kubecontroller.workload.intstr import scaled_value


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [
        pytest.param(3, 10, 3, 3, id="number"),
        pytest.param("25%", 10, 3, 2, id="percent"),
        pytest.param("25%", 4, 1, 1, id="percent without rest"),
        pytest.param("0%", 10, 0, 0, id="nothing"),
        pytest.param("100%", 7, 7, 7, id="all"),
        pytest.param("1%", 1, 1, 0, id="one of one"),
    ],
)
def test_percentages_round_up_for_surge_and_down_for_unavailable(
    value: int | str, total: int, up: int, down: int
) -> None:
    assert scaled_value(value, total, round_up=True) == up
    assert scaled_value(value, total, round_up=False) == down


@pytest.mark.parametrize(
    ("strategy", "replicas", "expected"),
    [
        pytest.param({}, 10, Limits(10, 3, 2), id="defaults"),
        pytest.param({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "5%"}}, 10, Limits(10, 0, 1), id="fenceposts"),
        pytest.param(
            {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 9}}, 3, Limits(3, 1, 3), id="never below none"
        ),
        pytest.param({"type": "Recreate"}, 3, Limits(3, 0, 0), id="recreate"),
    ],
)
def test_the_strategy_sets_the_limits(strategy: dict[str, object], replicas: int, expected: Limits) -> None:
    assert limits_of({"spec": {"replicas": replicas, "strategy": strategy}}) == expected


def sized(name: str, replicas: int, available: int | None = None, **kwargs: int) -> Sized:
    available = replicas if available is None else available
    return Sized(name, name, replicas, available, kwargs.get("desired"), kwargs.get("max_replicas"))


@pytest.mark.parametrize(
    ("limits", "new", "old", "expected"),
    [
        pytest.param(Limits(10, 3, 2), sized("z", 3, 0), [sized("a", 10)], {"a": 8}, id="first step down"),
        pytest.param(Limits(10, 3, 2), sized("z", 5, 0), [sized("a", 8)], {}, id="no leave without new pods"),
        pytest.param(Limits(10, 3, 2), sized("z", 5, 5), [sized("a", 8)], {"a": 3}, id="as many as are new"),
        pytest.param(Limits(10, 3, 2), sized("z", 3, 0), [sized("a", 10, 8)], {"a": 8}, id="unhealthy go first"),
        pytest.param(
            Limits(4, 1, 0), sized("z", 1, 1), [sized("a", 2), sized("b", 2)], {"a": 1}, id="oldest goes first"
        ),
        pytest.param(Limits(4, 1, 0), sized("z", 4), [sized("a", 0)], {}, id="nothing left"),
    ],
)
def test_old_replica_sets_shrink_within_the_limits(
    limits: Limits, new: Sized, old: list[Sized], expected: dict[str, int]
) -> None:
    assert shrink_old(limits, new, old) == expected


@pytest.mark.parametrize(
    ("limits", "new", "old", "expected"),
    [
        pytest.param(Limits(5, 1, 1), sized("z", 2), [], {"z": 5}, id="the only one follows"),
        pytest.param(Limits(5, 1, 1), None, [sized("a", 0), sized("b", 0)], {"b": 5}, id="the latest of none active"),
        pytest.param(
            Limits(10, 0, 1),
            sized("z", 10, desired=10),
            [sized("a", 3)],
            {"a": 0},
            id="a saturated new one ends the others",
        ),
        pytest.param(
            Limits(15, 3, 2),
            sized("z", 5, max_replicas=13),
            [sized("a", 8, max_replicas=13)],
            {"a": 11, "z": 7},
            id="in proportion up",
        ),
        pytest.param(
            Limits(5, 0, 1),
            sized("z", 5, max_replicas=10),
            [sized("a", 5, max_replicas=10)],
            {"a": 2, "z": 3},
            id="in proportion down",
        ),
        pytest.param(Limits(0, 0, 0), sized("z", 5), [sized("a", 8)], {"a": 0, "z": 0}, id="to nothing"),
    ],
)
def test_scaling_keeps_the_proportions(
    limits: Limits, new: Sized | None, old: list[Sized], expected: dict[str, int]
) -> None:
    assert scale(limits, is_rolling=True, new=new, old=old, current=13) == expected


@given(
    replicas=st.integers(0, 30),
    surge=st.integers(0, 10),
    sizes=st.lists(st.integers(0, 20), min_size=1, max_size=4),
)
def test_proportional_scaling_adds_up_exactly(replicas: int, surge: int, sizes: list[int]) -> None:
    everyone = [sized(f"rs-{number}", size, max_replicas=sum(sizes) or 1) for number, size in enumerate(sizes)]
    limits = Limits(replicas, surge, 0)
    found = scale(limits, is_rolling=True, new=everyone[-1], old=everyone[:-1], current=sum(sizes))
    after = {each.name: each.replicas for each in everyone} | found
    assert min(after.values()) >= 0
    if sum(size > 0 for size in sizes) > 1 and len(found) > 1:
        assert sum(after.values()) == (replicas + surge if replicas else 0)


@dataclass
class Simulation:
    """Two ReplicaSets, their pods (True: available) and a rollout that reads statuses which may be out of date."""

    limits: Limits
    pods: dict[str, list[bool]] = field(default_factory=dict)
    spec: dict[str, int] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pods = {"old": [True] * self.limits.replicas, "new": []}
        self.spec = {"old": self.limits.replicas, "new": 0}
        self.observe("old")
        self.observe("new")

    def observe(self, name: str) -> None:
        """Let the ReplicaSet's status catch up."""
        self.status[name] = sum(self.pods[name])

    def replace(self, name: str) -> None:
        """Let the ReplicaSet controller act: unavailable pods go first."""
        pods = sorted(self.pods[name])
        surplus = len(pods) - self.spec[name]
        self.pods[name] = pods[surplus:] if surplus > 0 else pods + [False] * -surplus

    def become_ready(self, name: str) -> None:
        if False in self.pods[name]:
            self.pods[name][self.pods[name].index(False)] = True

    def roll(self) -> None:
        """Let the Deployment controller act."""
        new, old = (Sized(each, each, self.spec[each], self.status[each], None, None) for each in ("new", "old"))
        size = size_of_new(
            self.limits, is_rolling=True, new_replicas=new.replicas, all_replicas=new.replicas + old.replicas
        )
        if size != new.replicas:
            self.spec["new"] = size
        else:
            self.spec |= shrink_old(self.limits, new, [old])

    def check(self) -> None:
        asked = sum(self.spec.values())
        available = sum(sum(each) for each in self.pods.values())
        assert asked <= self.limits.replicas + self.limits.max_surge
        assert available >= self.limits.replicas - self.limits.max_unavailable


limits_strategy = st.builds(
    lambda replicas, surge, unavailable: limits_of(
        {
            "spec": {
                "replicas": replicas,
                "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
            }
        }
    ),
    st.integers(1, 12),
    st.one_of(st.integers(0, 4), st.sampled_from(["25%", "50%", "100%"])),
    st.one_of(st.integers(0, 4), st.sampled_from(["25%", "50%", "100%"])),
)
STEPS = ["roll", "observe new", "observe old", "replace new", "replace old", "become_ready new"]


@settings(max_examples=300)
@given(limits=limits_strategy, steps=st.lists(st.sampled_from(STEPS), max_size=80))
def test_a_rollout_never_leaves_its_limits_and_always_ends(limits: Limits, steps: list[str]) -> None:
    simulation = Simulation(limits)
    fair = [step for _ in range(60) for step in STEPS]
    for step in steps + fair:
        method, *names = step.split()
        getattr(simulation, method)(*names)
        simulation.check()
    assert simulation.spec == {"old": 0, "new": limits.replicas}
    assert simulation.pods == {"old": [], "new": [True] * limits.replicas}

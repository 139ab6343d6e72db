"""How large each ReplicaSet of a Deployment may be at this moment: the arithmetic of rolling updates and scaling.

Pure numbers: never more than maxSurge pods too many, never fewer available than maxUnavailable allows. Follows
k8s.io/kubernetes ``pkg/controller/deployment`` (rolling.go, sync.go) and its ``util/deployment_util.go``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.objects.workload import read_workload
from kubecontroller.workload.intstr import scaled_value


class Limits(NamedTuple):
    """What the strategy allows: the pods wanted, how many more there may be, how many may be unavailable."""

    replicas: int
    max_surge: int
    max_unavailable: int


class Sized(NamedTuple):
    """The sizes of a ReplicaSet: ``replicas`` that it wants, pods that are ``available``.

    ``desired`` and ``max_replicas`` are the Deployment's when it was last scaled, from annotations; None without them.
    """

    name: str
    created: str
    replicas: int
    available: int
    desired: int | None
    max_replicas: int | None


Sizes = dict[str, int]
"""New ``spec.replicas`` by the name of the ReplicaSet; one that is missing keeps its size."""


def limits_of(deployment: JSON) -> Limits:
    """Return the limits of a Deployment's strategy; those of Recreate are 0."""
    workload = read_workload(deployment)
    replicas = workload.replicas
    if not workload.is_rolling:
        return Limits(replicas, 0, 0)
    rolling = map_at(deployment, "spec", "strategy", "rollingUpdate")
    surge = scaled_value(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = scaled_value(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1  # else no pod could ever be replaced (ResolveFenceposts)
    return Limits(replicas, surge, min(unavailable, replicas))


def size_of_new(limits: Limits, *, is_rolling: bool, new_replicas: int, all_replicas: int) -> int:
    """Return how many pods the newest ReplicaSet may want; ``all_replicas`` is how many all of them want."""
    if not is_rolling or new_replicas > limits.replicas:
        return limits.replicas
    room = limits.replicas + limits.max_surge - all_replicas
    return new_replicas + max(0, min(room, limits.replicas - new_replicas))


def shrink_old(limits: Limits, new: Sized, old: Sequence[Sized]) -> Sizes:
    """Return smaller sizes of the older ReplicaSets: pods that are not available go first."""
    oldest_first = sorted((each for each in old if each.replicas > 0), key=lambda each: each.created)
    total = new.replicas + sum(each.replicas for each in oldest_first)
    min_available = limits.replicas - limits.max_unavailable
    budget = total - min_available - max(0, new.replicas - new.available)
    sizes: Sizes = {}
    if budget <= 0:
        return sizes
    removed = 0
    for each in oldest_first:
        unhealthy = min(budget - removed, each.replicas - each.available)
        if unhealthy > 0:
            sizes[each.name] = each.replicas - unhealthy
            removed += unhealthy
    available = new.available + sum(min(each.available, each.replicas) for each in oldest_first)
    spare = min(available - min_available, budget - removed)
    for each in oldest_first:
        size = sizes.get(each.name, each.replicas)
        step = min(size, spare)
        if step > 0:
            sizes[each.name] = size - step
            spare -= step
    return sizes


def scale(limits: Limits, *, is_rolling: bool, new: Sized | None, old: Sequence[Sized], current: int) -> Sizes:
    """Return the sizes after spec.replicas has changed: in proportion, while several ReplicaSets are active.

    ``current`` is status.replicas of the Deployment: its former size, where no annotation has it.
    """
    every = [*old, new] if new else list(old)
    active = [each for each in every if each.replicas > 0]
    if len(active) <= 1:
        only = active[0] if active else new or max(every, key=lambda each: each.created, default=None)
        return {only.name: limits.replicas} if only else {}
    if new and _is_saturated(limits, new):
        return {each.name: 0 for each in active if each is not new}
    return _in_proportion(limits, active, current) if is_rolling else {}


def _is_saturated(limits: Limits, new: Sized) -> bool:
    return new.desired == new.replicas == new.available == limits.replicas


def _in_proportion(limits: Limits, active: list[Sized], current: int) -> Sizes:
    allowed = limits.replicas + limits.max_surge if limits.replicas > 0 else 0
    to_add = allowed - sum(each.replicas for each in active)
    newest_first = sorted(active, key=lambda each: each.created, reverse=to_add > 0)
    largest_first = sorted(newest_first, key=lambda each: each.replicas, reverse=True)
    sizes = {each.name: each.replicas for each in active}
    left = to_add
    for each in largest_first:
        share = _share(limits, each, current)
        part = min(share, left) if to_add > 0 else max(share, left)
        sizes[each.name] += part
        left -= part
    sizes[largest_first[0].name] = max(0, sizes[largest_first[0].name] + left)
    return sizes


def _share(limits: Limits, replica_set: Sized, current: int) -> int:
    """Return by how much one ReplicaSet follows the Deployment's growth (getReplicaSetFraction)."""
    if limits.replicas == 0:
        return -replica_set.replicas
    before = replica_set.max_replicas or current or replica_set.replicas
    grown = replica_set.replicas * (limits.replicas + limits.max_surge) / before
    return math.floor(grown + 0.5) - replica_set.replicas  # round() would take halves to the even number

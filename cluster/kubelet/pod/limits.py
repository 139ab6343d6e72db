"""The settings of the control groups of a pod and of its containers, as a kubelet makes them of its resources. Pure.

Follows ``pkg/kubelet/cm/helpers_linux.go`` (ResourceConfigForPod), ``pkg/kubelet/kuberuntime``
(calculateLinuxResources) and the conversion of CPU shares of opencontainers/cgroups 0.0.7, which runc has too.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Decimal

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.serialization.quantity import amount_of
from kubelet.pod.limitedresources import LIMITED_RESOURCES
from kubelet.pod.spec import ContainerSpec, PodSpec, Role

_PERIOD_MICROSECONDS, _SHORTEST_QUOTA = 100_000, 1_000
_FEWEST_SHARES, _MOST_SHARES = 2, 262_144
_NONE = Decimal()


def container_settings(container: ContainerSpec, pod_resources: JSON) -> dict[str, str]:
    """Return the contents of the files of cgroup v2 by name, for each controller that a kubelet sets.

    What a container does not limit is limited by the pod's own resources, if these do.
    """
    limits = {**map_at(pod_resources, "limits"), **map_at(container.resources, "limits")}
    requests = map_at(container.resources, "requests")
    return {
        "cpu.weight": _weight(_amount(requests if "cpu" in requests else limits, "cpu")),
        "cpu.max": _quota(_amount(limits, "cpu")),
        "memory.max": _bytes(_amount(limits, "memory")),
        "memory.swap.max": "0",
        # The whole container ends when it has used up its memory (singleProcessOOMKill is false).
        "memory.oom.group": "1",
    }


def pod_settings(pod: PodSpec) -> dict[str, str]:
    """Return those of the group around a pod's containers: their sums, limits only where each has one.

    Among pods the requests of all their containers count, so that its weight is what a pod gets of a busy machine.
    """
    counted = [each for each in pod.containers if each.role is not Role.EPHEMERAL]
    limited = {
        name: map_at(pod.resources, "limits").get(name)
        or all(_amount(map_at(each.resources, "limits"), name) for each in counted)
        for name in LIMITED_RESOURCES
    }
    return {
        "cpu.weight": _weight(_total(pod, "requests", "cpu")),
        "cpu.max": _quota(_total(pod, "limits", "cpu") if limited["cpu"] else _NONE),
        "memory.max": _bytes(_total(pod, "limits", "memory") if limited["memory"] else _NONE),
    }


def _total(pod: PodSpec, kind: str, name: str) -> Decimal:
    """Return what a pod asks for: its own resources, or the sum of its containers' (PodRequests, PodLimits).

    Init containers run one after the other, beside the sidecars before them: the most that this takes counts.
    """
    own = map_at(pod.resources, kind)
    if name in own:
        return _amount(own, name)
    most = sidecars = mains = _NONE
    for each in pod.containers:
        amount = _amount(map_at(each.resources, kind), name)
        if each.role is Role.SIDECAR:
            sidecars += amount
            most = max(most, sidecars)
        elif each.role is Role.INIT:
            most = max(most, sidecars + amount)
        elif each.role is Role.MAIN:
            mains += amount
    return max(most, mains + sidecars)


def _amount(quantities: JSON, name: str) -> Decimal:
    return amount_of(str(quantities[name])) if name in quantities else _NONE


def _weight(processors: Decimal) -> str:
    """Return a request as a weight among siblings: 1 where nothing is asked for, 100 for a processor."""
    shares = _millis(processors) * 1024 // 1000
    if shares <= _FEWEST_SHARES:
        return "1"
    if shares >= _MOST_SHARES:
        return "10000"
    # A curve through the least, the usual and the most of both scales.
    logarithm = math.log2(shares)
    exponent = (logarithm * logarithm + 125 * logarithm) / 612 - 7 / 34
    return str(math.ceil(10**exponent))


def _quota(processors: Decimal) -> str:
    quota = max(_millis(processors) * _PERIOD_MICROSECONDS // 1000, _SHORTEST_QUOTA) if processors else "max"
    return f"{quota} {_PERIOD_MICROSECONDS}"


def _millis(processors: Decimal) -> int:
    return int((processors * 1000).to_integral_value(ROUND_CEILING))


def _bytes(amount: Decimal) -> str:
    return str(int(amount.to_integral_value(ROUND_CEILING))) if amount else "max"

"""The settings of a container's control group, as a kubelet makes them of its resources. Pure.

Follows ``pkg/kubelet/cm/helpers_linux.go`` and runc's conversion of CPU shares for cgroup v2.
"""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.serialization.quantity import amount_of

LIMITED_RESOURCES = frozenset(("cpu", "memory"))
"""The controllers of cgroup v2 are named as they are."""
_PERIOD_MICROSECONDS, _SHORTEST_QUOTA = 100_000, 1_000
_FEWEST_SHARES, _MOST_SHARES = 2, 262_144


def cgroup_settings(resources: JSON) -> dict[str, str]:
    """Return the contents of the files of cgroup v2 by name, {} where nothing is asked for."""
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    settings = {}
    if "cpu" in limits:
        quota = int(amount_of(limits["cpu"]) * _PERIOD_MICROSECONDS)
        settings["cpu.max"] = f"{max(quota, _SHORTEST_QUOTA)} {_PERIOD_MICROSECONDS}"
    if "cpu" in requests:
        settings["cpu.weight"] = str(_weight(int(amount_of(requests["cpu"]) * 1024)))
    if "memory" in limits:
        settings["memory.max"] = str(int(amount_of(limits["memory"])))
        settings["memory.swap.max"] = "0"
        # The whole container ends when it has used up its memory (singleProcessOOMKill is false).
        settings["memory.oom.group"] = "1"
    return settings


def _weight(shares: int) -> int:
    bounded = min(max(shares, _FEWEST_SHARES), _MOST_SHARES)
    return 1 + (bounded - _FEWEST_SHARES) * 9999 // (_MOST_SHARES - _FEWEST_SHARES)

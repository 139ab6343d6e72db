"""When too many endpoints are ejected to leave them out: Envoy's panic threshold. Pure.

Where less than the threshold is left, all get traffic, the ejected ones as well: a few endpoints that carry everything
would fail next. Envoy asks first whether what is left, with its overprovisioning factor of 1.4, covers everything; so a
threshold above 71 has no more effect than 71 (``LoadBalancerBase::recalculatePerPriorityPanic``).
"""

from __future__ import annotations

from kubeapi.balancing import Option

PANIC_THRESHOLD = Option(
    "panic_threshold", 50.0, "with a smaller percentage of endpoints not ejected, all get traffic; 0: never", 0, 100
)
_OVERPROVISIONING_PERCENT = 140


def is_panic(healthy: int, among: int, threshold: float) -> bool:
    """Tell whether ``healthy`` of ``among`` endpoints are so few that all get traffic."""
    if not among or _OVERPROVISIONING_PERCENT * healthy // among >= 100:
        return False
    return 100 * healthy / among < threshold

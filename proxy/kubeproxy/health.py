"""Whether the proxy keeps up with changes, and the answers of /healthz and /livez. Pure.

Follows k8s.io/kubernetes ``pkg/proxy/healthcheck/proxy_health.go``: the proxy is unhealthy when a change has waited
longer than the time-out for a sync; it is healthy while it starts and while nothing waits.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isinf
from typing import NamedTuple

from kubeproxy.dependencies import Staleness

HEALTH_TIMEOUT_SECONDS = 60.0
"""Twice kube-proxy's syncPeriod of 30 s, as cmd/kube-proxy passes it."""


_NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time."""
_FAMILY = "IPv4"
"""Under which the state of the one proxier is told, which has the rules of both families."""


class Moment(NamedTuple):
    """A time as Go writes it in JSON: ``wall`` in seconds since the epoch, ``elapsed`` since the process began."""

    wall: float
    elapsed: float

    def __str__(self) -> str:
        return datetime.fromtimestamp(self.wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


class ProxyHealth:
    """The times at which changes were queued and synced."""

    def __init__(self) -> None:
        self.synced_at: Moment | None = None
        self.queued_at: Moment | None = None

    def queued(self, now: Moment) -> None:
        """Record that a change waits; the time of the oldest one counts."""
        if self.queued_at is None:
            self.queued_at = now

    def synced(self, now: Moment) -> None:
        """Record that all changes have been synced."""
        self.queued_at = None
        self.synced_at = now

    def is_healthy(self, now: Moment) -> bool:
        """Tell whether no change has waited too long."""
        return self.queued_at is None or now.elapsed - self.queued_at.elapsed < HEALTH_TIMEOUT_SECONDS

    def body(self, now: Moment, stale: Staleness | None = None, *, is_node_eligible: bool | None) -> tuple[int, str]:
        """Return HTTP status and JSON body of /healthz, or of /livez when ``is_node_eligible`` is None.

        What is known is served while its source is away, so that is healthy, as in kube-proxy; but it is said.
        """
        is_healthy = self.is_healthy(now)
        is_answered_well = is_healthy and is_node_eligible is not False
        synced = str(self.synced_at) if self.synced_at else _NEVER
        fields: dict[str, object] = {
            "lastUpdated": str(now) if is_answered_well else synced,
            "currentTime": str(now),
        }
        if is_node_eligible is not None:
            fields["nodeEligible"] = is_node_eligible
        fields["healthy"] = is_healthy
        if self.synced_at is not None:
            fields["status"] = {_FAMILY: {"lastUpdated": synced, "healthy": is_healthy}}
        if stale is not None:
            fields["knowledgeAgeSeconds"] = None if isinf(stale.seconds) else round(stale.seconds, 3)
            fields["knowledgeProblem"] = stale.problem
        return 200 if is_answered_well else 503, json.dumps(fields, separators=(",", ":"))

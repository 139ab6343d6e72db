"""What all HTTP connections of one data plane share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.io.tunnel import Tunnels
from kubeproxy.userspace.parts import DataPlaneParts


class HttpShared:
    """The parts of the data plane, copied because each event looks them up.

    ``over`` is called with a client's connection that has ended. ``is_draining``: clients leave after their answer.
    """

    __slots__ = (
        "buffer",
        "ceiling",
        "clock",
        "config",
        "counters",
        "dialler",
        "is_draining",
        "load_balancer",
        "loop",
        "over",
        "poller",
        "recent",
        "targets",
        "tunnels",
        "waits",
    )

    def __init__(self, parts: DataPlaneParts, config: HttpConfig, over: Callable[[Any], None]) -> None:
        self.loop = parts.loop
        self.poller = parts.poller
        self.targets = parts.targets
        self.dialler = parts.dialler
        self.load_balancer = parts.load_balancer
        self.counters = parts.counters
        self.recent = parts.recent
        self.clock = parts.clock
        self.ceiling = parts.ceiling
        self.buffer = parts.buffer
        self.config = config
        self.waits = config.waits
        self.over = over
        self.tunnels = Tunnels(parts, config.tunnel_seconds)
        self.is_draining = False

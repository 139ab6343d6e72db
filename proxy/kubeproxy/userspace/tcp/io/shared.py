"""What all relayed connections of one data plane share."""

from __future__ import annotations

from typing import Any

from kubeproxy.userspace.live import LiveConnections
from kubeproxy.userspace.parts import DataPlaneParts


class TcpShared:
    """The parts of the data plane, copied because each event looks them up, and the ``connections`` that there are."""

    __slots__ = (
        "buffer",
        "clock",
        "connections",
        "counters",
        "dialler",
        "load_balancer",
        "loop",
        "open_tunnel",
        "poller",
        "recent",
        "targets",
    )

    def __init__(self, parts: DataPlaneParts) -> None:
        self.loop = parts.loop
        self.poller = parts.poller
        self.targets = parts.targets
        self.dialler = parts.dialler
        self.open_tunnel = parts.open_tunnel
        self.load_balancer = parts.load_balancer
        self.counters = parts.counters
        self.recent = parts.recent
        self.clock = parts.clock
        self.buffer = parts.buffer
        self.connections = LiveConnections[Any]()

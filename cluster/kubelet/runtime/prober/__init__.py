"""Probes and lifecycle hooks: one file for each way to ask a container how it is, one attempt at a time.

A new one is a file with a class that has ``read`` and ``attempt``, its row in HANDLERS, and its validation and
defaults in ``kubeapi``. When a probe is due and what its outcomes mean is decided in ``pod.probes``. The texts are the
kubelet's.
Follows k8s.io/kubernetes ``pkg/probe``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kubeapi.meta import JSON
from kubelet.pod.probes import ProbeOutcome
from kubelet.runtime.prober.exec import Exec
from kubelet.runtime.prober.grpc import GRPC
from kubelet.runtime.prober.http import HTTPGet
from kubelet.runtime.prober.target import Handler, ProbeTarget
from kubelet.runtime.prober.tcp import TCPSocket


class Sleep(NamedTuple):
    """A pause, for hooks."""

    seconds: int

    @classmethod
    def read(cls, action: JSON) -> Sleep:
        """Read a SleepAction."""
        return cls(action.get("seconds") or 0)

    async def attempt(self, _target: ProbeTarget, timeout: float) -> ProbeOutcome:
        """Wait, for ``timeout`` seconds at most."""
        await asyncio.sleep(min(self.seconds, timeout))
        return ProbeOutcome(True)


HANDLERS: Mapping[str, Callable[[JSON], Handler]] = {
    "exec": Exec.read,
    "tcpSocket": TCPSocket.read,
    "httpGet": HTTPGet.read,
    "grpc": GRPC.read,
    "sleep": Sleep.read,
}
"""By the field of a probe or a hook that asks for it."""


def read_handler(action: JSON) -> Handler:
    """Read what a probe or a lifecycle hook does; ValueError if it has no known handler."""
    for name, read in HANDLERS.items():
        if action.get(name):
            return read(action[name])
    raise ValueError(f"no known handler among {sorted(action)}")

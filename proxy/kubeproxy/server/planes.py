"""The engine that carries a proxy's traffic: which one the configuration asks for."""

from __future__ import annotations

import asyncio

from kubeproxy.config import NFTABLES, ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.plane import Plane
from kubeproxy.server.events import SyncEvents
from kubeproxy.userspace.plane import UserspacePlane


def make_plane(
    loop: asyncio.AbstractEventLoop, config: ProxyConfig, dependencies: ProxyDependencies, events: SyncEvents
) -> Plane:
    """Return the plane of the configuration's mode."""
    if config.mode != NFTABLES:
        return UserspacePlane(loop, config, dependencies, events.note_bind_failure)
    # Imported here because other proxies do not need it.
    from kubeproxy.nft.io.plane import NftPlane

    return NftPlane(loop, config, dependencies, events.note_bind_failure, events.note_kernel_refusal)

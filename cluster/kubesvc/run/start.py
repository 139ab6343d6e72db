"""What a cluster is started from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from kubesvc.config import ClusterConfiguration, NodeConfiguration
from kubesvc.network.ipv6 import FIRST_NODE_V6, LOOPBACK_V6
from kubesvc.run.input.prepare import Prepared
from kubesvc.run.machine.sandboxmode import NO_SANDBOXES, SandboxMode
from kubesvc.state.directory import StateDirectory

if TYPE_CHECKING:
    from pathlib import Path

    from kubesvc.run.api.ahead import CertificateMaker
    from kubesvc.run.upstream import MakeUpstream
    from kubesvc.state.saved import Lost


class Start(NamedTuple):
    """Everything that a start needs. The caller holds the lock of ``state``."""

    prepared: Prepared
    state: StateDirectory
    origins: Sequence[str] = ()
    """Files and folders that the objects come from, those of earlier runs included."""
    lost: Sequence[Lost] = ()
    """Saved objects that cannot be read."""
    user_kubeconfig: Path | None = None
    """The user's own kubeconfig, to which the cluster's context is added while it runs; None leaves it unchanged."""
    sandbox: SandboxMode = NO_SANDBOXES
    """Whether each pod has namespaces of its own, and why."""
    has_host_routes: bool = False
    """Whether this machine gets routes to the cluster's addresses."""
    upstream: MakeUpstream | None = None
    """Makes the cluster elsewhere whose objects this one has; None for a cluster of its own."""
    certificate_maker: CertificateMaker | None = None
    """Makes the API server's certificate meanwhile; None if nobody does."""

    @property
    def configuration(self) -> ClusterConfiguration:
        """The configuration, with the nodes' addresses as they are with or without sandboxes."""
        configuration = self.prepared.configuration
        if not self.sandbox.has_sandboxes:
            return configuration
        return replace(configuration, nodes=tuple(map(_in_sandboxes, configuration.nodes)))


def _in_sandboxes(node: NodeConfiguration) -> NodeConfiguration:
    return replace(node, address_v6=FIRST_NODE_V6) if node.address_v6 == LOOPBACK_V6 else node

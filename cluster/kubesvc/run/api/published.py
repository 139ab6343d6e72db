"""What an API server keeps in its own Store: roles, APIServices, default/kubernetes, and the certificates to trust."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubeaggregator.authentication import CONFIG_NAME, NAMESPACE, trust_config
from kubeapi.apipriorities import create_missing_api_services
from kubeapi.meta import JSON, ObjectKey
from kubeapi.rbac.policy import create_missing_roles
from kubeapi.registry import create_missing
from kubeapi.scheme import CONFIGMAPS
from kubeapi.status import StatusError
from kubecontroller.service import kubernetesservice

if TYPE_CHECKING:
    from kubesvc.run.cluster import Cluster

PUBLISH_SECONDS = 1.0
"""Pause between checks that default/kubernetes exists (pkg/controlplane/controller/kubernetesservice: ten seconds)."""
OBJECTS_PER_TURN = 10
"""Objects of every cluster after which the event loop may run its other tasks."""
_NAME = "kube-apiserver"


class Published:
    """``publish_address``, then ``keep``."""

    def __init__(self, cluster: Cluster) -> None:
        self._registry = cluster.registry
        self._identity = cluster.components.identity
        self._dns_address = cluster.configuration.networking.dns_address
        self._is_read_only = bool(cluster.read_only)

    def publish_address(self, port: int) -> None:
        """Point default/kubernetes to the API server."""
        kubernetesservice.publish(self._registry, [self._identity.endpoint], port)

    async def keep(self, port: int) -> None:
        """Make roles and APIServices, then recreate the other objects after a deletion; runs until it is cancelled."""
        if not self._is_read_only:
            await self._make("making the roles of every cluster", create_missing_roles(self._registry))
            await self._make("making the APIServices of every cluster", create_missing_api_services(self._registry))
        while True:
            with self._registry.store.failures.guard(_NAME, f"publishing {NAMESPACE}/{CONFIG_NAME}"):
                self._publish_trust()
            await asyncio.sleep(PUBLISH_SECONDS)
            with self._registry.store.failures.guard(_NAME, "publishing default/kubernetes"):
                self._publish_again(port)

    async def _make(self, what: str, steps: Iterator[JSON]) -> None:
        with self._registry.store.failures.guard(_NAME, what):
            for number, _ in enumerate(steps, start=1):
                if number % OBJECTS_PER_TURN == 0:
                    await asyncio.sleep(0)

    def _publish_again(self, port: int) -> None:
        # Refused as long as another Service has the address.
        with contextlib.suppress(StatusError):
            create_missing(self._registry, cluster_dns=self._dns_address)
            self.publish_address(port)

    def _publish_trust(self) -> None:
        """Tell extension API servers which certificates to trust, unless that is told already."""
        key = ObjectKey(NAMESPACE, CONFIG_NAME)
        if not self._is_read_only and self._registry.store.find(CONFIGMAPS, key) is None:
            proxy = self._identity.proxy_certificate.authority
            self._registry.create(CONFIGMAPS, trust_config(self._identity.authority(), proxy))

"""The remote cluster as the upstream of a local one: asks what is allowed, then follows it and has the mirror write.

What was known stays as long as the server is away; ``problems`` says how old it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from ipaddress import ip_network
from typing import Any

from kubeapi.io.informer import Informer
from kubeapi.meta import ObjectKey
from kubeapi.scheme import ENDPOINTSLICES, PODS, SERVICES, Resource
from kubeapi.status import StatusError
from kubeapiserver.streaming.runtime import Runtime
from kubeclient.io.client import APIClient
from kubeclient.kubeconfig.access import ConfigError
from kubeclient.listwatch.freshness import oldest
from kubeclient.listwatch.io.listerwatcher import APIListerWatcher
from kubeclient.listwatch.selection import Selection
from kubeclient.listwatch.slim import slimmed
from kubeclient.paths import path_of
from kubeclient.refusals import FORBIDDEN
from kubehost.network import Network
from kubeproxy.tunnels import Tunnel, TunnelReader
from kubesvc.config import ClusterConfiguration
from kubesvc.remote.connect.addresses import Pool
from kubesvc.remote.connect.mirror import Mirror
from kubesvc.remote.connect.podports import Gateways
from kubesvc.remote.connect.runtime import RemoteRuntime
from kubesvc.remote.connect.translation import slim_pod
from kubesvc.remote.connect.wanted import NEEDED, REVIEWS, Shown, Wanted, access_review
from kubesvc.run.starterror import StartError
from kubesvc.run.upstream import Surroundings

NAME = "kubesvc connect"

MakeGateways = Callable[[APIClient, Network], Gateways]


class RemoteCluster:
    """Implements ``Upstream``: ``start``, then ``parts``, then ``close``."""

    _client: APIClient
    _mirror: Mirror
    _gateways: Gateways
    _source: APIListerWatcher
    _selections: Mapping[Resource, Selection]

    def __init__(self, wanted: Wanted, surroundings: Surroundings, make_gateways: MakeGateways) -> None:
        self._wanted = wanted
        self._surroundings = surroundings
        self._make_gateways = make_gateways
        self._shown = Shown(wanted.context, "", wanted.namespace, wanted.selector)
        self._pods_unknown = ""
        self._informers: list[Informer] = []
        self._following: list[asyncio.Task[None]] = []
        self._closing = contextlib.AsyncExitStack()
        self._has_started = False

    @property
    def read_only(self) -> str:
        """Why the API takes no writes."""
        return self._shown.read_only()

    @property
    def runtime(self) -> Runtime:
        """What the API answers for pods."""
        around = self._surroundings
        return RemoteRuntime(around.registry.store, around.network, self._shown.context)

    async def start(self) -> None:
        """Fill the Store with what the remote cluster has now; StartError."""
        try:
            await self._open()
        except (ConfigError, ConnectionError, TimeoutError) as error:
            raise StartError(str(error)) from error
        self._follow()
        for informer in self._informers:
            await informer.wait_for_sync()
        if not self._mirror.services:
            raise StartError(self._shown.nothing())
        self._has_started = True

    async def _open(self) -> None:
        wanted = self._wanted
        client = self._client = await APIClient.open(wanted.kubeconfig, wanted.context)
        self._closing.push_async_callback(client.close)
        namespace = "" if wanted.is_everywhere else wanted.namespace or client.namespace
        self._shown = Shown(client.context, client.server, namespace, wanted.selector)
        self._selections = {
            SERVICES: Selection(labels=wanted.selector, namespace=namespace),
            ENDPOINTSLICES: Selection(namespace=namespace),
            PODS: Selection(namespace=namespace),
        }
        for each in NEEDED:
            await self._try(each)
        try:
            await self._try(PODS)
        except StartError as error:
            if not isinstance(error.__cause__, StatusError) or error.__cause__.code != FORBIDDEN:
                raise
            self._pods_unknown = self._shown.pods_unknown(error.__cause__)
        await self._try_port_forward()

    async def _try(self, resource: Resource) -> None:
        """Raise StartError if a resource cannot be listed."""
        selection = self._selections[resource]
        try:
            await self._client.get(path_of(resource, selection.namespace), {"limit": "1", **selection.params()})
        except StatusError as error:
            raise StartError(self._shown.refused(resource, error)) from error

    async def _try_port_forward(self) -> None:
        with contextlib.suppress(StatusError):  # a server that answers no reviews says it when it is asked to forward
            answer = await self._client.request("POST", REVIEWS, body=dict(access_review(self._shown.namespace)))
            if answer.get("status", {}).get("allowed") is False:
                raise StartError(self._shown.no_port_forward())

    def _follow(self) -> None:
        around = self._surroundings
        self._gateways = self._make_gateways(self._client, around.network)
        self._closing.push_async_callback(self._gateways.close)
        record = around.recorders.of("kubesvc").event
        mirror = self._mirror = Mirror(around.registry, *_pools(around.config), self._gateways, record)
        self._source = APIListerWatcher(
            self._client,
            selections=self._selections,
            slim={PODS: lambda obj: slim_pod(slimmed(obj))},
            clock=time.monotonic,
            rng=random.Random(),
        )
        handlers = {SERVICES: mirror.update_service, ENDPOINTSLICES: mirror.update_slice, PODS: mirror.pods.update}
        if self._pods_unknown:
            mirror.pods.are_listed = False
            del handlers[PODS]
        failures = around.registry.store.failures
        for resource, handle in handlers.items():
            informer = Informer(self._source, resource, failures)
            informer.add_handler(NAME, handle, mirror.settle)
            self._informers.append(informer)
            self._following.append(asyncio.create_task(informer.run(), name=f"{NAME} {resource}"))

    def parts(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """Return what follows the remote cluster."""
        return {NAME: self._keep()}

    async def _keep(self) -> None:
        await asyncio.gather(*self._following)

    def open_tunnel(self, address: str, port: int, reader: TunnelReader) -> Tunnel | None:
        """Open a connection to a pod of the remote cluster; None for other endpoints, which this machine dials."""
        return self._gateways.open_tunnel(address, port, reader) if self._has_started else None

    def renew(self) -> None:
        """Have the gateways listen in the network that there is now."""
        if self._has_started:
            self._gateways.renew()

    def document(self) -> dict[str, str]:
        """Return its part of the status document."""
        return self._shown.document()

    def waiting_for(self) -> list[str]:
        """Return what has not been answered yet, a sentence each."""
        if self._has_started:
            return []
        if not self._informers:
            return [f"context {self._shown.context or 'of the kubeconfig'}: its API server has not answered yet"]
        known = self._source.freshness()
        return [
            f"{each.resource} of context {self._shown.context} are not listed yet: {known[each.resource].problem}"
            for each in self._informers
            if not each.has_synced and each.resource in known
        ]

    def not_carried(self, service: ObjectKey) -> list[str]:
        """Return what is not carried of a Service, a sentence each."""
        return self._mirror.missing(service) if self._has_started else []

    def problems(self) -> list[str]:
        """Return what does not work of the whole, a sentence each."""
        if not self._has_started:
            return []
        found = [self._pods_unknown] if self._pods_unknown else []
        now = time.monotonic()
        lost = oldest(self._source.freshness(), now)
        if lost is not None and lost[1].problem:
            resource, fresh = lost
            found.append(
                f'what is shown of context "{self._shown.context}" is as it was {fresh.age(now):.0f} s ago, as its '
                f"{resource} cannot be followed: {fresh.problem}"
            )
        return [*found, *self._gateways.problems()]

    async def close(self) -> None:
        """End what follows the remote cluster, and close every connection."""
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        await self._closing.aclose()


def _pools(config: ClusterConfiguration) -> tuple[Pool, Pool]:
    """Return the addresses of Services, and those of pods: the subnets of the local cluster."""
    networking = config.networking
    gateways = [str(ip_network(each.pod_cidr)[1]) for each in config.nodes]
    services = Pool(networking.service_subnet, (networking.dns_address, networking.api_address))
    return services, Pool(networking.pod_subnet, gateways)

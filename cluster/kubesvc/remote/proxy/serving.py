"""`kubesvc proxy`: kube-proxy for one node of a real cluster. Composes the proxy, the cluster's API and this machine.

It follows what kube-proxy follows, by its selectors: Services, EndpointSlices and its own Node, never Pods.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from kubeapi.failures import Failures
from kubeapi.objects.endpointslice import HEADLESS_LABEL, PROXY_NAME_LABEL
from kubeapi.scheme import ENDPOINTSLICES, NODES, SERVICES, Resource
from kubeclient.io.client import APIClient
from kubeclient.io.events import EventPoster
from kubeclient.listwatch.freshness import oldest
from kubeclient.listwatch.io.listerwatcher import APIListerWatcher
from kubeclient.listwatch.selection import Selection
from kubedns.config import read_resolv_conf
from kubehost import openfiles
from kubehost.io.machine import connected_networks, gateways, not_local, own_addresses
from kubeproxy import NAME
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies, Staleness
from kubeproxy.nft.eligibility import why_not
from kubeproxy.rules import PortRule
from kubeproxy.server.events import Record
from kubeproxy.server.proxyserver import ProxyServer
from kubesvc.network.loopback import read_low_ports
from kubesvc.network.node import NodeNetwork
from kubesvc.remote.errors import CommandError
from kubesvc.remote.losses import tell_of_losses
from kubesvc.remote.proxy.kubeproxyconfig import KubeProxyConfiguration
from kubesvc.remote.proxy.localizing import Localizer
from kubesvc.remote.proxy.localroutes import LocalRoutes, local_routes
from kubesvc.remote.proxy.needed import Needed
from kubesvc.remote.proxy.neighbours import check_neighbours
from kubesvc.remote.proxy.node import (
    addresses_of,
    addresses_of_server,
    find_node,
    find_other_nodes,
    find_service_cidrs,
    follow_other_nodes,
)
from kubesvc.remote.proxy.serviceaddresses import NeedsSocket, ServiceAddresses
from kubesvc.remote.proxy.serviceevents import ServiceEvents
from kubesvc.remote.proxy.settings import ProxyOptions, has_kernel, node_name_of, proxy_config
from kubesvc.remote.proxy.slimming import SLIMS
from kubesvc.remote.user import User
from kubesvc.wording import counted

DRAIN_SECONDS = 10.0
"""How long connections may go on after the first signal."""

RESOLV_CONF = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""Where this machine's name servers are; the second has those behind systemd-resolved's own."""
LOW_PORTS_REMEDY = "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=0"

Say = Callable[[str], None]
T = TypeVar("T")


class OwnNode(NamedTuple):
    """The proxy's own node on this machine, with the machine's addresses."""

    name: str
    machine: tuple[str, ...]
    addresses: tuple[str, ...]
    """Those of its addresses that this machine has, without loopback ones."""
    ranges: Collection[str]
    """The cluster's ranges of cluster IPs, as far as the API tells them."""
    needed: Needed
    """What no Service may make local."""
    sees_others: bool
    """Whether the API tells it of the other nodes."""


class _Run(NamedTuple):
    is_left_to_kernel: bool
    file: KubeProxyConfiguration
    user: User
    stop: asyncio.Event


async def run_proxy(options: ProxyOptions, file: KubeProxyConfiguration, user: User, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set, then drain. CommandError, ConfigError, StatusError, OSError."""
    kubeconfig, say = options.kubeconfig or file.kubeconfig, user.say
    client = await APIClient.open(Path(kubeconfig) if kubeconfig else None, options.context)
    try:
        name, machine = node_name_of(options, file, os.uname().nodename), tuple(own_addresses())
        config = proxy_config(options, file, name, machine, openfiles.room(openfiles.limit()))
        say(f"kube-proxy of node {name} for {client.server}, mode {config.mode}")
        _say_limits(file, say)
        check_neighbours(say, is_wanted=options.is_beside_kube_proxy)
        node = await _unless_stopped(_find_node(client, name, machine, say), stop)
        if node is None:
            return
        with contextlib.ExitStack() as stack:
            routes = stack.enter_context(local_routes(node.addresses)) if options.is_setting_up else None
            config = config._replace(service_cidrs=tuple(node.ranges))
            localizer = _localizer(config, node, routes, say)
            localizer.begin()
            events, source = _service_events(client, name, user), _source(client, config.node_name)
            proxy = _make_proxy(source, config, localizer, events.record)
            losses = tell_of_losses(source.freshness, time.monotonic, say)
            follows = routes is not None and node.sees_others
            others = (follow_other_nodes(client, name, localizer.note_node),) if follows else ()
            await _serve(proxy, (events.run(), losses, *others), _Run(has_kernel(config), file, user, stop))
    finally:
        await client.close()


async def _unless_stopped(question: Coroutine[Any, Any, T], stop: asyncio.Event) -> T | None:
    """Return the answer, None if ``stop`` is set before there is one."""
    asking, stopping = asyncio.create_task(question), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((asking, stopping), return_when=asyncio.FIRST_COMPLETED)
        return asking.result() if asking.done() else None
    finally:
        asking.cancel()
        stopping.cancel()


async def _find_node(client: APIClient, name: str, machine: tuple[str, ...], say: Say) -> OwnNode:
    found = await find_node(client, name, say)
    addresses = addresses_of(found) if found is not None else []
    if strange := not_local(addresses):
        say(f"{', '.join(strange)} of node {name} is no address of this machine, so node ports do not answer there")
    here = tuple(each for each in addresses if each in machine and not ip_address(each).is_loopback)
    others = await find_other_nodes(client, name, say)
    needed = await _find_needed(client, others)
    return OwnNode(name, machine, here, await find_service_cidrs(client, say), needed, others is not None)


async def _find_needed(client: APIClient, others: Mapping[str, str] | None) -> Needed:
    hosts = {} if others is None else dict(others)
    servers = [address for path in RESOLV_CONF for address, _ in read_resolv_conf(_text(path))]
    hosts |= dict.fromkeys(servers, "a name server of this machine")
    hosts |= dict.fromkeys(gateways(), "a gateway of this machine")
    return Needed(await addresses_of_server(client), hosts, connected_networks())


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # a machine without a resolver
        return ""


def _say_limits(file: KubeProxyConfiguration, say: Say) -> None:
    if file.not_honoured:
        say(f"not honoured here: {', '.join(file.not_honoured)}")
    if not _can_bind_all():
        say(f"Services do not answer at ports that need a privilege (below 1024): `{LOW_PORTS_REMEDY}`, or root")


def _service_events(client: APIClient, name: str, user: User) -> ServiceEvents:
    poster = EventPoster(client, NAME, name, clock=time.time)
    return ServiceEvents(client, poster, user, has_low_ports=_can_bind_all())


def _can_bind_all() -> bool:
    return read_low_ports().can_bind(1)


def _localizer(config: ProxyConfig, node: OwnNode, routes: LocalRoutes | None, say: Say) -> Localizer:
    # The kernel's rules take packets to a cluster IP before they are routed, so it is no address of the machine.
    ranges = () if has_kernel(config) else node.ranges
    addresses = ServiceAddresses(ranges, node.machine, _needs_socket(config))
    source = {":" in each: each for each in reversed(node.addresses)}
    return Localizer(addresses, routes, node.needed, source, say)


def _needs_socket(config: ProxyConfig) -> NeedsSocket:
    def needs_socket(rule: PortRule) -> bool:
        return not has_kernel(config) or bool(why_not(rule, config.default_balancer, lambda _: True))

    return needs_socket


def _source(client: APIClient, node_name: str) -> APIListerWatcher:
    rng = random.Random()
    return APIListerWatcher(client, selections=selections(node_name), slim=SLIMS, clock=time.monotonic, rng=rng)


def _make_proxy(source: APIListerWatcher, config: ProxyConfig, localizer: Localizer, record: Record) -> ProxyServer:
    rng, clock = random.Random(), time.monotonic

    def stale() -> Staleness | None:
        found = oldest(source.freshness(), clock())
        return Staleness(found[1].age(clock()), f"{found[0].plural}: {found[1].problem}") if found else None

    network, failures = NodeNetwork(has_kernel=has_kernel(config)), Failures(time.time)
    dependencies = ProxyDependencies(network, clock, rng, failures, localizer.prepare, stale)
    return ProxyServer(source, config, dependencies, record=record)


def selections(node_name: str) -> Mapping[Resource, Selection]:
    """Return what kube-proxy follows (cmd/kube-proxy ``server.go``)."""
    return {
        SERVICES: Selection(labels=f"!{PROXY_NAME_LABEL}"),
        ENDPOINTSLICES: Selection(labels=f"!{HEADLESS_LABEL},!{PROXY_NAME_LABEL}"),
        NODES: Selection(fields=f"metadata.name={node_name}"),
    }


async def _serve(proxy: ProxyServer, beside: Collection[Coroutine[Any, Any, None]], run: _Run) -> None:
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(proxy.run(), name="proxy")
        others = [tasks.create_task(each) for each in (_tell(proxy, run), *beside)]
        await run.stop.wait()
        for each in others:
            each.cancel()
        await proxy.drain(DRAIN_SECONDS)
        serving.cancel()
    if run.is_left_to_kernel:
        run.user.say("the kernel goes on serving by its tables, as with kube-proxy; --cleanup removes them")


async def _tell(proxy: ProxyServer, run: _Run) -> None:
    begun, user = time.monotonic(), run.user
    await proxy.wait_until_programmed()
    if run.file.must_bind and proxy.problems():
        raise CommandError("; ".join(proxy.problems()))
    rules = proxy.rules
    services, addresses = counted(len(rules.by_service), "Service"), counted(len(rules.claims), "address", "addresses")
    user.say(f"ready after {time.monotonic() - begun:.2f} s: {services} with {addresses}")
    for each in proxy.problems():
        user.say(each)
    user.ready()

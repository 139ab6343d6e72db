"""Finds the proxy's own node and the ranges of cluster IPs in a cluster's API; waits as kube-proxy's NodeManager."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from socket import SOCK_STREAM
from urllib.parse import urlsplit

from kubeapi.io.informer import Informer
from kubeapi.meta import JSON
from kubeapi.objects.node import read_node
from kubeapi.scheme import NODES
from kubeapi.status import StatusError
from kubeapi.watching import Delta
from kubeclient.io.client import APIClient
from kubeclient.listwatch.io.listerwatcher import APIListerWatcher
from kubeclient.paths import path_of
from kubeclient.refusals import FORBIDDEN, NOT_FOUND, UNAUTHORIZED
from kubeproxy import NAME
from kubesvc.remote.proxy.needed import addresses_of_others
from kubesvc.remote.proxy.serviceaddresses import service_cidrs
from kubesvc.remote.proxy.slimming import slim_node

NODE_SECONDS = 30.0
"""How long a Node without addresses is waited for; then the proxy goes on without (nodeIPsTimeout of kube-proxy)."""
POLL_SECONDS = 1.0
NAMED = 5
"""Most nodes that are named where the own one is not found."""
_FINAL = (UNAUTHORIZED, FORBIDDEN)

Say = Callable[[str], None]


async def find_node(client: APIClient, name: str, say: Say) -> JSON | None:
    """Return the Node once it has an address, None if it has none in time; waits for the server without end.

    StatusError if the server refuses to tell.
    """
    deadline: float | None = None
    while True:
        node = await _ask(client, name, say)
        if node is not None and addresses_of(node):
            return node
        problem = f"there is no node {name}" if node is None else f"node {name} has no address"
        if deadline is None:
            deadline = time.monotonic() + NODE_SECONDS
            others = f"; the cluster has {await _some_nodes(client)}" if node is None else ""
            say(f"{problem}{others}; waiting {NODE_SECONDS:.0f} s for it (--node-name names another node)")
        if time.monotonic() >= deadline:
            say(f"{problem}; going on without, so node ports answer at no address of the node")
            return node
        await asyncio.sleep(POLL_SECONDS)


async def _ask(client: APIClient, name: str, say: Say) -> JSON | None:
    """Return the Node, None if there is none."""
    # A list, as the role that is enough for following allows no more.
    found = await _list(client, path_of(NODES, ""), {"fieldSelector": f"metadata.name={name}"}, say)
    return next(iter(found), None)


async def _list(
    client: APIClient, path: str, params: Mapping[str, str], say: Say, final: Collection[int] = _FINAL
) -> list[JSON]:
    """Return the objects of a list; asks until the server answers. StatusError with a ``final`` code."""
    said = ""
    while True:
        try:
            return list((await client.get(path, dict(params))).get("items") or ())
        except StatusError as error:
            if error.code in final:
                raise
            problem = str(error)
        except (ConnectionError, TimeoutError) as error:
            problem = str(error)
        if said != problem:
            said = problem
            say(f"{problem}; trying again")
        await asyncio.sleep(POLL_SECONDS)


async def _some_nodes(client: APIClient) -> str:
    """Return the names of the first nodes, or what is known of them."""
    try:
        found = (await client.get(path_of(NODES, ""), {"limit": str(NAMED + 1)})).get("items") or ()
    except (StatusError, ConnectionError, TimeoutError):
        return "nodes that cannot be listed"
    names = [each["metadata"]["name"] for each in found]
    return ", ".join([*names[:NAMED], *(["others"] if len(names) > NAMED else [])]) or "none"


def addresses_of(node: JSON) -> list[str]:
    """Return the addresses of a Node by which it is reached."""
    reading = read_node(node)
    return reading.addresses("InternalIP") or reading.addresses("ExternalIP")


async def addresses_of_server(client: APIClient) -> tuple[str, ...]:
    """Return the addresses at which the API server, or the HTTP proxy before it, is reached."""
    server = client.access.server
    host = urlsplit(server.proxy or server.url).hostname
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=SOCK_STREAM)
    except OSError:  # a name that only the proxy knows, or that has gone since the Node was asked for
        return ()
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


async def find_other_nodes(client: APIClient, name: str, say: Say) -> Mapping[str, str] | None:
    """Return the addresses of all nodes but ``name``, each with what it is; None, and says so, if it may not list."""
    try:
        nodes = await _list(client, path_of(NODES, ""), {"resourceVersion": "0"}, say)  # from the server's memory
    except StatusError as error:
        if error.code != FORBIDDEN:
            raise
        say(f"{error}; so a Service that has the address of another node is not told from others")
        return None
    return addresses_of_others(nodes, name)


async def follow_other_nodes(client: APIClient, name: str, note: Callable[[str, dict[str, str]], None]) -> None:
    """Call ``note`` with each node that joins, changes or leaves, and its addresses; runs until it is cancelled."""
    informer = Informer(APIListerWatcher(client, slim={NODES: slim_node}), NODES, keeps_objects=False)

    def learn(delta: Delta) -> None:
        if delta.key.name != name:
            note(delta.key.name, addresses_of_others([delta.new], name) if delta.new is not None else {})

    informer.add_handler(NAME, learn)
    await informer.run()


async def find_service_cidrs(client: APIClient, say: Say) -> Collection[str]:
    """Return the ranges of cluster IPs; () where the server has no such objects (before 1.33), or may not tell.

    Waits for the server without end.
    """
    try:
        found = await _list(client, "/apis/networking.k8s.io/v1/servicecidrs", {}, say, (*_FINAL, NOT_FOUND))
    except StatusError as error:
        if error.code in (NOT_FOUND, FORBIDDEN):
            return ()
        raise
    return service_cidrs(found)

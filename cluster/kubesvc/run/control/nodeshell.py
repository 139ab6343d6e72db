"""What the running cluster tells programs on its nodes: see ``kubesvc.shell``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeapi.scheme import NAMESPACES
from kubeapi.status import StatusError
from kubesvc.shell.entrance import Entrance

if TYPE_CHECKING:
    from kubesvc.run.cluster import Cluster


def entrance(cluster: Cluster) -> Entrance:
    """Return where the cluster's network is; StatusError without one."""
    agent = cluster.components.agent_pid
    if not agent:
        why = "the process that holds it is starting again" if cluster.sandbox.has_sandboxes else cluster.sandbox.why
        remedy = f"; to allow it: {cluster.sandbox.remedy}" if cluster.sandbox.remedy else ""
        option = "" if cluster.sandbox.has_sandboxes or remedy else "; start it with --sandbox namespaces"
        message = f'cluster "{cluster.state.name}" has no network of its own: {why}{remedy}{option}'
        raise StatusError(409, "Conflict", message)
    config, state = cluster.configuration, cluster.state
    return Entrance(
        agent=agent,
        nodes=tuple(each.name for each in config.nodes),
        dns_address=config.networking.dns_address,
        zone=config.networking.dns_domain,
        folder=str(state.work),
        hosts=str(state.hosts),
        kubeconfig=str(state.kubeconfig),
        namespaces=tuple(sorted(each["metadata"]["name"] for each in cluster.store.list(NAMESPACES))),
        namespace=_namespace(cluster),
    )


def _namespace(cluster: Cluster) -> str:
    """Return the namespace that a mirror shows, if it shows one alone."""
    upstream = cluster.components.upstream
    return (upstream.document()["namespace"] if upstream is not None else "") or "default"
